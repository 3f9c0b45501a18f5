import { type Check, checks } from "../core/check.ts";
import type { Store } from "./store.ts";

/** What `cache.configure` takes. Sizes are bytes, times milliseconds. */
export interface CacheOptions {
  /** Bound of the answers in memory. Default 256 MiB. */
  readonly memoryBytes?: number;
  /** Folder of the answers on disk. Default: `TRUNKLINE_CACHE_DIR`, else the user's cache folder. */
  readonly directory?: string;
  /** Bound of the answers on disk. Default 8 GiB. */
  readonly diskBytes?: number;
  /** For how long answers stored from now on may be used. Default: for ever. */
  readonly ttl?: number;
  /**
   * How long a store of one's own may look for an answer. One that takes longer is left alone for half a minute, and
   * the question asked. Default 1,000.
   */
  readonly storeTimeout?: number;
  /** Where answers are kept, in the order they are looked up. Default `["memory", "disk"]`. */
  readonly tiers?: readonly Tier[];
}

/** A built-in store by its name, or any other. */
export type Tier = "memory" | "disk" | Store;

const methods = ["get", "set", "clear", "entries", "stats", "flush", "close"] as const;

const isStore = (value: Partial<Store> | null | undefined): boolean =>
  typeof value?.name === "string" && methods.every((name) => typeof value[name] === "function");

const tier = (value: unknown): boolean =>
  value === "memory" || value === "disk" || isStore(value as Partial<Store> | null | undefined);

const tiers: Check = (value) =>
  Array.isArray(value) && value.every(tier) && new Set(value).size === value.length
    ? undefined
    : `a list of "memory", "disk" or stores (name, ${methods.join(", ")}), each once`;

export const cacheChecks = {
  memoryBytes: checks.count,
  directory: (value) => (typeof value === "string" && value !== "" ? undefined : "the path of a folder"),
  diskBytes: checks.positiveCount,
  ttl: checks.duration,
  storeTimeout: checks.duration,
  tiers,
} satisfies Record<keyof CacheOptions, Check>;
