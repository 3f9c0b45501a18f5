import type { Cache } from "../../src/cache/cache.ts";
import type { CallOptions, CallRecord } from "../../src/core/call.ts";
import type { Completion } from "../../src/core/completion.ts";
import type { Slots } from "../../src/core/slots.ts";
import type { CallPlan, LanePlan, LinePlan, PoolPlan, Scenario } from "./scenario.ts";
import type { World } from "./world.ts";

/** One caller's stay in the cache of a line; with fallbacks a call stays in several, one after another. */
export interface Visit {
  readonly call: CallSight;
  readonly lane: LaneSight;
  /** All that decides the answer: model, question, scope and rollout. */
  readonly key: string;
  readonly mode: "use" | "refresh" | "off";
  /** How often its scope had been cleared when it asked. */
  era: number;
  readonly enteredAt: number;
  /** The place in the order of all visits, works and answers. */
  readonly order: number;
  readonly options: CallOptions;
  /** What it waits for; undefined while the answer is looked up. */
  work: Work | undefined;
  /** Pieces of work that were begun in its name. */
  led: number;
  over: boolean;
}

/** One piece of work that the cache had done, for one caller or for many. */
export interface Work {
  readonly lane: LaneSight;
  readonly leader: Visit;
  readonly key: string;
  readonly era: number;
  readonly startedAt: number;
  /** The place in the order of all visits, works and answers. */
  readonly order: number;
  /** As the layers below got them; deadline and priority move. */
  readonly options: CallOptions;
  /** Who waits for it. */
  readonly members: Set<Visit>;
  readonly attempts: Attempt[];
  /** It has had more than one member. */
  joined: boolean;
  /** A clear has come since it began. */
  forgotten: boolean;
  /** All its members are known in the very event that it began in: nobody else's had failed or was found. */
  readonly surelyAll: boolean;
  /** When its last member left it, if nobody waits. */
  aloneSince: number | undefined;
  overAt: number | undefined;
}

/** One try of a piece of work, as seen from outside of every layer. Instants are of virtual time; absent: not happened. */
export interface Attempt {
  /** Who asked for the work. */
  readonly call: CallSight;
  readonly work: Work;
  readonly lane: LaneSight;
  readonly client: ClientSight;
  /** Counts the attempts in the name of one call. */
  readonly number: number;
  /** Counts those of one piece of work. */
  readonly nth: number;
  /** As admission got them. */
  readonly options: CallOptions;
  /** It asked admission for a place. */
  readonly enteredAt: number;
  /** The place in the order of all entries. */
  readonly entry: number;
  /** Calls of its lane that were waiting when it came. */
  readonly ahead: number;
  /** Admission let it go, holding its slots. */
  dispatchedAt?: number;
  /** The driver was asked. */
  sentAt?: number;
  /** It was asked for a stream. */
  streamed?: boolean;
  firstByteAt?: number;
  /** The driver's own promise settled. */
  endedAt?: number;
  /** The guard's promise settled, which gives the slots back. */
  overAt?: number;
  /** What the guard's promise brought. */
  answer?: Completion;
  error?: unknown;
  /** What the modelled provider had decided. */
  fate?: string;
  /** How long it asked to wait, where it did so in earnest. */
  hintMs?: number;
}

export type Phase = "new" | "waiting" | "running" | "between" | "settled";

export interface CallSight {
  readonly plan: CallPlan;
  readonly line: LinePlan;
  readonly lane: LaneSight;
  /** Those of the work that was done in its name. */
  readonly attempts: Attempt[];
  readonly visits: Visit[];
  readonly controller: AbortController;
  readonly record: CallRecord;
  readonly arrivedAt: number;
  readonly deadlineAt: number;
  phase: Phase;
  abortArmed: boolean;
  /** Its caller, or the run around it, aborted. */
  abortedAt?: number;
  settledAt?: number;
  settles: number;
  answer?: Completion;
  error?: unknown;
  /** Text that reached the caller, and how many pieces. */
  text: string;
  deltas: number;
  lateDeltas: number;
}

export interface PoolSight {
  readonly plan: PoolPlan;
  readonly slots: Slots;
  readonly running: Set<Attempt>;
}

/** What one layer of admission was made for. */
export interface ClientSight {
  readonly name: string;
  readonly origin: OriginSight;
  /** The Client's own and, where there are sockets, the Pool's. */
  readonly slots: readonly Slots[];
  readonly gauges: { readonly queued: number; readonly waitingForSocket: number };
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
  readonly running: Set<Attempt>;
  readonly waiting: Set<Attempt>;
  /** It was told to close. */
  closing: ClosingSight | undefined;
}

/** What shares one retry budget. */
export interface OriginSight {
  answers: number;
  retries: number;
}

export interface LaneSight {
  readonly plan: LanePlan;
  readonly waiting: Set<Attempt>;
  readonly running: Set<Attempt>;
  /** Attempts that admission let go, in their order. */
  readonly dispatched: Attempt[];
  /** Who has used it, how many were dispatched before its first call, and how many when it was gone. */
  readonly clients: Map<ClientSight, { readonly from: number; to?: number }>;
  /** The provider told to wait until then; no longer than anybody waits. */
  toldUntil: number;
  /** What it truly asked for. */
  askedUntil: number;
  /** When it last refused a call for its rate. */
  refusedAt: number;
  /** Limits, refusals or adapted concurrency are in play: it may have its reasons to wait. */
  paced: boolean;
  /** Since when it could start a waiting call and did not. */
  ableSince: number | undefined;
}

/** Clients were told to close. */
export interface ClosingSight {
  readonly at: number;
  /** The plan's number of the one Client; absent: all. */
  readonly client?: number;
  /** From when on callers may be sent away. */
  abortsAt: number;
  doneAt?: number;
}

/** What must still be known, wherever it is kept. */
export interface StoredSight {
  readonly at: number;
  readonly ttl: number;
  readonly order: number;
  readonly scope: string;
  readonly lane: LaneSight;
}

/** Everything an invariant may look at. */
export interface Sight {
  readonly cache: Cache;
  /** Work that is not over. */
  readonly works: ReadonlySet<Work>;
  /** Those whose work has failed in this event: they are about to hear it, or have asked anew. */
  readonly undecided: Iterable<Visit>;
  /** Every attempt so far, by the id of its answer. */
  readonly byId: ReadonlyMap<string, Attempt>;
  /** Every attempt that failed, by its error. */
  readonly byError: ReadonlyMap<unknown, Attempt>;
  /** Answers that no bound, clearing or broken store can have lost, by their keys. */
  readonly stored: ReadonlyMap<string, StoredSight>;
  readonly scenario: Scenario;
  readonly world: World;
  readonly calls: readonly CallSight[];
  /** Calls that arrived and have not settled. */
  readonly open: ReadonlySet<CallSight>;
  /** Calls that something happened to in this event. */
  readonly touched: ReadonlySet<CallSight>;
  readonly pools: readonly PoolSight[];
  readonly clients: readonly ClientSight[];
  readonly lanes: readonly LaneSight[];
  readonly closings: readonly ClosingSight[];
  /** Signals that many calls share. */
  readonly runs: readonly AbortController[];
  /** What the composed layers still hold, in words; undefined when nothing. */
  leftovers(): string | undefined;
}
