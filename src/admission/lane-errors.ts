import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { Limit } from "./dimension.ts";

export function queueFull(maxQueue: number, model: string): TrunklineError {
  return new TrunklineError(
    "queue_full",
    `${maxQueue} calls wait for ${model} already; start fewer at once (\`concurrency\`) or raise \`maxQueue\``,
    { model, sent: false },
  );
}

export function queueTooLong(queueTimeout: number, model: string): TrunklineError {
  return new TrunklineError(
    "timeout",
    `the call waited ${queueTimeout} ms for admission to ${model}; raise \`queueTimeout\` or start fewer at once`,
    { phase: "queue", model, sent: false },
  );
}

export function deadlinePassed(model: string): TrunklineError {
  return new TrunklineError("timeout", "the call's deadline passed before it could be sent", {
    phase: "total",
    model,
    retryable: false,
    sent: false,
  });
}

export function outlastsDeadline(pauseMs: number, model: string): TrunklineError {
  return new TrunklineError(
    "rate_limit",
    `the provider asked to wait ${Math.ceil(pauseMs / 1_000)} s before the next call to ${model}, longer than this call may wait`,
    { model, retryAfterMs: pauseMs, sent: false },
  );
}

const words = {
  requests: "request",
  tokens: "token",
  input_tokens: "input token",
  output_tokens: "output token",
};

export function tooLarge(
  { limit: { of, windowMs, limit }, amount }: { readonly limit: Limit; readonly amount: number },
  model: string,
): TrunklineError {
  return new TrunklineError(
    "bad_request",
    `the prompt alone needs about ${amount} ${words[of]}s, but the limit of ${model} is ${limit} in ${windowMs / 1_000} s, ` +
      "so it can never start; shorten the prompt or raise the limit",
    { model, sent: false },
  );
}

/** Failures after which the provider may have done the work all the same. */
const brokenOff: ReadonlySet<string> = new Set([
  "network",
  "timeout",
  "aborted",
  "closed",
  "incomplete",
  "bad_response",
]);

/** Whether a failed attempt may be on the bill: it was sent, and what ended it was not the provider's refusal. */
export function mayBePaid(error: unknown): boolean {
  if (!isTrunklineError(error) || error.sent === false || !brokenOff.has(error.code)) return false;
  return (
    error.phase !== "queue" &&
    error.phase !== "connect" &&
    !(error.status !== undefined && error.status >= 400)
  );
}
