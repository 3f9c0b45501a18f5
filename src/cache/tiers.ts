import type { MemoryStore } from "./memory-store.ts";
import type { Entry, Soon, Store, StoreStats } from "./store.ts";

/**
 * The stores of a cache in the order they are asked; what a later one knows, the memory learns. Each keeps its
 * failures to itself, by its nature or behind a guard.
 */
export class Tiers {
  /** Undefined where answers are kept elsewhere only. */
  readonly memory: MemoryStore | undefined;
  readonly #others: readonly Store[];
  /** What was looked for before one is not learnt after it. */
  #clears = 0;

  constructor(memory: MemoryStore | undefined, others: readonly Store[]) {
    this.memory = memory;
    this.#others = others;
  }

  get all(): readonly Store[] {
    return this.memory === undefined ? this.#others : [this.memory, ...this.#others];
  }

  /** Asks the stores beyond the memory. Undefined, and not a promise, where none has to be waited for. */
  find(key: string, from = 0): Soon<Entry | undefined> {
    for (let i = from; i < this.#others.length; i++) {
      const found = this.#others[i]!.get(key);
      if (found instanceof Promise) {
        const clears = this.#clears;
        const before = this.memory?.get(key);
        return found.then((entry) => {
          // What was stored here meanwhile is the newest there is.
          const known = this.memory?.get(key);
          if (known !== undefined && known !== before) return known;
          return this.#learnt(key, entry, clears) ?? this.find(key, i + 1);
        });
      }
      if (found !== undefined) return this.#learnt(key, found);
    }
    return undefined;
  }

  /** Keeps an entry everywhere, or, where its key means nothing elsewhere, in memory alone. */
  set(key: string, entry: Entry, memoryOnly: boolean): void {
    this.memory?.set(key, entry);
    if (memoryOnly) return;
    for (const store of this.#others) store.set(key, entry);
  }

  /** One that cannot be cleared keeps none of the others. */
  async clear(prefixes: readonly string[]): Promise<void> {
    this.#clears++;
    const cleared = await Promise.allSettled(
      this.all.map(async (store) => {
        for (const prefix of prefixes) await store.clear(prefix);
      }),
    );
    for (const each of cleared) if (each.status === "rejected") throw each.reason;
  }

  /** Every entry of every store, each key once, the memory's nameless ones left out. */
  async *entries(): AsyncIterable<readonly [string, Entry]> {
    const others = this.#others;
    for (const [at, store] of others.entries()) {
      for await (const pair of store.entries()) {
        const earlier = at > 0 && (await Promise.all(others.slice(0, at).map((other) => other.get(pair[0]))));
        if (!earlier || earlier.every((entry) => entry === undefined)) yield pair;
      }
    }
    for (const pair of this.memory?.entries() ?? []) {
      const known = await Promise.all(others.map((other) => other.get(pair[0])));
      if (known.every((entry) => entry === undefined)) yield pair;
    }
  }

  /** Those of the fullest store: the others hold parts of the same. */
  stats(): StoreStats {
    const all = this.all.map((store) => store.stats());
    return {
      entries: Math.max(0, ...all.map(({ entries }) => entries)),
      bytes: Math.max(0, ...all.map(({ bytes }) => bytes)),
    };
  }

  async flush(): Promise<void> {
    await Promise.all(this.all.map((store) => store.flush()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#others.map((store) => store.close()));
  }

  #learnt(key: string, entry: Entry | undefined, clears = this.#clears): Entry | undefined {
    if (entry !== undefined && clears === this.#clears) this.memory?.set(key, entry);
    return entry;
  }
}
