import type { Layer } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { Slots } from "../core/slots.ts";
import { RetryBudget } from "./retry-budget.ts";

/** What admission needs to know of one Client. */
export interface LineFacts {
  /** Where the calls go; the driver's lane name where there is no origin. */
  readonly origin: string;
  /** A hash of key, organization and project: Clients with equal values share their lanes. */
  readonly account: string;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly requestsPerDay?: number;
  readonly tokensPerDay?: number;
  /** A call takes a place in each of these, all or none: the Client's own, the Pool's. */
  readonly slots: readonly Slots[];
  /** The one among `slots` whose fullness counts as waiting for a socket. */
  readonly poolSlots?: Slots;
  /** How many calls of this Client may wait. */
  readonly maxQueue: number;
  /** Whether the backend is bound by concurrency (Ollama, vLLM, llama.cpp), which is then adapted. */
  readonly concurrencyBound: boolean;
  /** Whether the provider is known to cache prompt prefixes. */
  readonly cachesPrefixes: boolean;
  /** Whether tokens read from the provider's cache do not count against its limits. */
  readonly cachedTokensFree?: boolean;
  /** Kept up to date for `clients.stats()`. */
  readonly gauges: { queued: number; waitingForSocket: number };
}

/** One lane at this moment, as plain data. */
export interface LaneStats {
  readonly origin: string;
  readonly model: string;
  readonly queued: number;
  readonly inFlight: number;
  /** `clock.now()` at which a pause ends; undefined when the lane is open. */
  readonly pausedUntil?: number;
}

/** Decides when a call may start. One for the process; each Client has a layer of it. */
export class Admission {
  readonly #budgets = new Map<string, RetryBudget>();

  constructor(_parts: { clock: Clock; logger?: () => Logger }) {}

  /** The layer of one Client. */
  layer(facts: LineFacts): Layer {
    return (next) => async (request, options) => {
      for (const slots of facts.slots) slots.take();
      options.record.attempts++;
      try {
        return await next(request, options);
      } finally {
        for (const slots of facts.slots) slots.give();
      }
    };
  }

  /** Forgets a closed Client: its configured rates no longer hold. */
  forget(_facts: LineFacts): void {}

  /** The retry budget that all Clients of one origin share. */
  budget(origin: string): RetryBudget {
    let budget = this.#budgets.get(origin);
    if (budget === undefined) {
      budget = new RetryBudget();
      this.#budgets.set(origin, budget);
    }
    return budget;
  }

  stats(): { readonly lanes: readonly LaneStats[] } {
    return { lanes: [] };
  }
}
