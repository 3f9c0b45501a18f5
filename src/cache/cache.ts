import type { CallOptions, Layer } from "../core/call.ts";
import { checkOptions, wrongOption } from "../core/check.ts";
import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { deliver } from "../core/deltas.ts";
import { TrunklineError } from "../core/errors.ts";
import { type Logger, silent } from "../core/log.ts";
import type { Ask, Owner } from "./ask.ts";
import { Clears } from "./clears.ts";
import { DiskStore } from "./disk-store.ts";
import { type ImportReport, importLines } from "./import.ts";
import { Join, type JoinHost } from "./join.ts";
import { type KeyFacts, Keys, scopePrefixes, storedKey } from "./key.ts";
import type { Text } from "./lines.ts";
import { MemoryStore } from "./memory-store.ts";
import { type CacheOptions, cacheChecks } from "./options.ts";
import { lineOf } from "./portable.ts";
import { CacheScope } from "./scope.ts";
import { asHit, freeze, handOut, settle } from "./storable.ts";
import { type Entry, isFresh, type Store } from "./store.ts";
import { StoreGuard } from "./store-guard.ts";
import { Tiers } from "./tiers.ts";

/** What the cache needs to know of one line. */
export interface LineFacts extends KeyFacts, Owner {}

export interface CacheParts {
  readonly clock: Clock;
  readonly logger?: () => Logger;
  /** What `configure` would be given first. */
  readonly options?: CacheOptions;
}

export interface CacheStats {
  /** Answers held, and their size, in the fullest tier: the others hold parts of the same. */
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  /** Questions that were not known and were asked. */
  readonly misses: number;
  /** Callers who waited for a question that another had asked already. */
  readonly joins: number;
  /** Requests that have no key (a function or a class instance in them), asked and not remembered. */
  readonly bypassed: number;
  /** What a store of one's own could not do: looked-up answers it did not bring in time, writes that it refused. */
  readonly failures: number;
}

/** Whether and where the answer of a join is stored. */
interface Keep {
  readonly memoryOnly: boolean;
  /** How many clears there had been when it began. */
  readonly clears: number;
}

const never = Number.POSITIVE_INFINITY;
/** The key of those who ask anew. */
const anew = (key: string): string => `${key} refresh`;
const defaults = {
  memoryBytes: 256 * 2 ** 20,
  diskBytes: 8 * 2 ** 30,
  storeTimeout: 1_000,
  tiers: ["memory", "disk"],
} as const;

/**
 * Finished answers, and the joining of calls in flight. There is one for the process; each Client has a layer of it:
 *
 *     events -> caller -> cache -> retry -> admission -> guard -> driver
 *
 * `caller` stays outermost of the two: it parts each caller from what it waits for, here as everywhere. The cache
 * below hears only that caller's own signal, and takes it for leaving the join; the work gets a signal of the
 * join, aborted when the last has left.
 */
export class Cache {
  readonly #clock: Clock;
  readonly #logger: () => Logger;
  readonly #joins = new Map<string, Join>();
  readonly #counts = { hits: 0, misses: 0, joins: 0, bypassed: 0, failures: 0 };
  readonly #said = new Set<unknown>();
  #options: CacheOptions;
  /** What was asked before a clear is not stored after it. */
  readonly #clears = new Clears();
  #tiers: Tiers;
  #memory: MemoryStore | undefined;

