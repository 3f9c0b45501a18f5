import type { Completion } from "../core/completion.ts";

/** One stored answer. It is deeply frozen, or a copy of the reader's own: nobody can change what others will get. */
export interface Entry {
  /** As it is served: `cacheHit` is true. */
  readonly answer: Completion;
  /** The size of the answer's JSON text. */
  readonly bytes: number;
  /** When it was given, by this process's `clock.now()`; negative when that was before its start. */
  readonly givenAt: number;
  /** Milliseconds from then that it may be used for; absent: for ever. */
  readonly ttl?: number;
}

export interface StoreStats {
  readonly entries: number;
  readonly bytes: number;
}

/** A value, or a promise of it: a store that need not wait does not. */
export type Soon<T> = T | Promise<T>;

/**
 * Where answers are kept. A store never fails a call: what it cannot read is a miss, what it cannot write is
 * left out, and it tells its owner's log once. Keys are short texts without spaces; the part up to the
 * second colon names the scope.
 */
export interface Store {
  readonly name: string;
  /** The entry, unless it is too old. */
  get(key: string): Soon<Entry | undefined>;
  /** Keeps the entry, in place of an earlier one. Returns before it is written; `flush` waits for that. */
  set(key: string, entry: Entry): void;
  /** Forgets every entry whose key begins with `prefix`; with "" everything. */
  clear(prefix: string): Soon<void>;
  /** Everything there is, in no particular order, while others may write. */
  entries(): Iterable<readonly [key: string, entry: Entry]> | AsyncIterable<readonly [string, Entry]>;
  stats(): StoreStats;
  /** Settles when everything set before is where it outlives the process, or was given up. */
  flush(): Promise<void>;
  /** Flushes, and gives back what it holds. The next use opens it again. */
  close(): Promise<void>;
}

const never = Number.POSITIVE_INFINITY;

/** Whether an entry may still be used at `now`, by its own time to live and the reader's. */
export function isFresh({ givenAt, ttl = never }: Entry, now: number, most = never): boolean {
  const limit = Math.min(ttl, most);
  // Where nothing limits it, it need not have an age.
  return limit === never || now - givenAt < limit;
}
