import type { RateSignal } from "../core/call.ts";
import { AdaptiveRate } from "./adaptive-rate.ts";
import { Bucket } from "./bucket.ts";
import { Meter } from "./meter.ts";

/** What a call takes from its lane's limits. */
export interface Claim {
  readonly input: number;
  readonly output: number;
}

/** One limit of a lane as it is known: so many of a kind in a window. */
export interface Limit {
  readonly of: RateSignal["of"];
  readonly windowMs: number;
  readonly limit: number;
}

/** What a claim takes from a limit of each kind. */
export const amountOf: Readonly<Record<RateSignal["of"], (claim: Claim) => number>> = {
  requests: () => 1,
  tokens: ({ input, output }) => input + output,
  input_tokens: ({ input }) => input,
  output_tokens: ({ output }) => output,
};

/** Windows this long are a budget, to be spent at will; shorter ones are paced evenly. */
const budgetWindowMs = 3_600_000;
/** Evenly: no more than this at once, since providers count in slices of a minute. */
const evenBurstMs = 100;
/** What a provider itself says is left may be used this much faster, until it refuses. */
const roomyBurstMs = 10_000;
/** What is only guessed, from headers or refusals, holds a lane no longer than this: then one call goes and sees. */
const longestGuessMs = 60_000;
/** Units per millisecond where nothing is known: searching starts at one call a second. */
export const slowest = 1 / 1_000;

/** One limit with its bucket. */
export class Dimension implements Limit {
  readonly of: RateSignal["of"];
  readonly windowMs: number;
  readonly adaptive: AdaptiveRate;
  readonly bucket: Bucket;
  readonly meter: Meter;
  configured = Number.POSITIVE_INFINITY;
  learnt = Number.POSITIVE_INFINITY;
  /** The provider says how much is left and has not refused at that: bursts may be larger. */
  roomy = false;
  /** A call went although the headers said that nothing was left, and was answered: they are wrong. */
  #distrusted = false;
  /** Everything ever taken, so that what was taken after a certain call is a difference. */
  taken = 0;
  /** Taken by calls that have not settled. */
  outstanding = 0;
  #fresh = true;

  constructor(of: RateSignal["of"], windowMs: number, now: number) {
    this.of = of;
    this.windowMs = windowMs;
    this.adaptive = new AdaptiveRate(Number.POSITIVE_INFINITY);
    this.bucket = new Bucket(slowest, 1, 1, now);
    this.meter = new Meter(now);
  }

  get limit(): number {
    return Math.min(this.configured, this.learnt);
  }

  /** Whether it holds anything back: a limit is known, or refusals have shown one. */
  get active(): boolean {
    return this.limit < Number.POSITIVE_INFINITY || this.adaptive.adapted;
  }

  /** Known from answers alone. */
  get isHearsay(): boolean {
    return this.learnt < this.configured;
  }

  get isBudget(): boolean {
    return this.windowMs >= budgetWindowMs;
  }

  get distrusted(): boolean {
    return this.#distrusted;
  }

  /** Nothing that was taken is still missing. */
  isFull(now: number): boolean {
    return this.bucket.lacking(Number.POSITIVE_INFINITY, now) === 0;
  }

  /** Brings the bucket up to date with what is allowed now. */
  tune(now: number): void {
    const rate = this.adaptive.at(now);
    if (rate !== this.bucket.rate) this.bucket.retune(rate, this.#burst(rate), now);
  }

  /** Milliseconds until `amount` may start; `lastStart` is when the lane's last call did. */
  waitMs(amount: number, lastStart: number, now: number): number {
    if (!this.active) return 0;
    this.tune(now);
    const full = this.bucket.waitMs(amount, now);
    const isGuess = this.isHearsay || this.adaptive.adapted;
    return full > 0 && isGuess ? Math.min(full, this.#certainMs(amount, lastStart, now)) : full;
  }

  /** About how long `amount` waits behind so many others like it. */
  backlogMs(amount: number, ahead: number, now: number): number {
    if (!this.active) return 0;
    this.tune(now);
    return this.bucket.lacking(amount, now, ahead * amount) / this.bucket.rate;
  }

  /** The wait that a guess can demand; a configured limit holds in any case. */
  #certainMs(amount: number, lastStart: number, now: number): number {
    const guessed = Math.max(0, lastStart + longestGuessMs - now);
    if (this.configured === Number.POSITIVE_INFINITY) return guessed;
    const lacking = this.bucket.lacking(amount, now) - this.#unguessed(lastStart, now);
    return Math.max(guessed, Math.ceil((lacking * this.windowMs) / this.configured));
  }

  /** By how much the bucket would have filled faster since the last start by the configured limit alone. */
  #unguessed(lastStart: number, now: number): number {
    return (now - lastStart) * (this.configured / this.windowMs - this.bucket.rate);
  }

  /** `amount` starts. Where that goes against a guess, only what is surely missing is still so for those behind it. */
  take(amount: number, lastStart: number, now: number): void {
    const dares = (this.isHearsay || this.adaptive.adapted) && this.bucket.waitMs(amount, now) > 0;
    if (dares) {
      const level = this.bucket.level(now);
      // Without a configured limit nothing is sure, and the sum has no end.
      const sure = Math.min(0, level + this.#unguessed(lastStart, now));
      if (sure > level) this.bucket.set(sure, now);
    }
    this.bucket.take(amount, now);
    this.meter.add(amount, now);
    this.taken += amount;
    this.outstanding += amount;
  }

  /** Whether a start now would go against what the headers say. */
  isDared(amount: number, now: number): boolean {
    return this.isHearsay && this.bucket.waitMs(amount, now) > 0;
  }

  /** The headers named a limit. */
  learn(limit: number, saysRemaining: boolean, now: number): void {
    if (this.#distrusted || this.learnt === limit) return;
    this.learnt = limit;
    if (saysRemaining && !this.adaptive.adapted) this.roomy = true;
    this.relimit(now);
  }

  distrust(now: number): void {
    this.#distrusted = true;
    this.learnt = Number.POSITIVE_INFINITY;
    this.adaptive.forget();
    this.relimit(now);
  }

  /** The provider refused, and this limit is to blame. */
  refuse(now: number): void {
    // Where headers state the limit, little use says only that the calls before it was known were not measured.
    const used = this.learnt < Number.POSITIVE_INFINITY ? this.bucket.rate : this.meter.rate(now);
    this.adaptive.refuse(used, now);
    this.roomy = false;
    this.tune(now);
  }

  /** The provider refused: from here on headers are believed again. */
  trust(): void {
    this.#distrusted = false;
  }

  /** How much of what is allowed was used lately: near 1 when this limit is the one that holds calls back. */
  strain(now: number): number {
    return this.meter.rate(now) / this.bucket.rate;
  }

  /** The limit moved. A new bucket starts with a burst. */
  relimit(now: number): void {
    this.adaptive.limit = this.limit / this.windowMs;
    const allowed = this.adaptive.at(now);
    if (!Number.isFinite(allowed)) return;
    this.bucket.retune(allowed, this.#burst(allowed), now);
    if (this.#fresh) this.bucket.set(Number.POSITIVE_INFINITY, now);
    this.#fresh = false;
  }

  #burst(rate: number): number {
    if (this.isBudget) return rate * this.windowMs;
    return Math.max(1, rate * (this.roomy ? Math.min(roomyBurstMs, this.windowMs) : evenBurstMs));
  }
}
