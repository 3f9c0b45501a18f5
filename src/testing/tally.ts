/** How many there were, are, and were at the same time at most. */
export interface Counter {
  readonly ever: number;
  readonly now: number;
  readonly peak: number;
}

/** A count that remembers its peak. */
export class Tally implements Counter {
  ever = 0;
  now = 0;
  peak = 0;

  enter(): void {
    this.ever++;
    this.now++;
    this.peak = Math.max(this.peak, this.now);
  }

  leave(): void {
    this.now--;
  }
}
