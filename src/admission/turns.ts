import type { Slots } from "../core/slots.ts";

/** Somebody who waits for room. `wake` starts at most one call and says whether it would start another. */
export interface Waiter {
  wake(): boolean;
}

/**
 * Who waits for room in shared Slots. When there is some, each waiter starts one call in turn, so that a lane
 * with a long queue leaves room for one with a short.
 */
export class Turns {
  readonly #slots: Slots;
  readonly #waiters = new Set<Waiter>();
  #stop: (() => void) | undefined;
  #handing = false;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  wait(waiter: Waiter): void {
    this.#waiters.add(waiter);
    this.#stop ??= this.#slots.onRoom(() => this.#hand());
  }

  #hand(): void {
    if (this.#handing) return;
    this.#handing = true;
    while (this.#slots.free) {
      const next = this.#waiters.values().next().value;
      if (next === undefined) break;
      this.#waiters.delete(next);
      if (next.wake()) this.#waiters.add(next);
    }
    this.#handing = false;
    if (this.#waiters.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }
}

/** The turns of each Slots in use. */
export class TurnTable {
  readonly #turns = new WeakMap<Slots, Turns>();

  of(slots: Slots): Turns {
    let turns = this.#turns.get(slots);
    if (turns === undefined) {
      turns = new Turns(slots);
      this.#turns.set(slots, turns);
    }
    return turns;
  }
}
