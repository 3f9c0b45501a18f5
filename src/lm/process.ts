import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { type Trunk, trunk } from "../trunk.ts";

type Events = Trunk["events"];
type Cache = Trunk["cache"];

/** The clock that all calls of this process go by. */
export const processClock = (): Clock => trunk().clock;

/** Where the library's few log lines go, as `clients.configure({ logger })` says. */
export const processLogger = (): Logger => trunk().registry.logger;

/** What happens to every call of this process, for whoever wants to know. */
export const events: Pick<Events, "subscribe" | "usePrices"> = Object.freeze({
  /**
   * Calls `listener` with one record for each call that has ended; returns the function that stops it. The same
   * records go to the `node:diagnostics_channel` "trunkline:call".
   *
   * ```ts
   * const stop = events.subscribe((event) => console.log(event.model, event.totalMs, event.cost?.usd));
   * ```
   */
  subscribe: (listener: Parameters<Events["subscribe"]>[0]) => trunk().events.subscribe(listener),
  /** Asks `table` for prices from now on, in place of the built-in one. */
  usePrices: (table: Parameters<Events["usePrices"]>[0]) => trunk().events.usePrices(table),
});

type CacheMethod =
  | "stats"
  | "configure"
  | "clear"
  | "resetMemory"
  | "scope"
  | "export"
  | "import"
  | "flush"
  | "close";

/**
 * The cache of this process.
 *
 * ```ts
 * cache.configure({ memoryBytes: 64 * 2 ** 20 });
 * console.log(cache.stats().hits);
 * await cache.clear();
 * ```
 */
export const cache: Pick<Cache, CacheMethod> = Object.freeze({
  stats: () => trunk().cache.stats(),
  configure: (options: Parameters<Cache["configure"]>[0]) => trunk().cache.configure(options),
  clear: (scope?: string) => trunk().cache.clear(scope),
  resetMemory: () => trunk().cache.resetMemory(),
  scope: (name: string) => trunk().cache.scope(name),
  export: (...given: Parameters<Cache["export"]>) => trunk().cache.export(...given),
  import: (...given: Parameters<Cache["import"]>) => trunk().cache.import(...given),
  flush: () => trunk().cache.flush(),
  close: () => trunk().cache.close(),
});
