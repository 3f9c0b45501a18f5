import type { Call, CallOptions, RateSignal } from "../core/call.ts";
import type { Clock, Timer } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError, type TrunklineError } from "../core/errors.ts";
import type { ChatRequest } from "../core/request.ts";
import type { AdaptiveConcurrency } from "./adaptive.ts";
import type { Claim, Limit } from "./dimension.ts";
import type { Door } from "./door.ts";
import { estimateInput, estimateOutput } from "./estimate.ts";
import { Gate, usableHint } from "./gate.ts";
import {
  deadlinePassed,
  mayBePaid,
  outlastsDeadline,
  queueFull,
  queueTooLong,
  tooLarge,
} from "./lane-errors.ts";
import { type Lead, Warmth } from "./prefix.ts";
import type { PrefixHasher } from "./prefix-key.ts";
import { smallestPrefix } from "./prefix-size.ts";
import { type RateStats, Rates } from "./rates.ts";
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

export interface LaneParts {
  readonly clock: Clock;
  readonly origin: string;
  readonly model: string;
  readonly hasher: PrefixHasher;
  readonly cachesPrefixes: boolean;
  readonly cachedTokensFree: boolean;
  readonly concurrency: AdaptiveConcurrency | undefined;
}

const prefixWaitMs = 10_000;
/** Answers are a little longer than their mean half of the time. */
const outputMargin = 1.25;

/** Followers of one prefix. */
interface Parked {
  readonly tickets: Set<Ticket>;
  readonly timer: Timer;
}

/**
 * All calls of one account to one model. Whatever a call needs (a place of each kind, room in every bucket, an
 * open gate, a warm prefix) it gets in one step or not at all, so that nobody holds one while waiting for another.
 */
export class Lane {
  readonly shares = new Shares();
  readonly #parts: LaneParts;
  readonly #rates: Rates;
  readonly #smallestPrefix: number;
  readonly #gate = new Gate();
  readonly #warmth = new Warmth();
  /** Everybody who waits, in whatever place. */
  readonly #waiting = new Set<Ticket>();
  /** Doors with calls in their queue. */
  readonly #busy = new Set<Door<Ticket>>();
  readonly #parked = new Map<Lead, Parked>();
  /** Calls of this tick whose prefix nobody has seen yet. */
  #newcomers: Ticket[] = [];
  #entered = 0;
  #inFlight = 0;
  #seenOutput: number | undefined;
  #timer: Timer | undefined;
  #wakeAt = 0;

  constructor(parts: LaneParts) {
    this.#parts = parts;
    this.#rates = new Rates(parts.clock.now());
    this.#smallestPrefix = smallestPrefix(parts.model);
  }

  get model(): string {
    return this.#parts.model;
  }

  /** Nothing waits or runs: forgetting the lane loses only what it has learnt. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#inFlight === 0;
  }

  configure(limits: readonly Limit[]): void {
    this.#rates.configure(limits, this.#parts.clock.now());
    this.pump();
  }

  /** One attempt: waits until it may start, runs it, and gives back what it held when the work settles. */
  call(door: Door<Ticket>, request: ChatRequest, options: CallOptions, next: Call): Promise<Completion> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const now = this.#parts.clock.now();
    if (options.deadlineAt <= now) return Promise.reject(deadlinePassed(this.#parts.model));
    const ticket = new Ticket(this, door, request, options);
    const unknown = this.#parts.cachesPrefixes && options.prefixSharing !== false && this.#look(ticket, now);
    if (this.#rates.active) {
      this.#weigh(ticket);
      const excess = this.#rates.tooLargeFor(ticket.claim.input);
      if (excess !== undefined) return Promise.reject(tooLarge(excess, request));
    }
    if (!unknown && this.#waiting.size === 0 && this.#mayStart(ticket, now)) {
      this.#take(ticket, now);
      return this.#run(ticket, next);
    }
    const refusal = this.#refusal(options, now);
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#wait(ticket, unknown, now).then(() => this.#run(ticket, next));
  }

  /** Sets what the call will probably take. */
  #weigh(ticket: Ticket): void {
    const seen = this.#seenOutput === undefined ? undefined : this.#seenOutput * outputMargin;
    const input = ticket.prefixes?.total ?? estimateInput(ticket.request);
    ticket.claim = { input, output: estimateOutput(ticket.request, seen) };
  }

