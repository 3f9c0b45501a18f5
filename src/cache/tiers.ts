import type { MemoryStore } from "./memory-store.ts";
import type { Entry, Soon, Store, StoreStats } from "./store.ts";

/** The stores of a cache in the order they are asked; what a later one knows, the memory learns. */
export class Tiers {
  /** Undefined where answers are kept elsewhere only. */
  readonly memory: MemoryStore | undefined;
  readonly #others: readonly Store[];
  readonly #warn: (message: string) => void;

  constructor(memory: MemoryStore | undefined, others: readonly Store[], warn: (message: string) => void) {
    this.memory = memory;
    this.#others = others;
    this.#warn = warn;
  }

  get all(): readonly Store[] {
    return this.memory === undefined ? this.#others : [this.memory, ...this.#others];
  }

  /** Asks the stores beyond the memory. Undefined, and not a promise, where none has to be waited for. */
  find(key: string, from = 0): Soon<Entry | undefined> {
    for (let i = from; i < this.#others.length; i++) {
      const store = this.#others[i]!;
      const found = this.#ask(store, key);
      if (found instanceof Promise)
        return found.then((entry) => this.#learnt(key, entry) ?? this.find(key, i + 1));
      if (found !== undefined) return this.#learnt(key, found);
    }
    return undefined;
  }

  /** Keeps an entry everywhere, or, where its key means nothing elsewhere, in memory alone. */
  set(key: string, entry: Entry, memoryOnly: boolean): void {
    this.memory?.set(key, entry);
    if (memoryOnly) return;
    for (const store of this.#others) this.#guarded(store, () => store.set(key, entry));
  }

  async clear(prefixes: readonly string[]): Promise<void> {
    for (const store of this.all) for (const prefix of prefixes) await store.clear(prefix);
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

  #ask(store: Store, key: string): Soon<Entry | undefined> {
    try {
      const found = store.get(key);
      return found instanceof Promise ? found.catch((error) => this.#failed(store, error)) : found;
    } catch (error) {
      return this.#failed(store, error);
    }
  }

  #learnt(key: string, entry: Entry | undefined): Entry | undefined {
    if (entry !== undefined) this.memory?.set(key, entry);
    return entry;
  }

  #guarded(store: Store, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#failed(store, error);
    }
  }

  /** A store keeps its failures to itself; one that does not is told of, and taken for empty. */
  #failed(store: Store, error: unknown): undefined {
    this.#warn(
      `the cache's store "${store.name}" failed: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
}
