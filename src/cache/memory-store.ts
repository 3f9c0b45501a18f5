import type { Clock } from "../core/clock.ts";
import { type Entry, isFresh, type Store, type StoreStats } from "./store.ts";

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** Default 256 MiB. */
  readonly maxBytes?: number;
  /** Default 250,000. */
  readonly maxEntries?: number;
}

/** What an entry takes beside its text: the key, the objects of the answer, its place in the table. */
const overhead = 800;

/** One answer must not push out most of the others. */
const largestShare = 1 / 4;

/** Answers in this process's memory, the longest unused leaving first. */
export class MemoryStore implements Store {
  readonly name = "memory";
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #maxEntries: number;
  #maxBytes: number;
  #bytes = 0;

  constructor({ clock, maxBytes = 256 * 2 ** 20, maxEntries = 250_000 }: MemoryStoreOptions) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
    this.#maxEntries = maxEntries;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  set maxBytes(bytes: number) {
    this.#maxBytes = bytes;
    this.#shrink();
  }

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (isFresh(entry, this.#clock.now())) {
      this.#entries.set(key, entry);
      return entry;
    }
    this.#bytes -= entry.bytes + overhead;
    return undefined;
  }

  set(key: string, entry: Entry): void {
    this.#remove(key);
    const size = entry.bytes + overhead;
    if (size > this.#maxBytes * largestShare) return;
    this.#entries.set(key, entry);
    this.#bytes += size;
    this.#shrink();
  }

  clear(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#remove(key);
  }

  entries(): Iterable<readonly [string, Entry]> {
    return [...this.#entries];
  }

  stats(): StoreStats {
    return { entries: this.#entries.size, bytes: this.#bytes };
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    this.clear("");
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes + overhead;
  }

  #shrink(): void {
    // A Map keeps the order in which its entries were put: the first is the one not used for longest.
    for (const [key] of this.#entries) {
      if (this.#bytes <= this.#maxBytes && this.#entries.size <= this.#maxEntries) return;
      this.#remove(key);
    }
  }
}
