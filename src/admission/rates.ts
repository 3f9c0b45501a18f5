import type { RateSignal } from "../core/call.ts";
import { amountOf, type Claim, Dimension, type Limit, slowest } from "./dimension.ts";
import { Meter } from "./meter.ts";

/** A limit and what is left of it now. */
export interface RateStats extends Limit {
  /** What is let through now, a window; below `limit` after refusals. */
  readonly allowed: number;
  readonly level: number;
}

/** No provider counts in more ways than this. */
const mostDimensions = 12;
const minute = 60_000;

interface Part {
  readonly dimension: Dimension;
  readonly amount: number;
  /** The dimension's `taken` when this was taken, itself included. */
  readonly mark: number;
  /** It started against what the headers say. */
  readonly dared: boolean;
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
  /** Limits of Clients that are gone: one that comes back finds its bucket as it left it, until that would be full. */
  #resting: Dimension[] = [];
  readonly #accepted: Meter;
  /** When the last call started. */
  #startedAt: number;

  constructor(now: number) {
    this.#startedAt = now;
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
    const all = [...this.#dimensions, ...this.#resting];
    this.#dimensions = all.filter(({ active, distrusted }) => active || distrusted);
    this.#resting = all.filter((known) => !this.#dimensions.includes(known) && !known.isFull(now));
    for (const dimension of this.#dimensions) dimension.relimit(now);
  }

  /** The configured limit that a prompt of `input` tokens alone can never fit in, if there is one. */
  tooLargeFor(input: number): { readonly limit: Limit; readonly amount: number } | undefined {
    for (const dimension of this.#dimensions) {
      const amount = amountOf[dimension.of]({ input, output: 0 });
      // What only headers say may be a mistake; the provider refuses by itself what is too large for it.
      if (amount > dimension.configured) return { limit: limitOf(dimension), amount };
    }
  }

  /** Milliseconds until every bucket has room for `claim`; 0 when it may start now. */
  waitMs(claim: Claim, now: number): number {
    let wait = 0;
    for (const dimension of this.#dimensions) {
      wait = Math.max(wait, dimension.waitMs(amountOf[dimension.of](claim), this.#startedAt, now));
    }
    return wait;
  }

  /** About how long `claim` waits behind so many others like it. */
  backlogMs(claim: Claim, ahead: number, now: number): number {
    let wait = 0;
    for (const dimension of this.#dimensions) {
      wait = Math.max(wait, dimension.backlogMs(amountOf[dimension.of](claim), ahead, now));
    }
    return wait;
  }

  /** Takes `claim` from every bucket. */
  reserve(claim: Claim, now: number): Reservation {
    const lastStart = this.#startedAt;
    this.#startedAt = now;
    const parts = this.#dimensions.map((dimension) => {
      const amount = amountOf[dimension.of](claim);
      const dared = dimension.isDared(amount, now);
      dimension.take(amount, lastStart, now);
      return { dimension, amount, mark: dimension.taken, dared };
    });
    return { at: now, parts };
  }

  /**
   * The call ended. With its true usage the difference goes back; without, the estimate stands, because the
   * provider may have counted it. Settling twice does nothing.
   */
  settle(reservation: Reservation, used: Claim | undefined, now: number): void {
    for (const { dimension, amount, dared } of this.#release(reservation)) {
      if (used === undefined) continue;
      dimension.bucket.give(amount - amountOf[dimension.of](used), reservation.at, now);
      if (dared) dimension.distrust(now);
    }
  }

  /** Nothing was sent: everything goes back. */
  refund(reservation: Reservation, now: number): void {
    for (const { dimension, amount } of this.#release(reservation))
      dimension.bucket.give(amount, reservation.at, now);
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
      const dimension = this.#learn(signal, reservation, now);
      if (dimension?.active && isCount(signal.remaining)) {
        this.#heed(dimension, signal.remaining, reservation, now);
      }
    }
  }

  #learn(signal: RateSignal, reservation: Reservation, now: number): Dimension | undefined {
    const { of, windowMs, limit, remaining } = signal;
    if (!(windowMs > 0)) return undefined;
    const known = this.#find(of, windowMs);
    const own = reservation.parts.find(({ dimension }) => dimension === known);
    // A limit smaller than the call that it came with is a mistake, not a limit.
    if (!isCount(limit) || limit < Math.max(1, own?.amount ?? 1)) return known;
    const dimension = known ?? this.#dimension(of, windowMs, now);
    dimension?.learn(limit, isCount(remaining), now);
    return dimension;
  }

  /**
   * `remaining` is what the provider had left when it counted this call, at the earliest when it was sent. What
   * was sent since may be missing from it, so it only lowers; it raises only when nothing else is under way, and
   * never beyond a configured limit.
   */
  #heed(dimension: Dimension, remaining: number, reservation: Reservation, now: number): void {
    const own = reservation.parts.find((part) => part.dimension === dimension);
    const { bucket } = dimension;
    dimension.tune(now);
    if (remaining < (own?.amount ?? 1)) reservation.exhausted ??= dimension;
    const alone = own !== undefined && dimension.outstanding <= own.amount;
    if (alone && dimension.configured === Number.POSITIVE_INFINITY && !dimension.adaptive.adapted) {
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
    else if (!culprit.isBudget) culprit.refuse(now);
    for (const dimension of this.#dimensions) {
      dimension.trust();
      const spent = !dimension.isBudget || dimension === culprit;
      if (spent && dimension.bucket.level(now) > 0) dimension.bucket.set(0, now);
    }
  }

  #mostStrained(now: number): Dimension | undefined {
    let most: Dimension | undefined;
    for (const dimension of this.#dimensions) {
      if (dimension.isBudget || !dimension.active) continue;
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
    const rested = this.#resting.findIndex((other) => other.of === of && other.windowMs === windowMs);
    const [dimension = new Dimension(of, windowMs, now)] = rested < 0 ? [] : this.#resting.splice(rested, 1);
    this.#dimensions.push(dimension);
    return dimension;
  }

  stats(now: number): readonly RateStats[] {
    const active = this.#dimensions.filter((dimension) => dimension.active);
    return active.map((dimension) => ({
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
