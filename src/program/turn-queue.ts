import type { Clock } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import { onLeave } from "./leaving.ts";

/** Turns that take place one after another, in the order in which they came. */
export class TurnQueue {
  #busy = false;
  /** In order; a Set, because one that leaves does so from anywhere. */
  readonly #waiting = new Set<() => void>();

  /** Waits for its turn; whoever got in must `leave`. An abort or a deadline of the run around it ends the wait. */
  enter(clock: Clock, mostWaiting: number): Promise<void> {
    if (this.#busy && this.#waiting.size >= mostWaiting) {
      const text = `the agent has ${mostWaiting} turns waiting already (maxQueue)`;
      return Promise.reject(new TrunklineError("queue_full", text, { sent: false }));
    }
    return new Promise((resolve, reject) => {
      let unlink = (): void => {};
      const begin = (): void => {
        unlink();
        resolve();
      };
      let left = false;
      unlink = onLeave(clock, (error) => {
        left = true;
        unlink();
        this.#waiting.delete(begin);
        reject(error);
      });
      if (left) return;
      this.#waiting.add(begin);
      this.#next();
    });
  }

  leave(): void {
    this.#busy = false;
    this.#next();
  }

  #next(): void {
    if (this.#busy) return;
    for (const begin of this.#waiting) {
      this.#waiting.delete(begin);
      this.#busy = true;
      begin();
      return;
    }
  }
}
