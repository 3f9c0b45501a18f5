import type { Call, CallOptions } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { type ErrorCode, isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { ChatRequest } from "../core/request.ts";
import { type Delivery, watched } from "./delivery.ts";

/** One model and the whole chain of layers before it. */
export interface Chain {
  readonly model: string;
  /** As its user wrote it. */
  readonly name: string;
  readonly call: Call;
}

/**
 * Failures that another model may not share. What is wrong with the request itself (`bad_request`,
 * `context_length`, `content_filter`) or wanted by the caller goes no further.
 */
const another: ReadonlySet<ErrorCode> = new Set([
  "auth",
  "permission",
  "not_found",
  "rate_limit",
  "quota",
  "overloaded",
  "server_error",
  "network",
  "timeout",
  "queue_full",
  "bad_response",
  "incomplete",
]);

/**
 * One model after another until one answers, each through its own cache, retries and lane. Nothing follows a
 * delta that the caller has seen, an abort or the deadline.
 */
export function fallback(clock: Clock, chains: readonly Chain[]): Call {
  return async (request, options) => {
    const delivery: Delivery = { delivered: false };
    const ends = (): boolean =>
      delivery.delivered || options.signal?.aborted === true || options.deadlineAt <= clock.now();
    return firstAnswer(chains, request, watched(options, delivery), ends);
  };
}

async function firstAnswer(
  chains: readonly Chain[],
  request: ChatRequest,
  options: CallOptions,
  ends: () => boolean,
): Promise<Completion> {
  const failures: string[] = [];
  for (const [i, { model, name, call }] of chains.entries()) {
    try {
      return await call(i === 0 ? request : Object.freeze({ ...request, model }), options);
    } catch (error) {
      if (!isTrunklineError(error) || !another.has(error.code) || ends()) throw error;
      if (i === chains.length - 1) throw i === 0 ? error : allFailed(error, failures);
      failures.push(`${name}: ${error.code}`);
    }
  }
  throw new TypeError("fallback: no models");
}

function allFailed(last: TrunklineError, before: readonly string[]): TrunklineError {
  return new TrunklineError(
    last.code,
    `${last.message} (the last of all models; before it ${before.join(", ")})`,
    {
      ...last,
      cause: last,
    },
  );
}
