import type { CallOptions, RateSignal } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError, type TrunklineError } from "../core/errors.ts";
import type { ChatRequest } from "../core/request.ts";
import type { AdaptiveConcurrency } from "./adaptive.ts";
import type { Claim, Limit } from "./dimension.ts";
import { estimateInput, estimateOutput } from "./estimate.ts";
import { Gate, usableHint } from "./gate.ts";
import { mayBePaid } from "./lane-errors.ts";
import { type Lead, Warmth } from "./prefix.ts";
import type { Prefixes, PrefixHasher } from "./prefix-key.ts";
import { prefixLifetime, smallestPrefix } from "./prefix-size.ts";
import { type RateStats, Rates } from "./rates.ts";
import type { Ticket } from "./ticket.ts";

export interface LimitParts {
  readonly clock: Clock;
  readonly model: string;
  readonly hasher: PrefixHasher;
  readonly cachesPrefixes: boolean;
  /** The provider caches only what is marked. */
  readonly onlyMarked: boolean;
  /** Tokens read from the provider's cache do not count against its limits. */
  readonly cachedTokensFree: boolean;
  readonly concurrency: AdaptiveConcurrency | undefined;
}

/** What a call says of shared prefixes. */
type Sharing = Exclude<CallOptions["prefixSharing"], "auto" | false>;

const usualSharing: Sharing = {};
const prefixWaitMs = 10_000;
/** Half of all answers are longer than the usual one; this covers most. */
const outputMargin = 1.25;
const strains: ReadonlySet<string> = new Set(["overloaded", "rate_limit", "timeout"]);

/**
 * What holds the calls of one lane back apart from places: its rates, pauses and cold prefixes. It learns from
 * every answer and failure.
 */
export class Limits {
  readonly #parts: LimitParts;
  readonly #smallestPrefix: number;
  readonly #rates: Rates;
  readonly #gate = new Gate();
  readonly #warmth: Warmth;
  /** Tokens of a usual answer, once some were seen. */
  #seenOutput: number | undefined;

  constructor(parts: LimitParts) {
    this.#parts = parts;
    this.#smallestPrefix = smallestPrefix(parts.model);
    this.#rates = new Rates(parts.clock.now());
    const { model, onlyMarked } = parts;
    this.#warmth = new Warmth({ lifetimeMs: prefixLifetime(model), onlyMarked });
  }

  configure(limits: readonly Limit[]): void {
    this.#rates.configure(limits, this.#parts.clock.now());
  }

  /** Notes what the call needs: its prefixes where they may be shared, its tokens where they are counted. */
  measure(ticket: Ticket): void {
    const sharing = this.#sharingOf(ticket.request, ticket.options);
    if (sharing !== undefined) {
      ticket.least = sharing.minTokens ?? this.#smallestPrefix;
      ticket.prefixWait = sharing.prefixWait ?? prefixWaitMs;
      ticket.prefixes = this.#parts.hasher.prefixesOf(ticket.request, ticket.least);
    }
    if (this.#rates.active) this.weigh(ticket);
  }

  /** How prefixes of the call are shared; undefined when they are not. */
  #sharingOf({ embed }: ChatRequest, { prefixSharing }: CallOptions): Sharing | undefined {
    // Vectors are made of each text alone: they have no prefix that a provider could keep.
    if (embed !== undefined || prefixSharing === false) return undefined;
    if (prefixSharing !== "auto") return prefixSharing;
    return this.#parts.cachesPrefixes ? usualSharing : undefined;
  }

  /** Where the prompt may be shared; undefined where it is not. */
  prefixesOf(request: ChatRequest, options: CallOptions): Prefixes | undefined {
    const sharing = this.#sharingOf(request, options);
    return sharing && this.#parts.hasher.prefixesOf(request, sharing.minTokens ?? this.#smallestPrefix);
  }

  /** Sets what the call will probably take. */
  weigh(ticket: Ticket): void {
    ticket.claim = this.#claimOf(ticket.request, ticket.prefixes?.total);
  }

