import type { Call } from "../../src/core/call.ts";
import { completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { FakeClock } from "../../src/testing/fake-clock.ts";

export interface Model {
  /** Requests a second that it allows, at a moment. */
  readonly perSecond: (now: number) => number;
  readonly burst: number;
  /** How long an answer takes, on average. */
  readonly answerMs: number;
  readonly refusalMs: number;
  readonly hints: boolean;
  readonly longestHintMs: number;
  /** Whether answers report the limit, a minute's worth. */
  readonly headers: boolean;
}

/** A provider that refuses what its token bucket does not hold, as the real ones do. */
export class ModelledProvider {
  accepted = 0;
  refused = 0;
  readonly sentAt: number[] = [];
  #level: number;
  #at = 0;
  readonly #clock: FakeClock;
  readonly #model: Model;

  constructor(clock: FakeClock, model: Partial<Model> = {}) {
    this.#clock = clock;
    this.#model = {
      perSecond: () => 10,
      burst: 20,
      answerMs: 2_000,
      refusalMs: 100,
      hints: true,
      longestHintMs: Number.POSITIVE_INFINITY,
      headers: false,
      ...model,
    };
    this.#level = this.#model.burst;
  }

  readonly call: Call = async (_request, { watch }) => {
    const { perSecond, burst, answerMs, refusalMs, hints, longestHintMs, headers } = this.#model;
    const now = this.#clock.now();
    const rate = perSecond(now) / 1_000;
    this.sentAt.push(now);
    this.#level = Math.min(burst, this.#level + (now - this.#at) * rate);
    this.#at = now;
    const report = (): void => {
      const [limit, remaining] = [rate * 60_000, Math.max(0, Math.floor(this.#level))];
      if (headers) watch.onRate?.([{ of: "requests", windowMs: 60_000, limit, remaining }]);
    };
    if (this.#level >= 1) {
      this.#level--;
      this.accepted++;
      await this.#after(answerMs * (0.5 + this.#clock.random()));
      report();
      return completion("ok", { inputTokens: 10, outputTokens: 10 });
    }
    this.refused++;
    const told = Math.min(longestHintMs, Math.ceil((1 - this.#level) / rate));
    const retryAfterMs = hints ? told : undefined;
    await this.#after(refusalMs);
    report();
    throw new TrunklineError("rate_limit", "slow down", { status: 429, retryAfterMs });
  };

  get wasted(): number {
    return this.refused / (this.refused + this.accepted);
  }

  #after(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }
}
