import type { Call, CallOptions, RateSignal } from "../core/call.ts";
import type { Timer } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import type { TrunklineError } from "../core/errors.ts";
import type { ChatRequest } from "../core/request.ts";
import type { Limit } from "./dimension.ts";
import type { Door } from "./door.ts";
import { deadlinePassed, outlastsDeadline, queueFull, queueTooLong, tooLarge } from "./lane-errors.ts";
import { type LimitParts, Limits } from "./limits.ts";
import { Parking } from "./parking.ts";
import type { Lead } from "./prefix.ts";
import type { Prefixes } from "./prefix-key.ts";
import type { RateStats } from "./rates.ts";
import { Shares } from "./shares.ts";
import { Ticket } from "./ticket.ts";

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
  /** Everybody who waits, in whatever place. */
  readonly #waiting = new Set<Ticket>();
  /** Doors with calls in their queue. */
  readonly #busy = new Set<Door<Ticket>>();
  readonly #parking: Parking;
  /** Calls of this tick whose prefix nobody has seen yet. */
  #newcomers: Ticket[] = [];
  #entered = 0;
  #inFlight = 0;
  #timer: Timer | undefined;
  #wakeAt = 0;
  /** The end of the pause that those who wait were last told of. */
  #heededUntil = 0;

  constructor(parts: LaneParts) {
    this.#parts = parts;
    this.#limits = new Limits(parts);
    this.#parking = new Parking(parts.clock);
  }

  get model(): string {
    return this.#parts.model;
  }

  /** Nothing waits or runs: forgetting the lane loses only what it has learnt. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#inFlight === 0;
  }

  configure(limits: readonly Limit[]): void {
    this.#limits.configure(limits);
    this.#pump();
  }

  /** One attempt: waits until it may start, runs it, and gives back what it held when the work settles. */
  call(door: Door<Ticket>, request: ChatRequest, options: CallOptions, next: Call): Promise<Completion> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const now = this.#parts.clock.now();
    const ticket = new Ticket(this, door, request, options);
    this.#limits.measure(ticket);
    const isNews = this.#limits.isNews(ticket, now);
    if (!isNews && this.#waiting.size === 0 && this.#mayStart(ticket, now)) {
      this.#take(ticket, now);
      return this.#run(ticket, next);
    }
    const refusal = this.#refusal(ticket, now);
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#wait(ticket, isNews, now).then(() => this.#run(ticket, next));
  }

  /** Where a call's prompt may be shared with others; undefined where it is not. */
  prefixesOf(request: ChatRequest, options: CallOptions): Prefixes | undefined {
    return this.#limits.prefixesOf(request, options);
  }

  /** About how long a call with a prompt of `input` tokens would wait here before it starts. */
  outlookMs(request: ChatRequest, input: number, { maxQueue }: CallOptions): number {
    const ahead = this.#waiting.size;
    if (ahead >= maxQueue) return Number.POSITIVE_INFINITY;
    return this.#limits.outlookMs(request, input, ahead, this.#parts.clock.now());
  }

  /** Milliseconds for which a refusal holds everybody. */
  get shutMs(): number {
    return this.#limits.shutMs(this.#parts.clock.now());
  }

  /** Calls that wait or run here. */
  get load(): number {
    return this.#waiting.size + this.#inFlight;
  }

  /** Everybody who waits at `door` leaves with `error`. */
  recall(door: Door<Ticket>, error: unknown): void {
    for (const ticket of this.#waiting) if (ticket.door === door) this.#dismiss(ticket, error);
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
    // A call that was let in once is not thrown out for newer ones when it is tried again.
    return record.attempts > 0 || this.#waiting.size < maxQueue ? undefined : queueFull(maxQueue, model);
  }

  #wait(ticket: Ticket, isNews: boolean, now: number): Promise<void> {
    const { queueTimeout } = ticket.options;
    if (ticket.claim.input === 0) this.#limits.weigh(ticket);
    const started = ticket.wait(this.#entered++, now);
    this.#waiting.add(ticket);
    ticket.door.gauges.queued++;
    if (queueTimeout < Number.POSITIVE_INFINITY) {
      ticket.timer = this.#parts.clock.after(queueTimeout, () => {
        this.#dismiss(ticket, queueTooLong(queueTimeout, this.#parts.model));
      });
    }
    if (isNews) this.#compareLater(ticket);
    else {
      this.#enqueue(ticket);
      this.#pump();
    }
    return started;
  }

  #enqueue(ticket: Ticket): void {
    ticket.door.queue.add(ticket);
    ticket.door.recount();
    this.#busy.add(ticket.door);
  }

  #dequeue(ticket: Ticket): void {
    ticket.door.queue.remove(ticket);
    this.#unqueued(ticket.door);
  }

  #unqueued(door: Door<Ticket>): void {
    door.recount();
    if (door.queue.size === 0) this.#busy.delete(door);
  }

  #compareLater(ticket: Ticket): void {
    this.#newcomers.push(ticket);
    if (this.#newcomers.length === 1) this.#parts.clock.turn(() => this.#compare());
  }

  /** The tick is over: whoever shares a prefix knows it now, and all of them queue. */
  #compare(): void {
    const together = this.#newcomers.filter((ticket) => this.#waiting.has(ticket));
    this.#newcomers = [];
    this.#limits.compare(together);
    for (const ticket of together) this.#enqueue(ticket);
    this.#pump();
  }

  /** The call's signal aborted while it waited. */
  leave(ticket: Ticket): void {
    this.#dismiss(ticket, ticket.options.signal?.reason);
  }

  /** The call's priority moved while it waited: its caller, or another who joined it, is more or less urgent. */
  moved(ticket: Ticket): void {
    if (!ticket.rerank() || ticket.place < 0) return;
    ticket.door.queue.update(ticket);
    this.#pump();
  }

  #dismiss(ticket: Ticket, error: unknown): void {
    if (ticket.place >= 0) this.#dequeue(ticket);
    else if (ticket.parkedOn !== undefined) this.#parking.remove(ticket);
    this.#leaveWait(ticket);
    ticket.endWait(error);
    // Whoever stood behind it may be smaller.
    this.#pump();
  }

  #leaveWait(ticket: Ticket): void {
    this.#waiting.delete(ticket);
    ticket.door.gauges.queued--;
  }

  /** Starts at most one call; true when it might start another. */
  readonly startOne = (): boolean => this.#pump(1);

  /** The one decision: starts what may start now, in order. True when only `most` ended it. */
  #pump(most = Number.POSITIVE_INFINITY): boolean {
    let started = 0;
    const now = this.#parts.clock.now();
    while (this.#busy.size > 0) {
      const shut = this.#limits.shutMs(now);
      if (shut > 0) return this.#sleep(shut, now);
      const ticket = this.#next();
      if (ticket === undefined) return false;
      if (this.#stepsAside(ticket, now)) continue;
      const short = this.#limits.shortMs(ticket, now);
      if (short > 0) return this.#sleep(short, now);
      if (started === most) return true;
      this.#start(ticket, now);
      started++;
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    return false;
  }

  /** The first in order of all calls whose Client has a place. */
  #next(): Ticket | undefined {
    let best: Door<Ticket> | undefined;
    for (const door of this.#busy) {
      if (!door.ready) continue;
      if (best === undefined || goesBefore(door, best)) best = door;
    }
    return best?.queue.first;
  }

  /** The call gives way to whoever is behind it: its deadline has passed, or another is warming its prefix. */
  #stepsAside(ticket: Ticket, now: number): boolean {
    if (ticket.options.deadlineAt <= now) {
      // A busy loop fires timers late; what is too late is not sent all the same.
      this.#dismiss(ticket, deadlinePassed(this.#parts.model));
      return true;
    }
    const lead = this.#limits.awaits(ticket, now);
    if (lead === undefined) return false;
    this.#dequeue(ticket);
    this.#parking.add(ticket, lead, now, this.#requeue);
    return true;
  }

  #start(ticket: Ticket, now: number): void {
    ticket.door.queue.start(ticket);
    this.#unqueued(ticket.door);
    this.#take(ticket, now);
    this.#leaveWait(ticket);
    ticket.options.record.queueMs += now - ticket.enteredAt;
    ticket.endWait();
  }

  #sleep(ms: number, now: number): false {
    // Waking too early is harmless; only an earlier need is worth another timer.
    if (this.#timer !== undefined && this.#wakeAt <= now + ms) return false;
    this.#timer?.cancel();
    this.#wakeAt = now + ms;
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#timer = undefined;
      this.#pump();
    });
    return false;
  }

  /** Whoever was parked waits in the queue again. */
  readonly #requeue = (tickets: readonly Ticket[]): void => {
    for (const ticket of tickets) this.#enqueue(ticket);
    this.#pump();
  };

  /** Takes everything the call needs, in one step. */
  #take(ticket: Ticket, now: number): void {
    ticket.door.take();
    this.#inFlight++;
    this.#limits.take(ticket, now);
  }

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
    this.#release(this.#limits.begun(ticket, now));
    if (this.#waiting.size > 0) this.#pump();
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
    ticket.options.record.providerMs += now - ticket.startedAt;
    this.#heedPause(now);
    this.#giveBack(ticket, leads);
  }

  /** After a pause began, or grew: whoever cannot wait that long hears it at once, and doors may send theirs elsewhere. */
  #heedPause(now: number): void {
    const until = now + this.#limits.shutMs(now);
    // Each refusal of a burst may add a little; looking at everybody again is worth a second.
    if (until < this.#heededUntil + 1_000) return;
    this.#heededUntil = until;
    const doors = new Set<Door<Ticket>>();
    for (const ticket of this.#waiting) {
      const pause = this.#limits.hopelessMs(ticket, now);
      if (pause !== undefined) this.#dismiss(ticket, outlastsDeadline(pause, this.#parts.model));
      else doors.add(ticket.door);
    }
    for (const door of doors) door.shut();
  }

  /** The work is over: what it held returns, first to whoever waits for places, then to this lane. */
  #giveBack(ticket: Ticket, leads: readonly Lead[]): void {
    this.#inFlight--;
    ticket.door.give();
    this.#release(leads);
    if (this.#waiting.size > 0) this.#pump();
  }

  #release(leads: readonly Lead[]): void {
    const released = this.#parking.release(leads);
    if (released.length > 0) this.#requeue(released);
  }

  stats(): LaneStats {
    const { clock, origin, model, concurrency } = this.#parts;
    return {
      origin,
      model,
      queued: this.#waiting.size,
      inFlight: this.#inFlight,
      waitingForPrefix: this.#parking.size,
      ...this.#limits.stats(clock.now()),
      ...(concurrency !== undefined && { concurrency: concurrency.slots.limit }),
    };
  }
}

function goesBefore(a: Door<Ticket>, b: Door<Ticket>): boolean {
  const difference = a.queue.firstTag - b.queue.firstTag;
  return difference < 0 || (difference === 0 && a.queue.first!.rank < b.queue.first!.rank);
}

/** A driver that throws instead of rejecting has failed all the same. */
function started(next: Call, request: ChatRequest, options: CallOptions): Promise<Completion> {
  try {
    return next(request, options);
  } catch (error) {
    return Promise.reject(error);
  }
}
