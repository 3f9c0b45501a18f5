import { type Call, type CallOptions, type CallRecord, type RateSignal, started } from "../core/call.ts";
import type { Completion } from "../core/completion.ts";
import type { TrunklineError } from "../core/errors.ts";
import type { ChatRequest } from "../core/request.ts";
import type { Limit } from "./dimension.ts";
import type { Door } from "./door.ts";
import { deadlinePassed, outlastsDeadline, queueFull, tooLarge } from "./lane-errors.ts";
import { type LimitParts, Limits } from "./limits.ts";
import type { Lead } from "./prefix.ts";
import type { Prefixes } from "./prefix-key.ts";
import type { RateStats } from "./rates.ts";
import { Shares } from "./shares.ts";
import { Ticket } from "./ticket.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** One lane at this moment, as plain data. */
export interface LaneStats {
  readonly origin: string;
  readonly model: string;
  /** Calls that wait, for whatever reason. */
  readonly queued: number;
  readonly inFlight: number;
  /** Milliseconds until a pause ends; undefined when the lane is open. */
  readonly pausedMs?: number;
  readonly rates: readonly RateStats[];
  /** Prefixes that the provider is believed to have in its cache. */
  readonly warmPrefixes: number;
  /** Calls that wait for another to warm their prefix; part of `queued`. */
  readonly waitingForPrefix: number;
  /** The adapted number of parallel calls, where the backend is bound by concurrency. */
  readonly concurrency?: number;
}

export interface LaneParts extends LimitParts {
  readonly origin: string;
}

/**
 * All calls of one account to one model. Whatever a call needs (a place of each kind, room in every bucket, an
 * open gate, a warm prefix) it gets in one step or not at all, so that nobody holds one while waiting for another.
 */
export class Lane {
  readonly shares = new Shares();
  readonly #parts: LaneParts;
  readonly #limits: Limits;
  readonly #room: WaitingRoom;
  /** The records of calls whose attempts here have failed. */
  readonly #known = new WeakSet<CallRecord>();
  #inFlight = 0;

  constructor(parts: LaneParts) {
    this.#parts = parts;
    this.#limits = new Limits(parts);
    const { clock, model } = parts;
    this.#room = new WaitingRoom({ clock, model, limits: this.#limits, take: this.#take });
  }

  get model(): string {
    return this.#parts.model;
  }

  /** Nothing waits or runs: forgetting the lane loses only what it has learnt. */
  get idle(): boolean {
    return this.#room.size === 0 && this.#inFlight === 0;
  }

  configure(limits: readonly Limit[]): void {
    this.#limits.configure(limits);
    this.#room.startSome();
  }

  /** Starts at most one call that waits; true when it might start another. */
  readonly startOne = (): boolean => this.#room.startSome(1);

  /** The call's signal aborted while it waited. */
  leave(ticket: Ticket): void {
    this.#room.dismiss(ticket, ticket.options.signal?.reason);
  }

  /** The call's priority moved while it waited: its caller, or another who joined it, is more or less urgent. */
  moved(ticket: Ticket): void {
    this.#room.moved(ticket);
  }

  /** Everybody who waits at `door` leaves with `error`. */
  recall(door: Door<Ticket>, error: unknown): void {
    this.#room.recall(door, error);
  }

