import type { Completion, Cost, Price, Usage } from "./answer.ts";
import type { ErrorCode } from "./errors.ts";
import type { ChatRequest } from "./request.ts";
import type { Signal } from "./signals.ts";

/** A piece of an answer while it is being written. */
export interface Delta {
  /** New text; empty when the piece is of another kind. */
  readonly text: string;
  readonly reasoning?: string;
  readonly toolCall?: {
    readonly index: number;
    readonly id?: string;
    readonly name?: string;
    readonly argumentsText?: string;
  };
  /** Which choice, when more than one was asked for; 0 when absent. */
  readonly choice?: number;
}

/** Who goes first when calls of one caller wait together. */
export const priorities = ["interactive", "evaluation", "batch"] as const;
export type Priority = (typeof priorities)[number];

/** One dimension of a provider's limits, as an answer reported it. */
export interface RateSignal {
  readonly of: "requests" | "tokens" | "input_tokens" | "output_tokens";
  /** The window the limit is counted in. */
  readonly windowMs: number;
  readonly limit?: number;
  readonly remaining?: number;
  /** Milliseconds from now until the bucket is full again. */
  readonly resetMs?: number;
}

/** What a driver says while it works. The layer that wants to know sets a listener; a naive driver ignores them all. */
export interface Watch {
  /** The request was put on the wire; from here on it may be paid. */
  onSent?: () => void;
  /** The first byte of an answer, or its first delta. */
  onFirstByte?: () => void;
  /** Limits read from the answer's headers. */
  onRate?: (signals: readonly RateSignal[]) => void;
}

/** Deadline and priority of joined work may move while it waits. Whoever lets it wait sets the listener. */
export interface Moves {
  onMoved?: (() => void) | undefined;
}

/** The line that a call took: whose it is. */
export interface LineName {
  readonly provider: string;
  readonly clientId: string;
}

/** What happened to one call; each layer writes its own part, events read it at the end. */
export interface CallRecord {
  /** The line taken last, and the model asked there; with fallbacks there may be several. */
  line?: LineName;
  model?: string;
  /** `clock.now()` when the call arrived. A retry keeps it, so it queues by its true age. */
  readonly arrivedAt: number;
  /** Times the request was handed to the driver. */
  attempts: number;
  /** Milliseconds spent waiting for admission, over all attempts. */
  queueMs: number;
  /** Milliseconds from dispatch to the work's end, over all attempts. */
  providerMs: number;
  /** Milliseconds from the last dispatch to the first byte. */
  firstByteMs?: number;
  /** Attempts that failed after they were sent, so that the provider may charge for them. */
  possiblyPaid: number;
  cache: "off" | "miss" | "hit" | "join";
}

/** Where the beginnings end that a prompt shares with others. Tools always belong to them. */
export interface PrefixMark {
  /**
   * How many leading messages belong to each, system messages included, shortest first and at most four; 0 is the
   * tools alone. None: nobody shares any of it, so that writing it to the provider's cache would be wasted.
   */
  readonly ends: readonly number[];
  /** The same for all calls that share the shortest, and for no others. */
  readonly key?: string;
}

/** How a call uses the cache. */
export interface CacheUse {
  /** "off" neither reads nor writes nor joins; "refresh" asks anew and replaces what was stored. */
  readonly mode: "use" | "off" | "refresh";
  /** Answers of one scope are never seen in another. */
  readonly scope: string;
  /** Milliseconds an answer may be used for; absent: for ever. */
  readonly ttl?: number;
  /** The name of a group of endpoints that are the same model, in place of the endpoint's own. */
  readonly replicas?: string;
}

/** Everything about a call that is not the question itself. Times are milliseconds; see the design's option table. */
export interface CallOptions {
  /** Aborts the work. Above the `caller` layer it is the caller's own; below it, the call's. */
  readonly signal?: Signal;
  /** Signals of the runs around the call, innermost first. Only the `caller` layer looks at them. */
  readonly outerSignals?: readonly AbortSignal[];
  /** With a listener the answer is streamed; the promise still brings the whole completion. */
  readonly onDelta?: (delta: Delta) => void;
  /** The instant (by `clock.now()`) at which the whole call must have ended. */
  readonly deadlineAt: number;
  readonly timeout: number;
  readonly firstByteTimeout: number;
  readonly idleTimeout: number;
  readonly queueTimeout: number;
  /** A call that finds this many waiting in its lane is refused. */
  readonly maxQueue: number;
  readonly maxRetries: number;
  readonly abandonAfter: number;
  readonly priority: Priority;
  /** Tells when `deadlineAt` or `priority` has moved; absent where neither can. */
  readonly moves?: Moves;
  /** Calls with one key share one fair share of a lane. */
  readonly fairnessKey: string | object;
  /** Headers of this call alone; never part of a Client. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Which of the Client's keys the attempt goes by; the first when absent. */
  readonly key?: number;
  /** The shared prefixes that the provider is told of, where its wire knows marks. */
  readonly prefixMark?: PrefixMark;
  /** Absent: off. */
  readonly cache?: CacheUse;
  /** Asks for a sample of its own, kept apart from those of other ids; never sent. */
  readonly rolloutId?: string | number;
  readonly prefixSharing: "auto" | false | { readonly minTokens?: number; readonly prefixWait?: number };
  /** What the model's tokens cost, instead of the price table. */
  readonly price?: Price;
  readonly watch: Watch;
  readonly record: CallRecord;
}

/** The one function shape of the inner path. */
export type Call = (request: ChatRequest, options: CallOptions) => Promise<Completion>;

/** A function that wraps a Call with another Call. */
export type Layer = (next: Call) => Call;

/** Options with some members changed. Deadline and priority of joined work move, so they are asked anew each time. */
export function changed(options: CallOptions, changes: Partial<CallOptions>): CallOptions {
  return {
    ...options,
    ...changes,
    get deadlineAt() {
      return options.deadlineAt;
    },
    get priority() {
      return options.priority;
    },
  };
}

/** A driver that throws instead of rejecting has failed all the same. */
export function started(next: Call, request: ChatRequest, options: CallOptions): Promise<Completion> {
  try {
    return next(request, options);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** One call from layers, outermost first, around the innermost call. */
export function compose(layers: readonly Layer[], innermost: Call): Call {
  return layers.reduceRight((next, layer) => layer(next), innermost);
}

/** A fresh record for a call that arrives now. */
export function newRecord(arrivedAt: number): CallRecord {
  return { arrivedAt, attempts: 0, queueMs: 0, providerMs: 0, possiblyPaid: 0, cache: "off" };
}

/** One finished call, as events and their subscribers see it. */
export interface CallEvent {
  readonly model: string;
  readonly provider: string;
  readonly clientId: string;
  readonly attempts: number;
  readonly queueMs: number;
  readonly providerMs: number;
  readonly firstByteMs?: number;
  readonly totalMs: number;
  readonly possiblyPaid: number;
  readonly cache: CallRecord["cache"];
  readonly streamed: boolean;
  readonly usage?: Usage;
  readonly cost?: Cost;
  readonly errorCode?: ErrorCode;
}
