import type { Clock, Timer } from "../core/clock.ts";
import { seededRandom } from "../drivers/simulated/chance.ts";
import { type Due, TimerHeap } from "./timer-heap.ts";

interface Waiting extends Due {
  readonly fn: () => void;
  readonly kind: "pending" | "idle" | "turn";
}

export { seededRandom };

/** Steps at one instant after which the code under test is taken to go round in circles. */
const mostStepsAtOnce = 1_000_000;

/**
 * A clock that moves only when a test says so, and whose chance is seeded.
 *
 * ```ts
 * import { FakeClock } from "trunkline/testing";
 *
 * const clock = new FakeClock();
 * clock.after(300_000, () => console.log("five minutes later"));
 * await clock.advance(300_000);
 * ```
 */
export class FakeClock implements Clock {
  #now = 0;
  #order = 0;
  #pending = 0;
  #stepsAtOnce = 0;
  readonly #waiting = new TimerHeap<Waiting>();
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
    return this.#pending;
  }

  /** When the next timer is due, or Infinity. */
  get nextAt(): number {
    return this.#waiting.first?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Moves time on by `ms`, firing what falls due in order and letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    while (this.nextAt <= end) {
      this.step();
      await settle();
    }
    this.#moveTo(end);
  }

  /** Fires the next timer, moving time to it. False when nothing waits. */
  step(): boolean {
    const next = this.#waiting.first;
    if (next === undefined) return false;
    this.#remove(next);
    this.#moveTo(next.at);
    if (++this.#stepsAtOnce > mostStepsAtOnce) {
      throw new Error(`FakeClock: ${mostStepsAtOnce} timers fired at ${this.#now} ms and time did not move`);
    }
    next.fn();
    return true;
  }

  #moveTo(instant: number): void {
    if (instant <= this.#now) return;
    this.#now = instant;
    this.#stepsAtOnce = 0;
  }

  #add(at: number, fn: () => void, kind: Waiting["kind"]): Timer {
    const entry: Waiting = { at, order: this.#order++, place: -1, fn, kind };
    this.#waiting.add(entry);
    if (kind === "pending") this.#pending++;
    return { cancel: () => this.#remove(entry) };
  }

  #remove(entry: Waiting): void {
    if (this.#waiting.remove(entry) && entry.kind === "pending") this.#pending--;
  }
}

/** Lets everything that is already resolved run, however deep its chain of promises. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
