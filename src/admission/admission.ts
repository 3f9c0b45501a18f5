import type { Layer } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import { type Logger, silent } from "../core/log.ts";
import type { Slots } from "../core/slots.ts";
import { AdaptiveConcurrency } from "./adaptive.ts";
import type { Limit } from "./dimension.ts";
import { Door, type Gauges } from "./door.ts";
import { KeyState } from "./key-state.ts";
import { Lane, type LaneStats } from "./lane.ts";
import { PrefixHasher } from "./prefix-key.ts";
import { RetryBudget } from "./retry-budget.ts";
import type { Ticket } from "./ticket.ts";
import { TurnTable } from "./turns.ts";

/** What admission needs to know of one Client. */
export interface LineFacts {
  /** Where the calls go; the driver's lane name where there is no origin. */
  readonly origin: string;
  /** A hash of key, organization and project: Clients with equal values share their lanes. */
  readonly account: string;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly requestsPerDay?: number;
  readonly tokensPerDay?: number;
  /** A call takes a place in each of these, all or none: the Client's own, the Pool's. */
  readonly slots: readonly Slots[];
  /** The one among `slots` whose fullness counts as waiting for a socket. */
  readonly poolSlots?: Slots;
  /** Whether the backend is bound by concurrency (Ollama, vLLM, llama.cpp), which is then adapted. */
  readonly concurrencyBound: boolean;
  /** Whether the provider is known to cache prompt prefixes. */
  readonly cachesPrefixes: boolean;
  /** Whether the provider caches of a model's prompts only what is marked. Default: it caches by itself. */
  readonly onlyMarked?: (model: string) => boolean;
  /** Whether tokens read from the provider's cache do not count against its limits. */
  readonly cachedTokensFree?: boolean;
  /** Kept up to date for `clients.stats()`. */
  readonly gauges: Gauges;
}

export interface AdmissionStats {
  readonly lanes: readonly LaneStats[];
}

/** A lane with the doors of the Clients that use it. */
interface Entry {
  readonly key: string;
  readonly lane: Lane;
  readonly doors: Map<Line, Door<Ticket>>;
}

/** One Client, with the lanes it has used. */
interface Line {
  readonly facts: LineFacts;
  readonly entries: Map<string, Entry>;
  saidPoolFull: boolean;
  /** Who wants to know that a refusal shut the lane of a model while calls wait for it. */
  onShut: ((model: string) => void) | undefined;
}

/** How many lanes are remembered; beyond it, idle ones are forgotten, the longest unused first. */
const mostLanes = 1_000;
const minute = 60_000;
const day = 86_400_000;

/**
 * Decides when a call may start. There is one for the process; each Client has a layer of it, and Clients that
 * share an origin and an account share their lanes, one a model.
 *
 * ```ts
 * const admission = new Admission({ clock });
 * const call = compose([retry({ clock, budget: admission.budget(origin) }), admission.layer(facts)], driver);
 * ```
 */
export class Admission {
  readonly #clock: Clock;
  readonly #logger: () => Logger;
  readonly #entries = new Map<string, Entry>();
  readonly #lines = new Map<LineFacts, Line>();
  readonly #concurrency = new Map<string, AdaptiveConcurrency>();
  readonly #budgets = new Map<string, RetryBudget>();
  readonly #keys = new Map<string, KeyState>();
  readonly #turns = new TurnTable();
  readonly #hasher = new PrefixHasher();

