import type { Clock, Timer } from "../core/clock.ts";

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
  readonly kind: "pending" | "idle" | "turn";
}

/** A seeded generator of numbers in [0, 1): small, fast, and the same everywhere (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A clock that moves only when a test says so, and whose chance is seeded.
 *
 * ```ts
 * const clock = new FakeClock();
 * clock.after(300_000, () => console.log("five minutes later"));
 * await clock.advance(300_000);
 * ```
 */
export class FakeClock implements Clock {
  #now = 0;
  #order = 0;
  #waiting: Waiting[] = [];
  readonly #wallStart: number;
  readonly random: () => number;

  constructor({ seed = 1, wall = Date.UTC(2026, 0, 1) }: { seed?: number; wall?: number } = {}) {
    this.random = seededRandom(seed);
    this.#wallStart = wall;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallStart + this.#now;
  }

  after(ms: number, fn: () => void, kind: "pending" | "idle" = "pending"): Timer {
    if (Number.isNaN(ms)) throw new TypeError("Clock.after: a wait of NaN milliseconds");
    if (ms === Number.POSITIVE_INFINITY) return { cancel() {} };
    return this.#add(this.#now + Math.max(0, ms), fn, kind);
  }

  turn(fn: () => void): void {
    this.#add(this.#now, fn, "turn");
  }

  /** Timers that somebody waits for. A test that expects nothing left behind asserts 0. */
  get pending(): number {
    return this.#waiting.filter((entry) => entry.kind === "pending").length;
  }

  /** When the next timer is due, or Infinity. */
  get nextAt(): number {
    return this.#waiting.reduce((least, entry) => Math.min(least, entry.at), Number.POSITIVE_INFINITY);
  }

  /** Moves time on by `ms`, firing what falls due in order and letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    while (this.nextAt <= end) {
      this.step();
      await settle();
    }
    this.#now = end;
  }

  /** Fires the next timer, moving time to it. False when nothing waits. */
  step(): boolean {
    let first: Waiting | undefined;
    for (const entry of this.#waiting) {
      if (!first || entry.at < first.at || (entry.at === first.at && entry.order < first.order))
        first = entry;
    }
    if (!first) return false;
    this.#waiting.splice(this.#waiting.indexOf(first), 1);
    this.#now = Math.max(this.#now, first.at);
    first.fn();
    return true;
  }

  #add(at: number, fn: () => void, kind: Waiting["kind"]): Timer {
    const entry: Waiting = { at, order: this.#order++, fn, kind };
    this.#waiting.push(entry);
    return {
      cancel: () => {
        const index = this.#waiting.indexOf(entry);
        if (index >= 0) this.#waiting.splice(index, 1);
      },
    };
  }
}

/** Lets everything that is already resolved run, however deep its chain of promises. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