  constructor(parts: CacheParts) {
    this.#options = parts.options ?? {};
    checkOptions("cache", this.#options, cacheChecks);
    this.#clock = parts.clock;
    this.#logger = parts.logger ?? (() => silent);
    this.#tiers = this.#makeTiers();
    this.#memory = this.#tiers.memory;
  }

  /** The layer of one Client. */
  layer(facts: LineFacts): Layer {
    const keys = new Keys(facts);
    const memoryOnly = facts.memoryOnly ?? false;
    return (next) => (request, options) => {
      const use = options.cache;
      if (use === undefined || use.mode === "off") return next(request, options);
      const key = keys.of(request, options);
      if (key === undefined) {
        this.#counts.bypassed++;
        return next(request, options);
      }
      return (
        this.#remembered(key, options) ??
        this.#enter({ key, request, options, next, owner: facts }, memoryOnly)
      );
    };
  }

  stats(): CacheStats {
    return { ...this.#tiers.stats(), ...this.#counts };
  }

  /** Forgets every answer, or those of one scope, in every tier. Calls in flight are answered and not stored. */
  async clear(scope?: string): Promise<void> {
    if (scope !== undefined && typeof scope !== "string")
      throw wrongOption("cache.clear", "the name of a scope, or nothing", scope);
    const prefixes = scope === undefined ? [""] : scopePrefixes(scope);
    this.#clears.add(scope);
    for (const key of this.#joins.keys())
      if (prefixes.some((prefix) => key.startsWith(prefix))) this.#joins.delete(key);
    await this.#tiers.clear(prefixes);
  }

  /** Forgets what is in this process's memory; what is on disk is read again. */
  resetMemory(): void {
    this.#memory?.clear("");
  }

  /**
   * A scope by its name, for an LM's or a call's `cache` option: what is asked in it never answers outside of it.
   *
   * ```ts
   * const run = cache.scope("run-1");
   * const lm = new LM("openai/gpt-4o-mini", { cache: run });
   * await run.clear();
   * ```
   */
  scope(name: string): CacheScope {
    return new CacheScope(this, name);
  }

  /** Changes what is given and keeps the rest. */
  configure(options: CacheOptions = {}): void {
    checkOptions("cache.configure", options, cacheChecks);
    this.#options = { ...this.#options, ...options };
    const { memoryBytes, directory, diskBytes, tiers } = options;
    if (memoryBytes !== undefined && this.#memory !== undefined) this.#memory.maxBytes = memoryBytes;
    if (directory === undefined && diskBytes === undefined && tiers === undefined) return;
    const before = this.#tiers;
    this.#tiers = this.#makeTiers();
    this.#memory = this.#tiers.memory;
    before.close().catch(() => {});
  }

  /**
   * Every stored answer as a line of JSON, but for those of nameless backends, whose keys mean nothing elsewhere.
   *
   * ```ts
   * import { writeFile } from "node:fs/promises";
   * await writeFile("answers.jsonl", cache.export());
   * ```
   */
  async *export(): AsyncGenerator<string> {
    for await (const [key, entry] of this.#tiers.entries()) {
      if (storedKey.test(key)) yield lineOf(key, entry, this.#clock);
    }
  }

  /**
   * Takes in what `export` gave, as text or as its pieces. A line that cannot be used is told of by its number, and
   * the rest is taken.
   *
   * ```ts
   * import { createReadStream } from "node:fs";
   * const { imported, rejected } = await cache.import(createReadStream("answers.jsonl"));
   * ```
   */
  import(source: Text): Promise<ImportReport> {
    return importLines(source, {
      times: this.#clock,
      take: (key, entry) => this.#tiers.set(key, entry, false),
      flush: () => this.flush(),
    });
  }

  /** Settles when what was stored so far outlives the process, or was given up. */
  flush(): Promise<void> {
    return this.#tiers.flush();
  }

  /** Writes what is left to write and gives back files and memory. Used again it opens again. */
  async close(): Promise<void> {
    await this.#tiers.close();
  }

  #makeTiers(): Tiers {
    const { memoryBytes = defaults.memoryBytes, diskBytes = defaults.diskBytes, directory } = this.#options;
    const { tiers = defaults.tiers } = this.#options;
    const timeout = (): number => this.#options.storeTimeout ?? defaults.storeTimeout;
    const failed = (about: object, message: string): void => {
      this.#counts.failures++;
      this.#warnOnce(message, about);
    };
    const others = tiers.flatMap((tier): Store[] => {
      if (tier === "memory") return [];
      if (tier !== "disk") return [new StoreGuard(tier, { clock: this.#clock, timeout, failed })];
      const warn = (message: string): void => this.#warnOnce(message);
      return [new DiskStore({ clock: this.#clock, directory, maxBytes: diskBytes, warn })];
    });
    const memory = tiers.includes("memory")
      ? (this.#memory ?? new MemoryStore({ clock: this.#clock, maxBytes: memoryBytes }))
      : undefined;
    return new Tiers(memory, others);
  }

  /** The answer, if the memory has one that the caller may use. */
  #remembered(key: string, options: CallOptions): Promise<Completion> | undefined {
    const { mode, ttl } = options.cache!;
    const known = mode === "use" ? this.#memory?.get(key) : undefined;
    if (known === undefined || !isFresh(known, this.#clock.now(), ttl)) return undefined;
    return this.#hit(known, options);
  }

  #enter(ask: Ask, memoryOnly: boolean): Promise<Completion> {
    const refresh = ask.options.cache!.mode === "refresh";
    // A refresh joins only what also asks anew.
    const joinKey = refresh ? anew(ask.key) : ask.key;
    const running = this.#joins.get(joinKey) ?? this.#joins.get(anew(ask.key));
    if (running !== undefined) return running.add(ask);
    const found = refresh || memoryOnly ? undefined : this.#tiers.find(ask.key);
    if (found !== undefined && !(found instanceof Promise)) {
      if (isFresh(found, this.#clock.now(), ask.options.cache!.ttl)) return this.#hit(found, ask.options);
    }
    const join = new Join(this.#host(memoryOnly), joinKey, ask.options.record.arrivedAt);
    this.#joins.set(joinKey, join);
    const answer = join.add(ask);
    if (found instanceof Promise) join.find(found);
    else join.work();
    return answer;
  }

  #host(memoryOnly: boolean): JoinHost {
    const keep: Keep = { memoryOnly, clears: this.#clears.count };
    return {
      counts: this.#counts,
      now: () => this.#clock.now(),
      settled: (ask, answer) => this.#settled(ask, answer, keep),
      forget: (join) => this.#forget(join),
      askedAnew: (key) => this.#joins.has(anew(key)),
      again: (ask) => this.#remembered(ask.key, ask.options) ?? this.#enter(ask, memoryOnly),
    };
  }

  #forget(join: Join): void {
    if (this.#joins.get(join.key) === join) this.#joins.delete(join.key);
  }

  #hit(entry: Entry, { onDelta, record, signal }: CallOptions): Promise<Completion> {
    this.#counts.hits++;
    record.cache = "hit";
    const { answer } = entry;
    if (onDelta === undefined) return Promise.resolve(handOut(answer));
    // A stream never begins before the call has returned.
    return Promise.resolve().then(() => {
      try {
        if (!signal?.aborted) deliver(answer, onDelta);
      } catch (cause) {
        throw new TrunklineError("aborted", "the call's onDelta listener threw", { cause });
      }
      return handOut(answer);
    });
  }

  /** Makes an answer what everybody gets who waited for it, and stores it if it may be. */
  #settled(ask: Ask, came: Completion, keep: Keep): Completion {
    try {
      const { answer, text } = settle(came);
      if (text !== undefined && !this.#clears.reached(ask.options.cache!.scope, keep.clears))
        this.#store(ask, answer, text, keep);
      return answer;
    } catch (error) {
      this.#warnOnce(`an answer was not stored, because it is no plain data: ${(error as Error).message}`);
      return freeze(came);
    }
  }

  #store({ key, options }: Ask, answer: Completion, text: string, { memoryOnly }: Keep): void {
    const ttl = Math.min(options.cache!.ttl ?? never, this.#options.ttl ?? never);
    const entry: Entry = Object.freeze({
      answer: asHit(answer),
      bytes: Buffer.byteLength(text),
      givenAt: this.#clock.now(),
      ...(ttl < never && { ttl }),
    });
    this.#tiers.set(key, entry, memoryOnly);
  }

  #warnOnce(message: string, about: unknown = message): void {
    if (this.#said.has(about)) return;
    this.#said.add(about);
    try {
      this.#logger().warn(`trunkline: ${message}`);
    } catch {}
  }
}
