import { outside } from "./outside.ts";

/** A timer that has been started; cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * The one door to time and chance. Everything that waits, measures or draws takes a Clock, so that tests and
 * the simulator drive both by hand.
 */
export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number;
  /** Milliseconds since 1970, for what leaves the process: dates in headers, log lines, entries on disk. */
  wall(): number;
  /** A number in [0, 1). */
  random(): number;
  /**
   * Calls `fn` once after `ms`, outside any async context. A "pending" timer holds the process because somebody
   * waits for it; an "idle" one (keep-alive, sweeps) never does. Infinity never fires.
   */
  after(ms: number, fn: () => void, kind?: "pending" | "idle"): Timer;
  /** Calls `fn` after one further turn of the event loop, outside any async context. */
  turn(fn: () => void): void;
}

/** The longest wait a Node timer can hold; beyond it setTimeout fires at once. */
const longest = 2 ** 31 - 1;

// Functions of their own, so that a timer costs no closure.
const startTimer = (fn: () => void, ms: number): NodeJS.Timeout => setTimeout(fn, ms);
const startTurn = (fn: () => void): unknown => setImmediate(fn);

class SystemTimer implements Timer {
  #handle!: NodeJS.Timeout;

  constructor(ms: number, fn: () => void, idle: boolean) {
    this.#arm(ms, fn, idle);
  }

  #arm(ms: number, fn: () => void, idle: boolean): void {
    const next = ms <= longest ? fn : () => this.#arm(ms - longest, fn, idle);
    this.#handle = outside(startTimer, next, Math.min(ms, longest));
    if (idle) this.#handle.unref();
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

const never: Timer = { cancel() {} };

/** Real time and real chance. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  random: () => Math.random(),
  after(ms, fn, kind = "pending") {
    if (Number.isNaN(ms)) throw new TypeError("Clock.after: a wait of NaN milliseconds");
    if (ms === Number.POSITIVE_INFINITY) return never;
    return new SystemTimer(Math.max(0, ms), fn, kind === "idle");
  },
  turn(fn) {
    outside(startTurn, fn);
  },
};
