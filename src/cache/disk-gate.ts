import { join } from "node:path";
import type { RootDatabase } from "lmdb";

/** Opens a database; `lmdb` itself, which is loaded when it is needed first. */
export type Open = typeof import("lmdb").open;

/** One at a time in this process: whoever is in the gate holds a thread of the pool and needs another one. */
let before: Promise<unknown> = Promise.resolve();

/**
 * What one process at a time may do with the file of a folder: open it, or write to it. Opening sets the number of the
 * last transaction in the shared lock file back to what the opener has read a moment ago; a commit in between would be
 * written over, and its pages given out twice, until some process reads nonsense and is killed. So both pass the write
 * lock of a small file beside it, which nothing is ever written to, and which the system takes back from who is killed.
 */
export class DiskGate {
  readonly #db: RootDatabase<Buffer, string>;

  constructor(open: Open, folder: string) {
    this.#db = open<Buffer, string>({
      path: join(folder, "gate"),
      noSubdir: false,
      encoding: "binary",
      overlappingSync: false,
      ...{ permissionsMode: 0o600 },
    });
  }

  through<T>(work: () => T | Promise<T>): Promise<T> {
    const result = before.then(() => this.#hold(work));
    before = result.catch(() => {});
    return result;
  }

  async #hold<T>(work: () => T | Promise<T>): Promise<T> {
    // What the work throws must not reach the transaction, which would end badly.
    let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
    await this.#db.transaction(async () => {
      try {
        outcome = { value: await work() };
      } catch (error) {
        outcome = { error };
      }
    });
    if (outcome === undefined) throw new Error("the lock of the cache's file could not be had");
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
