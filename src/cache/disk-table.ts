import type { RootDatabase } from "lmdb";
import { type DiskRecord, decodeRecord, encodeRecord } from "./disk-record.ts";

/** Opens a database; `lmdb` itself, which is loaded when it is needed first. */
export type Open = typeof import("lmdb").open;

/** LMDB's numbers for a file that is not as it should be. */
const damageCodes: ReadonlySet<unknown> = new Set([-30797, -30796, -30795, -30794, -30793, -30782, -30779]);

/** Whether an error says that the file, and not the moment, is bad. */
export function saysDamage(error: unknown): boolean {
  return damageCodes.has((error as { code?: unknown } | null)?.code);
}

/** What the file says of itself under `nameKey`; a later form says something else. */
const ownName = "trunkline answers 1";
const nameKey = "form";
/** Answers are under `e<key>`; under `t<time><key>` is when each was last used, the oldest first. */
const answerMark = "e";
const timeMark = "t";
const timeLength = 14;
const lastLetter = "\uffff";

/** The records of one LMDB file. Every method but `close` is one read of the moment, or one transaction. */
export class DiskTable {
  readonly #db: RootDatabase<Buffer, string>;

  constructor(open: Open, folder: string) {
    this.#db = open<Buffer, string>({
      path: folder,
      noSubdir: false,
      encoding: "binary",
      maxReaders: 1_024,
      // Each commit is on the disk before the next: a crash of the machine leaves a whole file.
      overlappingSync: false,
      ...{ permissionsMode: 0o600 },
    });
  }

  /** Writes down what this file is, or tells what else it is. */
  async claim(): Promise<string | undefined> {
    const name = this.#db.getBinary(nameKey)?.toString();
    if (name === ownName) return undefined;
    if (name !== undefined) return `it is of another form (${JSON.stringify(name.slice(0, 40))})`;
    if (this.#stats().entryCount > 0) return "something else wrote it";
    await this.#commit(() => [this.#db.put(nameKey, Buffer.from(ownName))]);
    return undefined;
  }

  /** Undefined: not there. "bad": there, and not as it was written. */
  read(key: string): DiskRecord | "bad" | undefined {
    const bytes = this.#read(answerMark + key);
    return bytes && (decodeRecord(key, bytes, bytes.length) ?? "bad");
  }

  async write(records: readonly (readonly [key: string, record: DiskRecord])[]): Promise<void> {
    await this.#commit(() =>
      records.flatMap(([key, record]) => {
        const before = this.read(key);
        const done = [
          this.#db.put(answerMark + key, encodeRecord(key, record)),
          this.#db.put(timeKey(record.usedAt, key), Buffer.from([0])),
        ];
        const moved = typeof before === "object" && before.usedAt !== record.usedAt;
        return moved ? [...done, this.#db.remove(timeKey(before.usedAt, key))] : done;
      }),
    );
  }

  async remove(key: string): Promise<void> {
    await this.#commit(() => [this.#db.remove(answerMark + key)]);
  }

  /** Forgets those not used for longest, at most `most`; how many went. */
  async removeOldest(most: number): Promise<number> {
    const oldest = [...this.#db.getKeys({ start: timeMark, end: timeMark + lastLetter, limit: most })];
    if (oldest.length === 0) return 0;
    await this.#commit(() =>
      oldest.flatMap((at) => {
        const key = at.slice(timeMark.length + timeLength);
        const record = this.read(key);
        // What was used since has a later mark as well.
        const stays = typeof record === "object" && timeKey(record.usedAt, key) !== at;
        return stays ? [this.#db.remove(at)] : [this.#db.remove(at), this.#db.remove(answerMark + key)];
      }),
    );
    return oldest.length;
  }

  /** The keys after `after` that begin with `prefix`, in order, at most `most`. */
  keys(prefix: string, after: string | undefined, most: number): string[] {
    const first = answerMark + prefix;
    const start = after === undefined ? first : `${answerMark + after}\u0001`;
    const found = this.#db.getKeys({ start, end: first + lastLetter, limit: most });
    return [...found].map((key) => key.slice(answerMark.length));
  }

  async removeAll(keys: readonly string[]): Promise<void> {
    await this.#commit(() =>
      keys.flatMap((key) => {
        const record = this.read(key);
        const done = [this.#db.remove(answerMark + key)];
        return typeof record === "object" ? [...done, this.#db.remove(timeKey(record.usedAt, key))] : done;
      }),
    );
  }

  async removeEverything(): Promise<void> {
    await this.#commit(() => [this.#db.clearAsync(), this.#db.put(nameKey, Buffer.from(ownName))]);
  }

  get entries(): number {
    return Math.max(0, (this.#stats().entryCount - 1) / 2);
  }

  /** What the pages in use take; the file holds free ones beside them. */
  get bytes(): number {
    const { pageSize, treeBranchPageCount, treeLeafPageCount, overflowPages } = this.#stats();
    return pageSize * (treeBranchPageCount + treeLeafPageCount + overflowPages);
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  #read(key: string): Buffer | undefined {
    try {
      return this.#db.getBinary(key);
    } catch (error) {
      // A read that failed spoils those after it, until a new snapshot is taken.
      this.#db.resetReadTxn();
      throw error;
    }
  }

  /** Writes that are begun in one turn are one transaction. */
  async #commit(begin: () => readonly Promise<unknown>[]): Promise<void> {
    try {
      await Promise.all(begin());
    } catch (error) {
      // The cause is told by a promise of its own, which would otherwise end the process.
      const { commitError } = error as { commitError?: Promise<never> };
      if (commitError === undefined) throw error;
      await commitError;
    }
  }

  #stats(): PageStats {
    return this.#db.getStats() as PageStats;
  }
}

/** The part of LMDB's own figures that is used here. */
interface PageStats {
  readonly pageSize: number;
  readonly entryCount: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

function timeKey(usedAt: number, key: string): string {
  const time = Math.max(0, Math.floor(usedAt)).toString().padStart(timeLength, "0");
  return timeMark + time + key;
}
