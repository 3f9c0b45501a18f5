import type { Clock, Timer } from "../../src/core/clock.ts";
import { type Due, TimerHeap } from "../../src/testing/timer-heap.ts";
import { Chance } from "./chance.ts";

type Kind = "pending" | "idle" | "turn" | "script";

interface Event extends Due {
  readonly kind: Kind;
  readonly label: string;
  readonly fn: () => void;
}

/**
 * Virtual time and the one queue of everything that will happen: the timers of the code under test and the
 * events of the scenario. One `step` runs one event and lets all promises settle. Events of one instant happen in
 * a drawn order: no code may lean on a tie.
 */
export class World implements Clock {
  /** Steps run so far; the index of the event in a trace. */
  steps = 0;
  /** When the loop last came back from a stall of more than ten seconds. */
  stalledAt = Number.NEGATIVE_INFINITY;
  readonly #chance: Chance;
  readonly #ties: Chance;
  readonly #heap = new TimerHeap<Event>();
  readonly #left: Record<Kind, number> = { pending: 0, idle: 0, turn: 0, script: 0 };
  readonly #wallStart = Date.UTC(2026, 0, 1);
  readonly #lag: { readonly often: number; readonly longest: number };
  #now = 0;
  #added = 0;

  /** `lag`: how often the loop stalls, so that timers fire late and several are due at once. */
  constructor(seed: number, lag: { readonly often: number; readonly longest: number }) {
    this.#lag = lag;
    this.#chance = new Chance(seed, 1);
    this.#ties = new Chance(seed, 2);
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallStart + this.#now;
  }

  random(): number {
    return this.#chance.next();
  }

  after(ms: number, fn: () => void, kind: "pending" | "idle" = "pending"): Timer {
    if (Number.isNaN(ms)) throw new TypeError("Clock.after: a wait of NaN milliseconds");
    if (ms === Number.POSITIVE_INFINITY) return { cancel() {} };
    return this.#add(this.#now + Math.max(0, ms), fn, kind, "timer");
  }

  turn(fn: () => void): void {
    this.#add(this.#now, fn, "turn", "turn");
  }

  /** An event of the scenario, `ms` from now. */
  script(ms: number, label: string, fn: () => void): Timer {
    return this.#add(this.#now + Math.max(0, ms), fn, "script", label);
  }

  /** How many events of a kind are still to come. */
  left(kind: Kind): number {
    return this.#left[kind];
  }

  /** When the next event is due, or Infinity. */
  get nextAt(): number {
    return this.#heap.first?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Runs the next event and all promises it settles; its label, or undefined when nothing is left. */
  async step(): Promise<string | undefined> {
    const event = this.#heap.first;
    if (event === undefined) return undefined;
    this.#heap.remove(event);
    this.#left[event.kind]--;
    this.#now = Math.max(this.#now, event.at);
    if (this.#ties.yes(this.#lag.often)) this.#stall(this.#ties.size(1, this.#lag.longest));
    this.steps++;
    event.fn();
    await settle();
    return event.label;
  }

  #stall(ms: number): void {
    this.#now += ms;
    if (ms > 10_000) this.stalledAt = this.#now;
  }

  #add(at: number, fn: () => void, kind: Kind, label: string): Timer {
    const order = Math.floor(this.#ties.next() * 2 ** 20) * 2 ** 32 + this.#added++;
    const event: Event = { at, order, place: -1, kind, label, fn };
    this.#heap.add(event);
    this.#left[kind]++;
    return {
      cancel: () => {
        if (this.#heap.remove(event)) this.#left[kind]--;
      },
    };
  }
}

/** A turn of the real loop: every promise that is already decided has run its handlers, however long the chain. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
