import type { Entry } from "./store.ts";

/** Answers that wait to be written. Bounded: when the disk cannot keep up, what is new is not kept there. */
export class WriteQueue {
  readonly #waiting = new Map<string, Entry>();
  /** Taken last. Until the disk has them they are nowhere else. */
  #taken = new Map<string, Entry>();
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor({ maxEntries = 20_000, maxBytes = 64 * 2 ** 20 } = {}) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** An answer that waits, or that is being written. */
  get(key: string): Entry | undefined {
    return this.#waiting.get(key) ?? this.#taken.get(key);
  }

  /** False when there is no room. */
  add(key: string, entry: Entry): boolean {
    this.#remove(key);
    if (this.#waiting.size >= this.#maxEntries || this.#bytes + entry.bytes > this.#maxBytes) return false;
    this.#waiting.set(key, entry);
    this.#bytes += entry.bytes;
    return true;
  }

  /** The first ones, up to `most` of them or about `bytes`. Those taken before are on the disk, or were given up. */
  take(most: number, bytes: number): readonly (readonly [string, Entry])[] {
    const taken: (readonly [string, Entry])[] = [];
    let sum = 0;
    for (const pair of this.#waiting) {
      if (taken.length >= most || sum >= bytes) break;
      taken.push(pair);
      sum += pair[1].bytes;
    }
    for (const [key] of taken) this.#remove(key);
    this.#taken = new Map(taken);
    return taken;
  }

  clear(prefix: string): void {
    for (const key of this.#waiting.keys()) if (key.startsWith(prefix)) this.#remove(key);
    for (const key of this.#taken.keys()) if (key.startsWith(prefix)) this.#taken.delete(key);
  }

  #remove(key: string): void {
    const entry = this.#waiting.get(key);
    if (entry === undefined) return;
    this.#waiting.delete(key);
    this.#bytes -= entry.bytes;
  }
}
