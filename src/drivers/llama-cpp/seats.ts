import type { Chat, Sequence, Tokens } from "./module.ts";

/** A sequence with what speaks through it. One call at a time has it. */
export interface Seat {
  readonly sequence: Sequence;
  readonly chat: Chat;
}

interface Waiting {
  readonly seated: (seat: Seat) => void;
}

/** The sequences of a context. Calls beyond their number wait, in the order in which they came. */
export class Seats {
  readonly #free: Seat[];
  readonly #waiting = new Set<Waiting>();

  constructor(seats: readonly Seat[]) {
    this.#free = [...seats];
  }

  /** A free seat, the one that still holds most of `tokens`; rejects with the signal's reason when it aborts. */
  take(tokens: Tokens, signal: AbortSignal | undefined): Promise<Seat> {
    signal?.throwIfAborted();
    if (this.#free.length > 0) return Promise.resolve(this.#best(tokens));
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting);
        reject(signal!.reason);
      };
      const waiting: Waiting = {
        seated: (seat) => {
          signal?.removeEventListener("abort", leave);
          resolve(seat);
        },
      };
      this.#waiting.add(waiting);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  give(seat: Seat): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free.push(seat);
      return;
    }
    this.#waiting.delete(next);
    next.seated(seat);
  }

  #best(tokens: Tokens): Seat {
    const held = this.#free.map(({ sequence }) => sequence.compareContextTokens(tokens).firstDifferentIndex);
    const [seat] = this.#free.splice(held.indexOf(Math.max(...held)), 1);
    return seat!;
  }
}
