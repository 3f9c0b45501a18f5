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

/** A limit and what is left of it now. */
export interface RateStats extends Limit {
  /** What is let through now, a window; below `limit` after refusals. */
  readonly allowed: number;
  readonly level: number;
}

const amountOf: Readonly<Record<RateSignal["of"], (claim: Claim) => number>> = {
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
/** No provider counts in more ways than this. */
const mostDimensions = 12;
const minute = 60_000;
/** Where nothing is known, searching starts at one call a second. */
const slowest = 1 / 1_000;

/** One limit with its bucket. */
class Dimension {
  readonly of: RateSignal["of"];
  readonly windowMs: number;
  readonly adaptive: AdaptiveRate;
  readonly bucket: Bucket;
  readonly meter: Meter;
  configured = Number.POSITIVE_INFINITY;
  learnt = Number.POSITIVE_INFINITY;
  /** The provider says how much is left and has not refused at that: bursts may be larger. */
  roomy = false;
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

  get isBudget(): boolean {
    return this.windowMs >= budgetWindowMs;
  }

  /** Brings the bucket up to date with what is allowed now. */
  tune(now: number): void {
    const rate = this.adaptive.at(now);
    if (rate !== this.bucket.rate) this.bucket.retune(rate, this.#burst(rate), now);
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

interface Part {
  readonly dimension: Dimension;
  readonly amount: number;
  /** The dimension's `taken` when this was taken, itself included. */
  readonly mark: number;
}

/** What one attempt took; settled once. */
export interface Reservation {
  readonly at: number;
  parts: readonly Part[];
  /** The limit that its own answer said was used up. */
  exhausted?: Dimension;
}

/**
 * All limits of a lane. A call takes its claim from every bucket in one step, and settles when its true usage is
 * known. Limits come from options and from answers; refusals move the rate of the limit that was to blame.
 */
export class Rates {
  #dimensions: Dimension[] = [];
  readonly #accepted: Meter;

  constructor(now: number) {
    this.#accepted = new Meter(now);
  }

  /** Whether anything is paced. */
  get active(): boolean {
    return this.#dimensions.length > 0;
  }

  /** The configured limits that hold from now on; what answers taught stays. */
  configure(limits: readonly Limit[], now: number): void {
    for (const dimension of this.#dimensions) dimension.configured = Number.POSITIVE_INFINITY;
    for (const { of, windowMs, limit } of limits) {
      const dimension = this.#dimension(of, windowMs, now);
      if (dimension !== undefined) dimension.configured = Math.min(dimension.configured, limit);
    }
    this.#dimensions = this.#dimensions.filter(({ limit, adaptive }) => limit < Infinity || adaptive.adapted);
    for (const dimension of this.#dimensions) dimension.relimit(now);
  }

  /** The limit that `claim` can never fit in, if there is one. */
  tooLargeFor(claim: Claim): { readonly limit: Limit; readonly amount: number } | undefined {
    for (const dimension of this.#dimensions) {
      const amount = amountOf[dimension.of](claim);
      if (amount > dimension.limit) return { limit: limitOf(dimension), amount };
    }
  }

  /** Milliseconds until every bucket has room for `claim`; 0 when it may start now. */
  waitMs(claim: Claim, now: number): number {
    let wait = 0;
    for (const dimension of this.#dimensions) {
      dimension.tune(now);
      wait = Math.max(wait, dimension.bucket.waitMs(amountOf[dimension.of](claim), now));
    }
    return wait;
  }

  /** Takes `claim` from every bucket. */
  reserve(claim: Claim, now: number): Reservation {
    const parts = this.#dimensions.map((dimension) => {
      const amount = amountOf[dimension.of](claim);
      dimension.bucket.take(amount, now);
      dimension.meter.add(amount, now);
      dimension.taken += amount;
      dimension.outstanding += amount;
      return { dimension, amount, mark: dimension.taken };
    });
    return { at: now, parts };
  }

  /**
   * The call ended. With its true usage the difference goes back; without, the estimate stands, because the
   * provider may have counted it. Settling twice does nothing.
   */
  settle(reservation: Reservation, used: Claim | undefined, now: number): void {
    for (const { dimension, amount } of this.#release(reservation)) {
      if (used !== undefined) dimension.bucket.give(amount - amountOf[dimension.of](used), now);
    }
  }

  /** Nothing was sent: everything goes back. */
  refund(reservation: Reservation, now: number): void {
    for (const { dimension, amount } of this.#release(reservation)) dimension.bucket.give(amount, now);
  }

  #release(reservation: Reservation): readonly Part[] {
    const { parts } = reservation;
    reservation.parts = [];
    for (const { dimension, amount } of parts) dimension.outstanding -= amount;
    return parts;
  }

  /** An answer came: where no limit is known, this is the rate that the provider surely bears. */
  accepted(now: number): void {
    this.#accepted.add(1, now);
  }

  /** What an answer's headers say, for the call that took `reservation`. */
  observe(reservation: Reservation, signals: readonly RateSignal[], now: number): void {
    for (const signal of signals) {
      const dimension = this.#learn(signal, now);
      if (dimension !== undefined && isCount(signal.remaining)) {
        this.#heed(dimension, signal.remaining, reservation, now);
      }
    }
  }

  #learn({ of, windowMs, limit, remaining }: RateSignal, now: number): Dimension | undefined {
    if (!(windowMs > 0)) return undefined;
    if (!isCount(limit) || limit === 0) return this.#find(of, windowMs);
    const dimension = this.#dimension(of, windowMs, now);
    if (dimension === undefined || dimension.learnt === limit) return dimension;
    dimension.learnt = limit;
    if (isCount(remaining) && !dimension.adaptive.adapted) dimension.roomy = true;
    dimension.relimit(now);
    return dimension;
  }

  /**
   * `remaining` is what the provider had left when it counted this call, at the earliest when it was sent. What
   * was sent since may be missing from it, so it only lowers; it raises only when nothing else is under way.
   */
  #heed(dimension: Dimension, remaining: number, reservation: Reservation, now: number): void {
    const own = reservation.parts.find((part) => part.dimension === dimension);
    const { bucket } = dimension;
    dimension.tune(now);
    if (remaining < (own?.amount ?? 1)) reservation.exhausted ??= dimension;
    const alone = dimension.outstanding - (own?.amount ?? 0) <= 0;
    if (alone && own !== undefined && !dimension.adaptive.adapted) {
      bucket.set(remaining, now);
      return;
    }
    const since = own === undefined ? dimension.outstanding : dimension.taken - own.mark;
    const refilled = (now - reservation.at) * bucket.rate;
    const left = Math.min(remaining, remaining - since + refilled);
    if (left < bucket.level(now)) bucket.set(left, now);
  }

  /** The provider refused: the rate of the limit to blame is lowered and the buckets are emptied. */
  refused(reservation: Reservation, now: number): void {
    const culprit = reservation.exhausted ?? this.#mostStrained(now);
    if (culprit === undefined) this.#beginSearch(now);
    else if (!culprit.isBudget) {
      culprit.adaptive.refuse(culprit.meter.rate(now), now);
      culprit.roomy = false;
      culprit.tune(now);
    }
    for (const dimension of this.#dimensions) {
      const spent = !dimension.isBudget || dimension === culprit;
      if (spent && dimension.bucket.level(now) > 0) dimension.bucket.set(0, now);
    }
  }

  #mostStrained(now: number): Dimension | undefined {
    let most: Dimension | undefined;
    for (const dimension of this.#dimensions) {
      if (dimension.isBudget) continue;
      if (most === undefined || dimension.strain(now) > most.strain(now)) most = dimension;
    }
    return most;
  }

  #beginSearch(now: number): void {
    const dimension = this.#dimension("requests", minute, now);
    if (dimension === undefined) return;
    dimension.adaptive.begin(Math.max(slowest, 0.8 * this.#accepted.rate(now)), now);
    dimension.tune(now);
  }

  #find(of: RateSignal["of"], windowMs: number): Dimension | undefined {
    return this.#dimensions.find((known) => known.of === of && known.windowMs === windowMs);
  }

  #dimension(of: RateSignal["of"], windowMs: number, now: number): Dimension | undefined {
    const known = this.#find(of, windowMs);
    if (known !== undefined || this.#dimensions.length >= mostDimensions) return known;
    const dimension = new Dimension(of, windowMs, now);
    this.#dimensions.push(dimension);
    return dimension;
  }

  stats(now: number): readonly RateStats[] {
    return this.#dimensions.map((dimension) => ({
      ...limitOf(dimension),
      allowed: dimension.adaptive.at(now) * dimension.windowMs,
      level: dimension.bucket.level(now),
    }));
  }
}

function limitOf({ of, windowMs, limit }: Dimension): Limit {
  return { of, windowMs, limit };
}

function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value >= 0;
}
