/**
 * A token bucket, in units per millisecond. A start is allowed once the bucket holds its cost, or is full; it may
 * go into debt, so that over any stretch of time no more passes than the rate allows and one burst or one
 * largest cost beyond it.
 */
export class Bucket {
  #rate: number;
  #burst: number;
  #level: number;
  #at: number;
  /** When it was last seen full: what was taken before is forgotten. */
  #fullAt = Number.NEGATIVE_INFINITY;

  constructor(rate: number, burst: number, level: number, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#level = Math.min(level, burst);
    this.#at = now;
  }

  get rate(): number {
    return this.#rate;
  }

  level(now: number): number {
    this.#refill(now);
    return this.#level;
  }

  /** What is missing before `cost` may start, and `ahead` before it; 0 when it may now. */
  lacking(cost: number, now: number, ahead = 0): number {
    this.#refill(now);
    const lacking = ahead + Math.min(cost, this.#burst) - this.#level;
    return lacking <= 1e-9 * this.#burst ? 0 : lacking;
  }

  /** Milliseconds until `cost` may start; 0 when it may now. Whole ones, so that the wait surely suffices. */
  waitMs(cost: number, now: number): number {
    return Math.ceil(this.lacking(cost, now) / this.#rate);
  }

  take(cost: number, now: number): void {
    this.#refill(now);
    this.#level -= cost;
  }

  /**
   * Gives back what was taken too much at `takenAt`; a negative amount takes what was taken too little. A bucket that
   * has been full since then would be no fuller now had it never been taken: it gets nothing back.
   */
  give(amount: number, takenAt: number, now: number): void {
    this.#refill(now);
    if (amount <= 0 || this.#fullAt <= takenAt) this.#level = Math.min(this.#burst, this.#level + amount);
  }

  /** The bucket holds exactly this, as far as it can. */
  set(level: number, now: number): void {
    this.#at = Math.max(this.#at, now);
    this.#level = Math.min(this.#burst, level);
  }

  retune(rate: number, burst: number, now: number): void {
    this.#refill(now);
    this.#rate = rate;
    this.#burst = burst;
    this.#level = Math.min(this.#level, burst);
  }

  #refill(now: number): void {
    if (now <= this.#at) return;
    this.#level = Math.min(this.#burst, this.#level + (now - this.#at) * this.#rate);
    this.#at = now;
    if (this.#level === this.#burst) this.#fullAt = now;
  }
}