  constructor({ clock, logger = () => silent }: { clock: Clock; logger?: () => Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The layer of one Client. */
  layer(facts: LineFacts): Layer {
    const line: Line = { facts, entries: new Map(), saidPoolFull: false, onShut: undefined };
    this.#lines.set(facts, line);
    return (next) => (request, options) => {
      const entry = this.#entryOf(line, request.model);
      return entry.lane.call(entry.doors.get(line)!, request, options, next);
    };
  }

  /** The lane that a Client's calls to `model` wait in; undefined once the Client is forgotten. */
  laneOf(facts: LineFacts, model: string): Lane | undefined {
    const line = this.#lines.get(facts);
    return line && this.#entryOf(line, model).lane;
  }

  /** Calls `onShut` whenever a refusal shuts the lane of a model, or for longer, while the Client's calls wait there. */
  watch(facts: LineFacts, onShut: (model: string) => void): void {
    const line = this.#lines.get(facts);
    if (line !== undefined) line.onShut = onShut;
  }

  /** What is known of a key, by whatever Client. */
  keyState({ origin, account }: LineFacts): KeyState {
    return recall(this.#keys, JSON.stringify([origin, account]), () => new KeyState());
  }

  /** Everybody who waits for `model` at a Client's door leaves with `error`. */
  recall(facts: LineFacts, model: string, error: unknown): void {
    const line = this.#lines.get(facts);
    const entry = line?.entries.get(model);
    entry?.lane.recall(entry.doors.get(line!)!, error);
  }

  /** Forgets a Client that was closed: its configured rates no longer hold. */
  forget(facts: LineFacts): void {
    const line = this.#lines.get(facts);
    if (line === undefined) return;
    this.#lines.delete(facts);
    for (const entry of line.entries.values()) {
      entry.doors.delete(line);
      entry.lane.configure(limitsOf(entry));
    }
    line.entries.clear();
  }

  /** The retry budget that all Clients of one origin share. */
  budget(origin: string): RetryBudget {
    return recall(this.#budgets, origin, () => new RetryBudget());
  }

  stats(): AdmissionStats {
    return { lanes: [...this.#entries.values()].map(({ lane }) => lane.stats()) };
  }

  #entryOf(line: Line, model: string): Entry {
    return line.entries.get(model) ?? this.#enter(line, model);
  }

  /** Opens a door to the lane of `model`. */
  #enter(line: Line, model: string): Entry {
    const { facts } = line;
    const key = JSON.stringify([facts.origin, facts.account, model]);
    const entry = this.#entries.get(key) ?? { key, lane: this.#newLane(facts, model), doors: new Map() };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.doors.set(line, this.#newDoor(line, entry.lane, model));
    entry.lane.configure(limitsOf(entry));
    line.entries.set(model, entry);
    this.#forgetIdleLanes();
    return entry;
  }

  #newLane(facts: LineFacts, model: string): Lane {
    return new Lane({
      clock: this.#clock,
      origin: facts.origin,
      model,
      hasher: this.#hasher,
      cachesPrefixes: facts.cachesPrefixes,
      onlyMarked: facts.onlyMarked?.(model) ?? false,
      cachedTokensFree: facts.cachedTokensFree ?? false,
      concurrency: facts.concurrencyBound ? this.#concurrencyOf(facts.origin, model) : undefined,
    });
  }

  #concurrencyOf(origin: string, model: string): AdaptiveConcurrency {
    return recall(this.#concurrency, JSON.stringify([origin, model]), () => new AdaptiveConcurrency());
  }

  #newDoor(line: Line, lane: Lane, model: string): Door<Ticket> {
    const { facts } = line;
    const bound = facts.concurrencyBound ? [this.#concurrencyOf(facts.origin, model).slots] : [];
    return new Door({
      slots: [...facts.slots, ...bound],
      poolSlots: facts.poolSlots,
      gauges: facts.gauges,
      shares: lane.shares,
      turns: this.#turns,
      startOne: lane.startOne,
      onPoolFull: () => this.#sayPoolFull(line),
      onShut: () => line.onShut?.(model),
    });
  }

  #sayPoolFull(line: Line): void {
    if (line.saidPoolFull) return;
    line.saidPoolFull = true;
    const { origin, poolSlots } = line.facts;
    this.#logger().info(
      `trunkline: all ${poolSlots?.limit} connections to ${origin} are in use, further calls wait for one; ` +
        "`connections` allows more (said once; clients.stats().waitingForSocket counts)",
    );
  }

  #forgetIdleLanes(): void {
    if (this.#entries.size <= mostLanes) return;
    for (const [key, { lane, doors }] of this.#entries) {
      if (!lane.idle) continue;
      this.#entries.delete(key);
      for (const line of doors.keys()) line.entries.delete(lane.model);
      if (this.#entries.size <= mostLanes) return;
    }
  }
}

/** The smallest limit of each kind that a living Client of the lane has configured. */
function limitsOf({ doors }: Entry): Limit[] {
  const limits: Limit[] = [];
  const add = (of: Limit["of"], windowMs: number, limit: number | undefined): void => {
    if (limit !== undefined) limits.push({ of, windowMs, limit });
  };
  for (const { facts } of doors.keys()) {
    add("requests", minute, facts.requestsPerMinute);
    add("tokens", minute, facts.tokensPerMinute);
    add("requests", day, facts.requestsPerDay);
    add("tokens", day, facts.tokensPerDay);
  }
  return limits;
}

/** What a bounded table knows of `key`, made anew where it knows nothing. */
function recall<T>(table: Map<string, T>, key: string, make: () => T): T {
  const value = table.get(key) ?? make();
  table.delete(key);
  table.set(key, value);
  if (table.size > mostLanes) table.delete(table.keys().next().value!);
  return value;
}
