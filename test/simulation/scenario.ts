import type { Priority } from "../../src/core/call.ts";

/** How often each trouble comes, from 0 to 1. About half of them are absent from a seed, so that each is also met alone. */
export interface Intensity {
  readonly aborts: number;
  readonly sharedAborts: number;
  readonly deadlines: number;
  readonly queueTimeouts: number;
  readonly tinyQueues: number;
  readonly streams: number;
  readonly rates: number;
  readonly liars: number;
  readonly storms: number;
  readonly outages: number;
  readonly quota: number;
  readonly slowness: number;
  readonly hangs: number;
  readonly cuts: number;
  readonly deafDrivers: number;
  readonly badDrivers: number;
  readonly starts: number;
  readonly oddKeys: number;
  readonly prefixes: number;
  readonly capMoves: number;
  readonly closes: number;
}

/** How a provider says how long to wait. */
export type HintStyle = "none" | "ms" | "seconds" | "zero" | "huge" | "junk" | "mixed";
/** How a provider reports its limits. */
export type HeaderStyle = "none" | "true" | "lying" | "hostile" | "stale";

export type WeatherKind = "storm" | "outage" | "quota" | "slow" | "hang" | "refused" | "cut";

export interface Weather {
  readonly from: number;
  readonly to: number;
  readonly kind: WeatherKind;
  /** How many of the attempts it meets. */
  readonly p: number;
}

/** What a provider really grants, from an instant on; Infinity is no limit. */
export interface Grant {
  readonly at: number;
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
}

/** One (origin, key, model): what really answers. */
export interface LanePlan {
  readonly id: number;
  readonly pool: number;
  readonly account: string;
  readonly model: string;
  readonly grants: readonly Grant[];
  readonly weather: readonly Weather[];
  readonly hints: HintStyle;
  readonly headers: HeaderStyle;
  readonly firstByteMs: number;
  readonly bodyMs: number;
  readonly cachesPrefixes: boolean;
  readonly concurrencyBound: boolean;
  /** The work is done in this process: no pool, and nothing known of its habits. */
  readonly local: boolean;
  /** What answers has no name: its answers stay in memory. */
  readonly memoryOnly: boolean;
}

/** The sockets to one origin. */
export interface PoolPlan {
  readonly id: number;
  readonly capacity: number;
}

/** One full configuration. */
export interface ClientPlan {
  readonly id: number;
  readonly pool: number;
  readonly account: string;
  readonly cap: number;
  readonly abandonAfter: number;
  /** Its key comes from a function, which takes so long and sometimes fails; a 401 asks it for a newer one. */
  readonly key?: { readonly ms: number; readonly fails: number };
}

/** A client speaking to a model: what one chain of layers is built for. */
export interface LinePlan {
  readonly id: number;
  /** Lines to other models that are asked when this one fails. */
  readonly fallbacks?: readonly number[];
  readonly client: number;
  readonly lane: number;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  /** Ignores the signal it is given. */
  readonly deaf: boolean;
  /** Throws what is no TrunklineError, throws at once, answers with what is no completion. */
  readonly bad: number;
  /** How its driver starts: not at all, late, only after so many failures, or never. */
  readonly start?: { readonly ms: number; readonly failures: number; readonly never: boolean };
  /** Trusted like a driver of the package, so that the guard leaves deadlines and checks to it. */
  readonly own: boolean;
}

/** The instant at which a caller aborts: so long after the call reached a phase for the first time. */
export interface AbortPlan {
  readonly phase:
    | "before"
    | "arrived"
    | "queued"
    | "dispatched"
    | "sent"
    | "first_byte"
    | "backoff"
    | "answered";
  readonly afterMs: number;
}

/** How a call uses the cache. */
export interface CacheUsePlan {
  readonly mode: "use" | "refresh";
  readonly scope: string;
  readonly ttl?: number;
}

/** A store behind the memory, and its manners. */
export interface StorePlan {
  readonly manner: "sound" | "slow" | "failing" | "silent" | "rubbish" | "moody";
  /** How long a lookup takes it, at most. */
  readonly ms: number;
}

/** The cache that all lines share. */
export interface CachePlan {
  readonly memoryBytes: number;
  readonly store?: StorePlan;
}

export interface CallPlan {
  readonly id: number;
  /** Calls of one question ask the very same; without repeats it is the call's own number. */
  readonly question: number;
  /** Absent: not cached. */
  readonly cache?: CacheUsePlan;
  readonly rolloutId?: number;
  readonly at: number;
  readonly line: number;
  readonly priority: Priority;
  readonly fairnessKey: string;
  readonly stream: boolean;
  readonly maxRetries: number;
  readonly maxQueue: number;
  readonly deadlineMs: number;
  readonly queueTimeout: number;
  readonly timeout: number;
  readonly abandonAfter: number;
  readonly abort?: AbortPlan;
  /** Index of a signal that many calls share. */
  readonly run?: number;
  /** Which prefix it shares; the calls of one group have equal system text. */
  readonly prefix?: number;
  readonly prefixSharing: "auto" | false | { readonly prefixWait: number };
  /** Its listener throws at this delta, counted from 1. */
  readonly throwsAt?: number;
  readonly promptTokens: number;
  readonly maxTokens?: number;
  readonly outputTokens: number;
}

export type Change =
  | { readonly at: number; readonly kind: "close-idle"; readonly maxAgeMs: number }
  | { readonly at: number; readonly kind: "keep"; readonly clients: number; readonly idleTtl: number }
  | { readonly at: number; readonly kind: "pool"; readonly pool: number; readonly capacity: number }
  | { readonly at: number; readonly kind: "abort-run"; readonly run: number }
  | { readonly at: number; readonly kind: "clear-cache"; readonly scope?: string }
  | { readonly at: number; readonly kind: "reset-memory" }
  | {
      readonly at: number;
      readonly kind: "close";
      readonly client: number;
      readonly mode: "drain" | "abort";
      readonly deadline: number;
    };

/** Everything a seed decides beforehand. What an attempt meets is drawn when it is sent, from a stream of its own. */
export interface Scenario {
  readonly seed: number;
  /** How the code under test is put together. */
  readonly by: "layers" | "trunk";
  readonly intensity: Intensity;
  readonly pools: readonly PoolPlan[];
  readonly lanes: readonly LanePlan[];
  readonly clients: readonly ClientPlan[];
  readonly lines: readonly LinePlan[];
  readonly calls: readonly CallPlan[];
  readonly changes: readonly Change[];
  readonly runs: number;
  readonly cache: CachePlan;
  /** A line of each of these models is in good order from beginning to end. */
  readonly healthy: readonly number[];
  /** How often the process stalls and for how long, so that timers fire late. */
  readonly lag: { readonly often: number; readonly longest: number };
}
