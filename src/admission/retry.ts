import type { Call, CallOptions, Layer } from "../core/call.ts";
import type { Clock, Timer } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError, type TrunklineError } from "../core/errors.ts";
import type { ChatRequest } from "../core/request.ts";
import { type Delivery, watched } from "./delivery.ts";
import { RetryBudget } from "./retry-budget.ts";
import { outlasts, retryDelay } from "./retry-timing.ts";

export { RetryBudget };

export interface RetryParts {
  readonly clock: Clock;
  readonly budget: RetryBudget;
}

/**
 * Tries again what may succeed a little later. It stands outside admission: while it waits a call holds no place
 * and no tokens, and it comes back to the queue with the age of its arrival.
 */
export function retry(parts: RetryParts): Layer {
  return (next) => (request, options) => new Repeated(parts, next, request, options).attempt();
}

/** One call with all its attempts. */
class Repeated implements Delivery {
  delivered = false;
  readonly #parts: RetryParts;
  readonly #next: Call;
  readonly #request: ChatRequest;
  readonly #options: CallOptions;
  #retries = 0;

  constructor(parts: RetryParts, next: Call, request: ChatRequest, options: CallOptions) {
    this.#parts = parts;
    this.#next = next;
    this.#request = request;
    this.#options = watched(options, this);
  }

  attempt(): Promise<Completion> {
    return this.#next(this.#request, this.#options).then(this.#succeeded, this.#failed);
  }

  readonly #succeeded = (answer: Completion): Completion => {
    this.#parts.budget.succeeded();
    return answer;
  };

  readonly #failed = (error: unknown): Promise<Completion> => {
    if (!this.#mayRepeat(error)) throw error;
    this.#retries++;
    const delay = retryDelay(this.#retries, error.retryAfterMs, this.#parts.clock.random());
    return this.#pause(delay, error).then(() => this.attempt());
  };

  #mayRepeat(error: unknown): error is TrunklineError {
    const { signal, maxRetries, deadlineAt } = this.#options;
    if (!isTrunklineError(error) || !error.retryable || signal?.aborted) return false;
    // A caller who waited too long, or came to a full queue, hears so at once.
    if (error.code === "queue_full" || error.phase === "queue") return false;
    if (this.delivered || this.#retries >= maxRetries) return false;
    if (outlasts(error.retryAfterMs, deadlineAt, this.#parts.clock.now())) return false;
    // The lane paces what a limit refuses; the budget guards a provider that fails.
    return error.code === "rate_limit" || this.#parts.budget.spend();
  }

  #pause(delay: number, error: TrunklineError): Promise<void> {
    const { signal, deadlineAt } = this.#options;
    const { clock } = this.#parts;
    // A wait that the deadline would end anyway tells its caller nothing; the failure does.
    if (clock.now() + delay >= deadlineAt) return Promise.reject(error);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        timer.cancel();
        reject(signal!.reason);
      };
      const timer: Timer = clock.after(delay, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
