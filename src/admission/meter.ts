const spanMs = 2_000;

/** How much flowed lately, per millisecond, over the last two to four seconds. */
export class Meter {
  #start: number;
  #now = 0;
  #before = 0;
  /** How long the span before the present one was really measured. */
  #beforeMs = 0;

  constructor(now: number) {
    this.#start = now;
  }

  add(amount: number, now: number): void {
    this.#turn(now);
    this.#now += amount;
  }

  rate(now: number): number {
    this.#turn(now);
    return (this.#now + this.#before) / Math.max(1_000, now - this.#start + this.#beforeMs);
  }

  #turn(now: number): void {
    const elapsed = now - this.#start;
    if (elapsed < spanMs) return;
    const recent = elapsed < 2 * spanMs;
    this.#before = recent ? this.#now : 0;
    this.#beforeMs = recent ? elapsed : spanMs;
    this.#now = 0;
    this.#start = now;
  }
}
