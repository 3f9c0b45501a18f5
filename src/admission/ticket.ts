import type { CallOptions, PrefixMark, RateSignal, Watch } from "../core/call.ts";
import type { Timer } from "../core/clock.ts";
import type { ChatRequest } from "../core/request.ts";
import type { Claim } from "./dimension.ts";
import type { Door } from "./door.ts";
import { type Lead, noMarks, type Sharer } from "./prefix.ts";
import type { Prefixes } from "./prefix-key.ts";
import { headStartMs, type Queued } from "./queue.ts";
import type { Reservation } from "./rates.ts";

/** Who is told what happens to a call while it waits or runs. */
export interface Host {
  /** Its signal aborted. */
  leave(ticket: Ticket): void;
  /** Its place in the queue may be another now. */
  moved(ticket: Ticket): void;
  /** The first event of its answer. */
  begun(ticket: Ticket): void;
  /** Limits read from the headers of its answer. */
  learn(ticket: Ticket, signals: readonly RateSignal[]): void;
}

const alone: PrefixMark = Object.freeze({ ends: Object.freeze([]) });
const nothing: Claim = { input: 0, output: 0 };

/** One attempt of a call on its way through admission: what it needs, what it waits for, what it holds. */
export class Ticket implements Queued, Sharer, Watch {
  readonly door: Door<Ticket>;
  readonly request: ChatRequest;
  readonly options: CallOptions;
  readonly #host: Host;

  claim = nothing;
  reservation: Reservation | undefined;
  startedAt = 0;
  answering = false;

  prefixes: Prefixes | undefined;
  least = 0;
  prefixWait = 0;
  shared = 0;
  marks = noMarks;
  leads: Lead[] = [];
  /** It leads for calls that wait, so its answer is asked for as a stream. */
  leading = false;

  place = -1;
  rank = 0;
  cost = 0;
  entered = 0;
  enteredAt = 0;
  /** What it waits for when it is neither in the queue nor in a tick's comparison. */
  parkedOn: Lead | undefined;
  timer: Timer | undefined;
  #resolve: (() => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  constructor(host: Host, door: Door<Ticket>, request: ChatRequest, options: CallOptions) {
    this.#host = host;
    this.door = door;
    this.request = request;
    this.options = options;
  }

  /** What the provider is told of its prefixes; undefined where none could be shared. */
  get prefixMark(): PrefixMark | undefined {
    if (this.prefixes === undefined) return undefined;
    const { keys, messages } = this.prefixes;
    if (this.marks.length === 0) return alone;
    return { ends: this.marks.map((i) => messages[i]!), key: `p${keys[0]!.toString(36)}` };
  }

  /** Its record stands for the call, in this attempt and all others. */
  get call(): object {
    return this.options.record;
  }

  get fairnessKey(): string | object {
    return this.options.fairnessKey;
  }

  /** Its caller asked for a stream. */
  get streams(): boolean {
    return this.options.onDelta !== undefined;
  }

  /** Its answer comes as a stream, whoever asked. */
  get streamed(): boolean {
    return this.leading || this.streams;
  }

  /** Settles when the call may start; until then it hears its signal. */
  wait(entered: number, now: number): Promise<void> {
    const { signal, moves } = this.options;
    this.rank = this.#rankNow();
    this.cost = Math.max(1, this.claim.input + this.claim.output);
    this.entered = entered;
    this.enteredAt = now;
    signal?.addEventListener("abort", this);
    if (moves !== undefined) moves.onMoved = () => this.#host.moved(this);
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Brings the rank up to date; false when it is what it was. */
  rerank(): boolean {
    const rank = this.#rankNow();
    if (rank === this.rank) return false;
    this.rank = rank;
    return true;
  }

  #rankNow(): number {
    const { record, priority } = this.options;
    return record.arrivedAt + headStartMs[priority];
  }

  /** The wait is over: the call starts, or fails with `error`. */
  endWait(error?: unknown): void {
    const { signal, moves } = this.options;
    signal?.removeEventListener("abort", this);
    if (moves !== undefined) moves.onMoved = undefined;
    this.timer?.cancel();
    if (error === undefined) this.#resolve!();
    else this.#reject!(error);
  }

  handleEvent(): void {
    this.#host.leave(this);
  }

  // What the driver says while it works; whoever asked hears it too.

  onSent(): void {
    this.options.watch.onSent?.();
  }

  onFirstByte(): void {
    this.#host.begun(this);
    this.options.watch.onFirstByte?.();
  }

  onRate(signals: readonly RateSignal[]): void {
    this.#host.learn(this, signals);
    this.options.watch.onRate?.(signals);
  }
}
