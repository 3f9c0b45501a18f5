import type { Clock } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import { flawOf } from "./portable.ts";
import { reasonOf } from "./reason.ts";
import { asHit, freeze } from "./storable.ts";
import type { Entry, Soon, Store, StoreStats } from "./store.ts";

export interface StoreGuardParts {
  readonly clock: Clock;
  /** Milliseconds that a lookup may take. */
  readonly timeout: () => number;
  readonly failed: (store: StoreGuard, message: string) => void;
}

/** A store that let a lookup wait is not asked again for so long: a call should meet a dead one once, not each time. */
const restMs = 30_000;

/**
 * Makes a store of somebody else's safe: one that throws, rejects, brings what is no entry or never answers is a
 * miss. What a user asks for by name (`clear`, `export`) and cannot be done is an error.
 */
export class StoreGuard implements Store {
  readonly name: string;
  readonly #store: Store;
  readonly #parts: StoreGuardParts;
  #restsUntil = Number.NEGATIVE_INFINITY;

  constructor(store: Store, parts: StoreGuardParts) {
    this.name = String(store.name);
    this.#store = store;
    this.#parts = parts;
  }

  get(key: string): Soon<Entry | undefined> {
    if (this.#parts.clock.now() < this.#restsUntil) return undefined;
    return this.#tried(() => {
      const found: unknown = this.#store.get(key);
      return isThenable(found) ? this.#bounded(found) : this.#checked(found);
    });
  }

  set(key: string, entry: Entry): void {
    this.#tried(() => {
      const written: unknown = this.#store.set(key, entry);
      // Its author may have made it async; then nobody else would hear it fail.
      if (isThenable(written)) written.then(undefined, (error) => this.#failed(reasonOf(error)));
    });
  }

  async clear(prefix: string): Promise<void> {
    try {
      await this.#store.clear(prefix);
    } catch (cause) {
      throw this.#error("could not be cleared", cause);
    }
  }

  async *entries(): AsyncGenerator<readonly [string, Entry]> {
    try {
      for await (const [key, found] of this.#store.entries()) {
        const entry = this.#checked(found);
        if (entry !== undefined) yield [key, entry];
      }
    } catch (cause) {
      throw this.#error("could not be read", cause);
    }
  }

  stats(): StoreStats {
    const stats = this.#tried(() => {
      const { entries, bytes } = this.#store.stats();
      return { entries: Number(entries) || 0, bytes: Number(bytes) || 0 };
    });
    return stats ?? { entries: 0, bytes: 0 };
  }

  async flush(): Promise<void> {
    try {
      await this.#store.flush();
    } catch (error) {
      this.#failed(reasonOf(error));
    }
  }

  async close(): Promise<void> {
    try {
      await this.#store.close();
    } catch (error) {
      this.#failed(reasonOf(error));
    }
  }

  /** A lookup that is given up is over: what it brings later is nobody's. */
  #bounded(found: PromiseLike<unknown>): Promise<Entry | undefined> {
    const { clock } = this.#parts;
    const timeout = this.#parts.timeout();
    return new Promise((resolve) => {
      let over = false;
      const end = (entry: () => Entry | undefined): void => {
        if (over) return;
        over = true;
        timer.cancel();
        resolve(this.#tried(entry));
      };
      const timer = clock.after(timeout, () => {
        this.#restsUntil = clock.now() + restMs;
        end(() => this.#failed(`no answer within ${timeout} ms; it is not asked for a while`));
      });
      Promise.resolve(found).then(
        (value) => end(() => this.#checked(value)),
        (error) => end(() => this.#failed(reasonOf(error))),
      );
    });
  }

  /** An entry as the cache may hand it out, whatever its store still does with it. */
  #checked(found: unknown): Entry | undefined {
    if (found === undefined || found === null) return undefined;
    const flaw = flawOfEntry(found as Partial<Entry>);
    if (flaw !== undefined) return this.#failed(`it brought what is no entry (${flaw})`);
    const { answer, bytes, givenAt, ttl } = found as Entry;
    return Object.freeze({
      answer: asHit(freeze(answer)),
      bytes,
      givenAt,
      ...(ttl !== undefined && { ttl }),
    });
  }

  /** What `attempt` brings, or nothing where it throws, which an object of the store's may do when it is read. */
  #tried<T>(attempt: () => T): T | undefined {
    try {
      return attempt();
    } catch (error) {
      return this.#failed(reasonOf(error));
    }
  }

  #failed(reason: string): undefined {
    this.#parts.failed(this, `the cache's store "${this.name}" failed: ${reason}`);
    return undefined;
  }

  #error(what: string, cause: unknown): TrunklineError {
    return new TrunklineError("cache", `the cache's store "${this.name}" ${what}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

function flawOfEntry({ answer, bytes, givenAt, ttl }: Partial<Entry>): string | undefined {
  if (typeof givenAt !== "number" || Number.isNaN(givenAt)) return "givenAt is no time";
  if (typeof bytes !== "number" || !(bytes >= 0)) return "bytes is no size";
  if (ttl !== undefined && typeof ttl !== "number") return "ttl is no time";
  const flaw = flawOf(answer);
  return flaw && `answer: ${flaw}`;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === "function";
}
