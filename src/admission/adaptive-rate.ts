/** One refused burst takes a fifth of the rate. */
const cut = 0.8;
const second = 1_000;
/** Below the last ceiling: 5 % each 5 s, up to 5 % above it. */
const recovery = { factor: 1.05, everyMs: 5 * second };
/** Where no ceiling is known yet: twice as much each second, until the provider says stop. */
const search = { factor: 2, everyMs: second };
/** After this long at the top without a refusal, the ceiling itself is in doubt and rises, each time more. */
const doubtAfterMs = 30 * second;
const largestDoubt = 0.8;
/** Units per millisecond that no provider reaches: as good as no limit. */
const fastest = 1_000;

/**
 * A rate, in units per millisecond, that finds what a provider truly allows, however wrong the configured limit
 * is. Refusals lower it, calm raises it again toward the rate at which it was last refused.
 */
export class AdaptiveRate {
  /** The configured or learnt limit; Infinity where none is known. */
  #limit: number;
  #rate: number;
  #ceiling = Number.POSITIVE_INFINITY;
  #refused = false;
  #since = 0;
  #doubt = 0.05;

  constructor(limit: number) {
    this.#limit = limit;
    this.#rate = limit;
  }

  set limit(limit: number) {
    if (!this.#refused) this.#rate = limit;
    else this.#rate = Math.min(this.#rate, limit);
    this.#limit = limit;
  }

  /** Whether a provider has refused at a known rate, so that the rate is found and no longer given. */
  get adapted(): boolean {
    return this.#refused;
  }

  /** What refusals have taught was about a limit that does not exist. */
  forget(): void {
    this.#refused = false;
    this.#ceiling = Number.POSITIVE_INFINITY;
    this.#rate = this.#limit;
  }

  at(now: number): number {
    if (this.#refused && now - this.#since >= second) this.#grow(now);
    return this.#rate;
  }

  /** The provider refused while `used` were flowing per millisecond. */
  refuse(used: number, now: number): void {
    const rate = this.at(now);
    // Where far less flows than is allowed, a fifth less would change nothing for a long time.
    const base = used < rate / 2 ? Math.max(used, rate / 10) : rate;
    this.#ceiling = base;
    this.#become(base * cut, now);
  }

  /** The first refusal where no limit was known: begin at `rate` and search upward. */
  begin(rate: number, now: number): void {
    this.#become(rate, now);
  }

  #become(rate: number, now: number): void {
    this.#refused = true;
    this.#doubt = 0.05;
    this.#rate = Math.min(rate, this.#limit);
    this.#since = now;
  }

  #grow(now: number): void {
    const { factor, everyMs } = this.#ceiling === Number.POSITIVE_INFINITY ? search : recovery;
    const top = this.#top;
    if (this.#rate < top) {
      const steps = Math.floor((now - this.#since) / everyMs);
      this.#rate = Math.min(top, this.#rate * factor ** steps);
      this.#since += steps * everyMs;
    } else if (now - this.#since >= doubtAfterMs) {
      this.#ceiling *= 1 + this.#doubt;
      this.#doubt = Math.min(largestDoubt, 2 * this.#doubt);
      this.#since = now;
    }
  }

  get #top(): number {
    return Math.min(this.#limit, recovery.factor * this.#ceiling, fastest);
  }
}