  /** One attempt: waits until it may start, runs it, and gives back what it held when the work settles. */
  call(door: Door<Ticket>, request: ChatRequest, options: CallOptions, next: Call): Promise<Completion> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const now = this.#parts.clock.now();
    const ticket = new Ticket(this, door, request, options);
    this.#limits.measure(ticket);
    const isNews = this.#limits.isNews(ticket, now);
    if (!isNews && this.#room.size === 0 && this.#mayStart(ticket, now)) {
      this.#take(ticket, now);
      return this.#run(ticket, next);
    }
    const refusal = this.#refusal(ticket, now);
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#room.wait(ticket, isNews, now).then(() => this.#run(ticket, next));
  }

  /** Where a call's prompt may be shared with others; undefined where it is not. */
  prefixesOf(request: ChatRequest, options: CallOptions): Prefixes | undefined {
    return this.#limits.prefixesOf(request, options);
  }

  /** About how long a call with a prompt of `input` tokens would wait here before it starts. */
  outlookMs(request: ChatRequest, input: number, { maxQueue }: CallOptions): number {
    const ahead = this.#room.size;
    if (ahead >= maxQueue) return Number.POSITIVE_INFINITY;
    return this.#limits.outlookMs(request, input, ahead, this.#parts.clock.now());
  }

  /** Milliseconds for which a refusal holds everybody. */
  get shutMs(): number {
    return this.#limits.shutMs(this.#parts.clock.now());
  }

  /** Calls that wait or run here. */
  get load(): number {
    return this.#room.size + this.#inFlight;
  }

  #mayStart(ticket: Ticket, now: number): boolean {
    return (
      now < ticket.options.deadlineAt &&
      ticket.door.free &&
      this.#limits.shutMs(now) === 0 &&
      this.#limits.awaits(ticket, now) === undefined &&
      this.#limits.tooLargeFor(ticket) === undefined &&
      this.#limits.shortMs(ticket, now) === 0
    );
  }

  /** Why the call need not even wait. */
  #refusal(ticket: Ticket, now: number): TrunklineError | undefined {
    const { model } = this.#parts;
    const { deadlineAt, record, maxQueue } = ticket.options;
    if (deadlineAt <= now) return deadlinePassed(model);
    const excess = this.#limits.tooLargeFor(ticket);
    if (excess !== undefined) return tooLarge(excess, model);
    const pause = this.#limits.hopelessMs(ticket, now);
    if (pause !== undefined) return outlastsDeadline(pause, model);
    // A call that this lane let in once is not thrown out for newer ones when it is tried again.
    return this.#known.has(record) || this.#room.size < maxQueue ? undefined : queueFull(maxQueue, model);
  }

  /** Takes everything the call needs, in one step. */
  readonly #take = (ticket: Ticket, now: number): void => {
    ticket.door.take();
    this.#inFlight++;
    this.#limits.take(ticket, now);
  };

  #run(ticket: Ticket, next: Call): Promise<Completion> {
    const { signal, record } = ticket.options;
    if (signal?.aborted) {
      this.#giveBack(ticket, this.#limits.untake(ticket, this.#parts.clock.now()));
      return Promise.reject(signal.reason);
    }
    record.attempts++;
    record.firstByteMs = undefined;
    return started(next, ticket.request, this.#watched(ticket)).then(
      (answer) => {
        this.#answered(ticket, answer);
        return answer;
      },
      (error) => {
        this.#failed(ticket, error);
        throw error;
      },
    );
  }

  /** The options of the attempt: the call's own, heard by the lane as well. */
  #watched(ticket: Ticket): CallOptions {
    const { options } = ticket;
    const onDelta = options.onDelta ?? (ticket.leading ? () => this.begun(ticket) : undefined);
    return { ...options, onDelta, prefixMark: ticket.prefixMark, watch: ticket };
  }

  begun(ticket: Ticket): void {
    if (ticket.answering) return;
    ticket.answering = true;
    const now = this.#parts.clock.now();
    ticket.options.record.firstByteMs = now - ticket.startedAt;
    this.#room.release(this.#limits.begun(ticket, now));
    if (this.#room.size > 0) this.#room.startSome();
  }

  learn(ticket: Ticket, signals: readonly RateSignal[]): void {
    this.#limits.learn(ticket, signals, this.#parts.clock.now());
  }

  #answered(ticket: Ticket, answer: Completion): void {
    const now = this.#parts.clock.now();
    this.begun(ticket);
    this.#limits.answered(ticket, answer, now);
    ticket.options.record.providerMs += now - ticket.startedAt;
    this.#giveBack(ticket, []);
  }

  #failed(ticket: Ticket, error: unknown): void {
    const now = this.#parts.clock.now();
    const leads = this.#limits.failed(ticket, error, now);
    const { record } = ticket.options;
    record.providerMs += now - ticket.startedAt;
    this.#known.add(record);
    this.#room.heedPause(now);
    this.#giveBack(ticket, leads);
  }

  /** The work is over: what it held returns, first to whoever waits for places, then to this lane. */
  #giveBack(ticket: Ticket, leads: readonly Lead[]): void {
    this.#inFlight--;
    ticket.door.give();
    this.#room.release(leads);
    if (this.#room.size > 0) this.#room.startSome();
  }

  stats(): LaneStats {
    const { clock, origin, model, concurrency } = this.#parts;
    return {
      origin,
      model,
      queued: this.#room.size,
      inFlight: this.#inFlight,
      waitingForPrefix: this.#room.parked,
      ...this.#limits.stats(clock.now()),
      ...(concurrency !== undefined && { concurrency: concurrency.slots.limit }),
    };
  }
}
