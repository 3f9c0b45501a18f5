/** What one fairness key has had of a lane. */
export interface Share {
  /** Start-time tag: whoever has the smallest goes next. */
  tag: number;
  /** Calls of this key that wait. */
  waiting: number;
}

/** Keys that wait for nothing are remembered only while this many more than those that do. */
const idleKept = 1_000;

/**
 * Fair shares of a lane between fairness keys, by cost (start-time fair queueing). A key that was away comes back
 * at the present: it can neither bank credit nor escape what it owes.
 */
export class Shares {
  readonly #byKey = new Map<string | object, Share>();
  /** The tag of the call that started last: the present. */
  #present = 0;
  #active = 0;

  /** A call of `key` begins to wait. */
  join(key: string | object): Share {
    let share = this.#byKey.get(key);
    if (share === undefined) {
      share = { tag: this.#present, waiting: 0 };
      this.#byKey.set(key, share);
    }
    if (share.waiting === 0) {
      this.#active++;
      if (share.tag < this.#present) share.tag = this.#present;
    }
    share.waiting++;
    return share;
  }

  /** A call of `share` started: its key has now had `cost` more. */
  charge(share: Share, cost: number): void {
    if (share.tag > this.#present) this.#present = share.tag;
    share.tag += cost;
  }

  /** A call of `share` waits no longer, for whatever reason. */
  leave(share: Share): void {
    share.waiting--;
    if (share.waiting > 0) return;
    this.#active--;
    if (this.#active === 0) {
      // Nobody waits: everybody had what they wanted, so nobody owes anything.
      this.#byKey.clear();
      this.#present = 0;
    } else if (this.#byKey.size > 2 * this.#active + idleKept) {
      this.#sweep();
    }
  }

  #sweep(): void {
    for (const [key, share] of this.#byKey) if (share.waiting === 0) this.#byKey.delete(key);
  }
}