  #claimOf(request: ChatRequest, input = estimateInput(request)): Claim {
    const seen = this.#seenOutput === undefined ? undefined : this.#seenOutput * outputMargin;
    return { input, output: estimateOutput(request, seen) };
  }

  /** About how long a call would wait here behind so many others. */
  outlookMs(request: ChatRequest, input: number, ahead: number, now: number): number {
    const pause = this.#gate.waitMs(now);
    if (!this.#rates.active) return pause;
    return Math.max(pause, this.#rates.backlogMs(this.#claimOf(request, input), ahead, now));
  }

  tooLargeFor(ticket: Ticket): { readonly limit: Limit; readonly amount: number } | undefined {
    return this.#rates.active ? this.#rates.tooLargeFor(ticket.claim.input) : undefined;
  }

  /** Whether others of this tick may share a prefix of the call that nobody has seen yet. */
  isNews(ticket: Ticket, now: number): boolean {
    return ticket.prefixes !== undefined && this.#warmth.isUnknown(ticket, now);
  }

  compare(tickets: readonly Ticket[]): void {
    this.#warmth.compare(tickets);
  }

  /** Milliseconds until the lane is open. */
  shutMs(now: number): number {
    return this.#gate.waitMs(now);
  }

  /** How long the provider asked to wait, when that is too long for the call. */
  hopelessMs(ticket: Ticket, now: number): number | undefined {
    return this.#gate.hopelessMs(ticket.options.deadlineAt, now);
  }

  /** The prefix that the call must wait for. */
  awaits(ticket: Ticket, now: number): Lead | undefined {
    return ticket.prefixes === undefined ? undefined : this.#warmth.awaits(ticket, now);
  }

  /** Milliseconds until every bucket has room for the call. */
  shortMs(ticket: Ticket, now: number): number {
    return this.#rates.active ? this.#rates.waitMs(ticket.claim, now) : 0;
  }

  /** The call starts: takes its claim, and the lead of what is cold. */
  take(ticket: Ticket, now: number): void {
    ticket.startedAt = now;
    this.#gate.started(now);
    if (this.#rates.active) ticket.reservation = this.#rates.reserve(ticket.claim, now);
    if (ticket.prefixes !== undefined) ticket.leading = this.#warmth.start(ticket, now);
  }

  /** The call was not sent after all. */
  untake(ticket: Ticket, now: number): readonly Lead[] {
    if (ticket.reservation !== undefined) this.#rates.refund(ticket.reservation, now);
    this.#gate.undecided(ticket.startedAt);
    return this.#warmth.ended(ticket);
  }

  /** An answer has begun. Gives the prefixes that nobody need wait for any more. */
  begun(ticket: Ticket, now: number): readonly Lead[] {
    this.#gate.accepted(ticket.startedAt);
    return this.#warmth.warmed(ticket, now);
  }

  /** Limits read from the headers of the call's answer. */
  learn(ticket: Ticket, signals: readonly RateSignal[], now: number): void {
    ticket.reservation ??= { at: ticket.startedAt, parts: [] };
    this.#rates.observe(ticket.reservation, signals, now);
  }

  answered(ticket: Ticket, { usage }: Completion, now: number): void {
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
  }

  /** What the provider counts against its limits. */
  #counted(usage: Completion["usage"]): Claim {
    const free = this.#parts.cachedTokensFree ? usage.cachedInputTokens : 0;
    return { input: usage.inputTokens - free, output: usage.outputTokens };
  }

  /** The attempt failed. Gives the prefixes that need another leader. */
  failed(ticket: Ticket, error: unknown, now: number): readonly Lead[] {
    if (isTrunklineError(error)) this.#heed(ticket, error, now);
    else this.#gate.undecided(ticket.startedAt);
    if (mayBePaid(error)) ticket.options.record.possiblyPaid++;
    return this.#warmth.ended(ticket);
  }

  #heed(ticket: Ticket, error: TrunklineError, now: number): void {
    const { startedAt, reservation } = ticket;
    const overloaded = error.code === "overloaded" && usableHint(error.retryAfterMs) !== undefined;
    if (error.code === "rate_limit") this.#refused(ticket, now);
    if (error.code === "rate_limit" || overloaded) {
      this.#gate.shut(error.retryAfterMs, startedAt, now, this.#parts.clock.random());
    } else this.#gate.undecided(startedAt);
    if (reservation !== undefined) {
      if (error.sent === false) this.#rates.refund(reservation, now);
      else this.#rates.settle(reservation, undefined, now);
    }
    if (strains.has(error.code) && error.sent !== false) this.#parts.concurrency?.strained(startedAt, now);
  }

  /** A refused burst lowers the rate once. That of a probe says only that the pause was too short. */
  #refused({ startedAt, reservation }: Ticket, now: number): void {
    if (!this.#gate.isNews(startedAt, now) || this.#gate.probing) return;
    this.#rates.refused(reservation ?? { at: startedAt, parts: [] }, now);
  }

  stats(now: number): { pausedMs?: number; rates: readonly RateStats[]; warmPrefixes: number } {
    const paused = this.#gate.shutUntil - now;
    return {
      ...(paused > 0 && { pausedMs: paused }),
      rates: this.#rates.stats(now),
      warmPrefixes: this.#warmth.warm(now),
    };
  }
}
