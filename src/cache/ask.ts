import type { Call, CallOptions } from "../core/call.ts";
import type { TrunklineError } from "../core/errors.ts";
import type { ChatRequest } from "../core/request.ts";
import type { Leave } from "../core/signals.ts";
import { senderOf } from "./headers.ts";

/** The Client behind a line, as far as joined work needs to know it. */
export interface Owner {
  /** Who shares failures that are about a key, an account or a closed Client. */
  readonly client: string;
  /** How to end each piece of the Client's work at once; work that only callers of others wait for is in it too. */
  readonly open?: Set<Leave>;
}

/** One call on its way through the cache, with all it takes to ask anew. */
export interface Ask {
  readonly key: string;
  readonly request: ChatRequest;
  readonly options: CallOptions;
  readonly next: Call;
  readonly owner: Owner;
}

/** Failures of the one who asked, which say nothing about what another would get. */
const personal: ReadonlySet<string> = new Set([
  "auth",
  "permission",
  "quota",
  "rate_limit",
  "budget",
  "closed",
]);

/** What a more patient caller may have survived. */
const patience = [
  "timeout",
  "firstByteTimeout",
  "idleTimeout",
  "queueTimeout",
  "maxQueue",
  "maxRetries",
] as const;

/** Whether a failure of the work that `leader` asked for is not one of `waiter`, who may do better alone. */
export function isForeign(error: TrunklineError, leader: Ask, waiter: Ask): boolean {
  if (personal.has(error.code)) {
    if (waiter.owner.client !== leader.owner.client) return true;
    return error.code !== "closed" && senderOf(waiter.options.headers) !== senderOf(leader.options.headers);
  }
  // Work that was refused before anybody with more time had joined it.
  if (error.code === "timeout" && error.phase === "total" && !error.retryable)
    return waiter.options.deadlineAt > leader.options.deadlineAt;
  return error.retryable && patience.some((name) => waiter.options[name] > leader.options[name]);
}