  /** Finds the boundaries of a large prompt; true when one of them may be shared by others of this tick. */
  #look(ticket: Ticket, now: number): boolean {
    const { prefixSharing } = ticket.options;
    const own = typeof prefixSharing === "object" ? prefixSharing.minTokens : undefined;
    ticket.least = own ?? this.#smallestPrefix;
    ticket.prefixes = this.#parts.hasher.prefixesOf(ticket.request, ticket.least);
    return ticket.prefixes !== undefined && this.#warmth.isUnknown(ticket.prefixes, ticket.least, now);
  }

  #mayStart(ticket: Ticket, now: number): boolean {
    if (this.#gate.waitMs(now) > 0 || !ticket.door.free) return false;
    if (ticket.prefixes !== undefined && this.#warmth.awaits(ticket, ticket.least, now)) return false;
    return !this.#rates.active || this.#rates.waitMs(ticket.claim, now) === 0;
  }

  #refusal(options: CallOptions, now: number): TrunklineError | undefined {
    const pause = this.#gate.hopelessMs(options.deadlineAt, now);
    if (pause !== undefined) return outlastsDeadline(pause, this.#parts.model);
    // A call that was let in once is not thrown out for newer ones when it is tried again.
    if (options.record.attempts > 0 || this.#waiting.size < options.maxQueue) return undefined;
    return queueFull(options.maxQueue, this.#parts.model);
  }

  #wait(ticket: Ticket, unknown: boolean, now: number): Promise<void> {
    const { queueTimeout } = ticket.options;
    if (ticket.claim.input === 0) this.#weigh(ticket);
    const started = ticket.wait(this.#entered++, now);
    this.#waiting.add(ticket);
    ticket.door.gauges.queued++;
    if (queueTimeout < Number.POSITIVE_INFINITY) {
      ticket.timer = this.#parts.clock.after(queueTimeout, () => {
        this.#dismiss(ticket, queueTooLong(queueTimeout, this.#parts.model));
      });
    }
    if (unknown) this.#compareLater(ticket);
    else this.#enqueue(ticket);
    if (!unknown) this.pump();
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
    this.#warmth.compare(together);
    for (const ticket of together) this.#enqueue(ticket);
    this.pump();
  }

  /** The call's signal aborted while it waited. */
  leave(ticket: Ticket): void {
    this.#dismiss(ticket, ticket.options.signal?.reason);
  }

  #dismiss(ticket: Ticket, error: unknown): void {
    if (ticket.place >= 0) this.#dequeue(ticket);
    else if (ticket.parkedOn !== undefined) this.#unpark(ticket, ticket.parkedOn);
    this.#leaveWait(ticket);
    ticket.endWait(error);
    // Whoever stood behind it may be smaller.
    this.pump();
  }

  #leaveWait(ticket: Ticket): void {
    this.#waiting.delete(ticket);
    ticket.door.gauges.queued--;
  }

  /** Starts at most one call; true when it might start another. */
  readonly startOne = (): boolean => this.pump(1);

  /** The one decision: starts what may start now, in order. True when only `most` ended it. */
  pump(most = Number.POSITIVE_INFINITY): boolean {
    let started = 0;
    const now = this.#parts.clock.now();
    while (this.#busy.size > 0) {
      const shut = this.#gate.waitMs(now);
      if (shut > 0) return this.#sleep(shut, now);
      const ticket = this.#next();
      if (ticket === undefined) return false;
      if (ticket.options.deadlineAt <= now) {
        // A busy loop fires timers late; what is too late is not sent all the same.
        this.#dismiss(ticket, deadlinePassed(this.#parts.model));
        continue;
      }
      const lead = ticket.prefixes && this.#warmth.awaits(ticket, ticket.least, now);
      if (lead !== undefined) {
        this.#dequeue(ticket);
        this.#park(ticket, lead, now);
        continue;
      }
      const short = this.#rates.waitMs(ticket.claim, now);
      if (short > 0) return this.#sleep(short, now);
      if (started === most) return true;
      ticket.door.queue.start(ticket);
      this.#unqueued(ticket.door);
      this.#take(ticket, now);
      this.#leaveWait(ticket);
      ticket.options.record.queueMs += now - ticket.enteredAt;
      ticket.endWait();
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

  #sleep(ms: number, now: number): false {
    // Waking too early is harmless; only an earlier need is worth another timer.
    if (this.#timer !== undefined && this.#wakeAt <= now + ms) return false;
    this.#timer?.cancel();
    this.#wakeAt = now + ms;
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#timer = undefined;
      this.pump();
    });
    return false;
  }

  #park(ticket: Ticket, lead: Lead, now: number): void {
    let parked = this.#parked.get(lead);
    if (parked === undefined) {
      const { prefixSharing } = ticket.options;
      const wait = typeof prefixSharing === "object" ? prefixSharing.prefixWait : undefined;
      const timer = this.#parts.clock.after(lead.leadSince + (wait ?? prefixWaitMs) - now, () => {
        lead.late = true;
        this.#release([lead]);
      });
      parked = { tickets: new Set(), timer };
      this.#parked.set(lead, parked);
    }
    parked.tickets.add(ticket);
    ticket.parkedOn = lead;
  }

  #unpark(ticket: Ticket, lead: Lead): void {
    const parked = this.#parked.get(lead)!;
    parked.tickets.delete(ticket);
    ticket.parkedOn = undefined;
    if (parked.tickets.size > 0) return;
    parked.timer.cancel();
    this.#parked.delete(lead);
  }

  /** Whoever waited for these queues again. */
  #release(leads: readonly Lead[]): void {
    let released = false;
    for (const lead of leads) {
      const parked = this.#parked.get(lead);
      if (parked === undefined) continue;
      released = true;
      for (const ticket of parked.tickets) {
        this.#unpark(ticket, lead);
        this.#enqueue(ticket);
      }
    }
    if (released) this.pump();
  }

  /** Takes everything the call needs, in one step. */
  #take(ticket: Ticket, now: number): void {
    ticket.startedAt = now;
    ticket.door.take();
    this.#inFlight++;
    this.#gate.started(now);
    if (this.#rates.active) ticket.reservation = this.#rates.reserve(ticket.claim, now);
    if (ticket.prefixes !== undefined) ticket.leading = this.#warmth.start(ticket, ticket.least, now);
  }

  #run(ticket: Ticket, next: Call): Promise<Completion> {
    const { signal, record } = ticket.options;
    if (signal?.aborted) {
      this.#unsent(ticket);
      return Promise.reject(signal.reason);
    }
    record.attempts++;
    record.firstByteMs = undefined;
    return started(next, ticket.request, this.#watched(ticket)).then(
      (answer) => {
        this.#done(ticket, answer);
        return answer;
      },
      (error) => {
        this.#failed(ticket, error);
        throw error;
      },
    );
  }

  #watched(ticket: Ticket): CallOptions {
    const { options } = ticket;
    const { onSent, onFirstByte, onRate } = options.watch;
    const first = (): void => this.#firstEvent(ticket);
    return {
      ...options,
      onDelta: options.onDelta ?? (ticket.leading ? first : undefined),
      watch: {
        onSent,
        onFirstByte: () => {
          first();
          onFirstByte?.();
        },
        onRate: (signals) => {
          this.#learn(ticket, signals);
          onRate?.(signals);
        },
      },
    };
  }

  #firstEvent(ticket: Ticket): void {
    if (ticket.answering) return;
    ticket.answering = true;
    const now = this.#parts.clock.now();
    ticket.options.record.firstByteMs = now - ticket.startedAt;
    this.#release(this.#warmth.warmed(ticket, now));
    if (this.#gate.accepted(ticket.startedAt)) this.pump();
  }

  #learn(ticket: Ticket, signals: readonly RateSignal[]): void {
    const now = this.#parts.clock.now();
    ticket.reservation ??= { at: ticket.startedAt, parts: [] };
    this.#rates.observe(ticket.reservation, signals, now);
  }

  #done(ticket: Ticket, { usage }: Completion): void {
    const now = this.#parts.clock.now();
    this.#firstEvent(ticket);
    this.#rates.accepted(now);
    if (usage.outputTokens > 0) {
      const before = this.#seenOutput ?? usage.outputTokens;
      this.#seenOutput = before + 0.1 * (usage.outputTokens - before);
    }
    if (ticket.reservation !== undefined) {
      const used = usage.totalTokens > 0 ? this.#counted(usage) : undefined;
      this.#rates.settle(ticket.reservation, used, now);
    }
    this.#parts.concurrency?.answered({
      startedAt: ticket.startedAt,
      endedAt: now,
      firstTokenMs: ticket.streamed ? ticket.options.record.firstByteMs : undefined,
      outputTokens: usage.outputTokens,
    });
    this.#end(ticket, now);
  }

  /** What the provider counts against its limits. */
  #counted(usage: Completion["usage"]): Claim {
    const free = this.#parts.cachedTokensFree ? usage.cachedInputTokens : 0;
    return { input: usage.inputTokens - free, output: usage.outputTokens };
  }

  #failed(ticket: Ticket, error: unknown): void {
    const now = this.#parts.clock.now();
    const { options, reservation } = ticket;
    const refused = isTrunklineError(error) && error.code === "rate_limit";
    if (mayBePaid(error)) options.record.possiblyPaid++;
    if (refused) this.#refused(ticket, error, now);
    else if (
      isTrunklineError(error) &&
      error.code === "overloaded" &&
      usableHint(error.retryAfterMs) !== undefined
    ) {
      this.#shut(ticket, error.retryAfterMs, now);
    } else this.#gate.undecided(ticket.startedAt);
    if (reservation !== undefined) {
      if (isTrunklineError(error) && error.sent === false) this.#rates.refund(reservation, now);
      else this.#rates.settle(reservation, undefined, now);
    }
    if (isStrain(error)) this.#parts.concurrency?.strained(ticket.startedAt, now);
    this.#end(ticket, now);
  }

  #refused(ticket: Ticket, error: TrunklineError, now: number): void {
    if (this.#gate.isNews(ticket.startedAt, now)) {
      this.#rates.refused(ticket.reservation ?? { at: ticket.startedAt, parts: [] }, now);
    }
    this.#shut(ticket, error.retryAfterMs, now);
  }

  #shut(ticket: Ticket, hintMs: number | undefined, now: number): void {
    this.#gate.shut(hintMs, ticket.startedAt, now, this.#parts.clock.random());
    for (const waiting of this.#waiting) {
      const pause = this.#gate.hopelessMs(waiting.options.deadlineAt, now);
      if (pause !== undefined) this.#dismiss(waiting, outlastsDeadline(pause, this.#parts.model));
    }
  }

  /** The signal aborted between the decision and the start. */
  #unsent(ticket: Ticket): void {
    const now = this.#parts.clock.now();
    if (ticket.reservation !== undefined) this.#rates.refund(ticket.reservation, now);
    this.#gate.undecided(ticket.startedAt);
    this.#giveBack(ticket);
  }

  #end(ticket: Ticket, now: number): void {
    ticket.options.record.providerMs += now - ticket.startedAt;
    this.#giveBack(ticket);
  }

  /** The work is over: what it held returns, first to whoever waits for places, then to this lane. */
  #giveBack(ticket: Ticket): void {
    this.#inFlight--;
    const leads = this.#warmth.ended(ticket);
    ticket.door.give();
    this.#release(leads);
    this.pump();
  }

  stats(): LaneStats {
    const { clock, origin, model, concurrency } = this.#parts;
    const now = clock.now();
    let waitingForPrefix = 0;
    for (const { tickets } of this.#parked.values()) waitingForPrefix += tickets.size;
    return {
      origin,
      model,
      queued: this.#waiting.size,
      inFlight: this.#inFlight,
      ...(this.#gate.shutUntil > now && { pausedMs: this.#gate.shutUntil - now }),
      rates: this.#rates.stats(now),
      warmPrefixes: this.#warmth.warm(now),
      waitingForPrefix,
      ...(concurrency !== undefined && { concurrency: concurrency.slots.limit }),
    };
  }
}

function goesBefore(a: Door<Ticket>, b: Door<Ticket>): boolean {
  const difference = a.queue.firstTag - b.queue.firstTag;
  return difference < 0 || (difference === 0 && a.queue.first!.rank < b.queue.first!.rank);
}

const strains: ReadonlySet<string> = new Set(["overloaded", "rate_limit", "timeout"]);

/** Whether a failure says that the backend has too much to do. */
function isStrain(error: unknown): boolean {
  return isTrunklineError(error) && strains.has(error.code) && error.sent !== false;
}

/** A driver that throws instead of rejecting has failed all the same. */
function started(next: Call, request: ChatRequest, options: CallOptions): Promise<Completion> {
  try {
    return next(request, options);
  } catch (error) {
    return Promise.reject(error);
  }
}
