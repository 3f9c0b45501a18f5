import { Slots } from "../core/slots.ts";

/** One finished answer of a backend that is bound by concurrency. */
export interface Sample {
  readonly startedAt: number;
  readonly endedAt: number;
  /** Milliseconds to the first token, where the answer was streamed. */
  readonly firstTokenMs: number | undefined;
  readonly outputTokens: number;
}

const limits = { first: 4, most: 1_024 };
/** So much slower than the best, and the backend is queueing. */
const tolerance = 1.5;
/** Measures below this are noise. */
const noiseMs = 2;
/** After so many cuts that made nothing faster, the backend is slower than it was, and not overloaded. */
const mostVainCuts = 3;
const cut = 0.8;
const fewestSamples = 4;

/** What the answers of one round took, against the best round so far. */
class Measure {
  #count = 0;
  #time = 0;
  #units = 0;
  #best = Number.POSITIVE_INFINITY;
  #before = Number.POSITIVE_INFINITY;
  #vainCuts = 0;
  readonly #noiseMs: number;

  constructor(noise: number) {
    this.#noiseMs = noise;
  }

  get count(): number {
    return this.#count;
  }

  add(time: number, units: number): void {
    this.#count++;
    this.#time += time;
    this.#units += units;
  }

  clear(): void {
    this.#count = 0;
    this.#time = 0;
    this.#units = 0;
  }

  /** Whether this round was slower than the best one allows. */
  isSlow(): boolean {
    const mean = this.#time / this.#units;
    const vain = mean > 0.9 * this.#before;
    this.#before = mean;
    this.#best = Math.min(this.#best, mean);
    if (mean <= this.#best * tolerance + this.#noiseMs) {
      this.#vainCuts = 0;
      return false;
    }
    this.#vainCuts = vain ? this.#vainCuts + 1 : 0;
    if (this.#vainCuts < mostVainCuts) return true;
    this.#vainCuts = 0;
    this.#best = mean;
    return false;
  }
}

/**
 * How many calls a backend works on at once before they only queue inside it. Doubles until answers get slower,
 * then feels its way: a little more after each good round that used what there was, a fifth less after a slow one.
 * It is led by the time to first token, or per token, never by raw duration: a long answer is no sign of load.
 */
export class AdaptiveConcurrency {
  /** Every lane to this backend takes its places here. */
  readonly slots = new Slots(limits.first);
  readonly #firstToken = new Measure(noiseMs);
  readonly #perToken = new Measure(0);
  /** Calls from before the last change say nothing about it. */
  #changedAt = Number.NEGATIVE_INFINITY;
  #busiest = 0;
  #searching = true;

  answered({ startedAt, endedAt, firstTokenMs, outputTokens }: Sample): void {
    if (startedAt < this.#changedAt) return;
    this.#busiest = Math.max(this.#busiest, this.slots.used);
    if (firstTokenMs !== undefined) this.#firstToken.add(firstTokenMs, 1);
    else this.#perToken.add(endedAt - startedAt, Math.max(1, outputTokens));
    const enough = Math.max(fewestSamples, this.slots.limit);
    if (this.#firstToken.count >= enough) this.#endRound(this.#firstToken.isSlow(), endedAt);
    else if (this.#perToken.count >= enough) this.#endRound(this.#perToken.isSlow(), endedAt);
  }

  /** The backend broke down under a call: at most once a round, less. */
  strained(startedAt: number, now: number): void {
    if (startedAt >= this.#changedAt) this.#endRound(true, now);
  }

  #endRound(slow: boolean, now: number): void {
    const { limit } = this.slots;
    const used = this.#busiest >= 0.75 * limit;
    this.#busiest = 0;
    if (slow) this.#searching = false;
    else if (!used) return;
    this.#firstToken.clear();
    this.#perToken.clear();
    this.#changedAt = now;
    const more = this.#searching ? 2 * limit : limit + Math.max(1, Math.round(limit / 20));
    this.slots.limit = Math.min(limits.most, Math.max(1, slow ? Math.floor(limit * cut) : more));
  }
}
