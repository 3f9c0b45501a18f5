import type { LaneStats } from "../../src/admission/lane.ts";
import type { Cache } from "../../src/cache/cache.ts";
import type { CacheOptions } from "../../src/cache/options.ts";
import type { Call, Layer } from "../../src/core/call.ts";
import type { Slots } from "../../src/core/slots.ts";
import type { Change, Scenario } from "./scenario.ts";
import type { Attempt, CallSight, ClientSight, ClosingSight, PoolSight } from "./sight.ts";
import type { World } from "./world.ts";

/** The code under test, put together in one of the ways that programs meet it. */
export interface Stack {
  readonly cache: Cache;
  /** The composed call of a line, for the caller with this number. */
  readonly call: (line: number, id: number) => Call;
  /** A change that is the stack's own business. */
  readonly change: (change: Change) => void;
  readonly leftovers: () => string | undefined;
  /** What admission believes of its lanes. */
  readonly lanes: () => readonly LaneStats[];
}

/** What a stack tells about itself while it is built and while it runs. */
export interface Witness {
  readonly world: World;
  readonly scenario: Scenario;
  readonly pools: readonly PoolSight[];
  readonly callNumber: (id: number) => CallSight;
  /** Admission was asked for a layer. */
  readonly addClient: (facts: {
    readonly name: string;
    readonly origin: string;
    readonly slots: readonly Slots[];
    readonly gauges: { readonly queued: number; readonly waitingForSocket: number };
    readonly requestsPerMinute?: number | undefined;
    readonly tokensPerMinute?: number | undefined;
  }) => ClientSight;
  /** Admission was told to forget it. */
  readonly removeClient: (client: ClientSight) => void;
  /** Belongs directly above the cache. */
  readonly cacheProbe: Layer;
  /** Belongs directly below the cache. */
  readonly workProbe: Layer;
  /** Belongs between retry and admission. */
  readonly outerProbe: (client: ClientSight) => Layer;
  /** Belongs between admission and the guard. */
  readonly innerProbe: (client: ClientSight) => Layer;
  /** Runs the modelled work of a call's newest attempt; the driver was asked right now, for a stream or not. */
  readonly work: <T>(call: CallSight, streamed: boolean, run: (attempt: Attempt) => Promise<T>) => Promise<T>;
  readonly closing: (closing: ClosingSight) => void;
}

/** Layers put between the real ones, or in place of admission, to show that an invariant notices them. */
export interface Mutation {
  readonly top?: Layer;
  /** In place of the cache's layer, which is handed in. */
  readonly cache?: (real: Layer) => Layer;
  /** In place of the cache's options. */
  readonly cacheOptions?: (options: CacheOptions) => CacheOptions;
  /** Which of a line's fallbacks are there. */
  readonly fallbacks?: (lines: readonly number[]) => readonly number[];
  readonly aboveRetry?: Layer;
  readonly belowRetry?: Layer;
  readonly admission?: (client: ClientSight, world: World) => Layer;
  readonly belowAdmission?: (client: ClientSight, world: World) => Layer;
  /** In place of the registry's close, which is handed in. */
  readonly close?: (real: () => Promise<void>) => Promise<void>;
}

/** A fault put into the layers on purpose, and the invariant that must notice it. */
export interface Fault {
  readonly what: string;
  readonly breaks: string;
  readonly mutation: Mutation;
}
