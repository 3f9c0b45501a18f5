import type { RootDatabase } from "lmdb";
import type { DiskGate, Open } from "./disk-gate.ts";
import { type DiskRecord, decodeRecord, encodeRecord } from "./disk-record.ts";

/** LMDB's numbers for a file that is not as it should be. */
const damageCodes: ReadonlySet<unknown> = new Set([-30797, -30796, -30795, -30794, -30793, -30782, -30779]);

/** Whether an error says that the file, and not the moment, is bad. */
export function saysDamage(error: unknown): boolean {
  return damageCodes.has((error as { code?: unknown } | null)?.code);
}

/** What the file says of itself under `nameKey`; a later form says something else. */
const ownName = "trunkline answers 1";
const nameKey = "form";
/** Before the key of an answer. */
const mark = "=";
const afterAll = ">";
/** No control character: lmdb's encoding of long keys takes those for its own. */
const separator = " ";

/**
 * The records of one LMDB file. Every method but `close` is one read of the moment, or one pass through the gate. It is
 * made, and claimed, by whoever is in the gate.
 */
export class DiskTable {
  readonly #db: RootDatabase<Buffer, string>;
  readonly #gate: DiskGate;

  constructor(open: Open, folder: string, gate: DiskGate) {
    this.#gate = gate;
    this.#db = open<Buffer, string>({
      path: folder,
      noSubdir: false,
      encoding: "binary",
      maxReaders: 1_024,
      // Each commit is on the disk before the next: a crash of the machine leaves a whole file.
      overlappingSync: false,
      // With it a commit that fails rejects a promise that nobody can have, and so ends the process.
      eventTurnBatching: false,
      // Writes of one turn are one transaction all the same: none starts before the turn is over.
      ...{ txnStartThreshold: 1_000_000 },
      ...{ permissionsMode: 0o600 },
    });
  }

  /** Writes down what this file is, or tells what else it is. */
  async claim(): Promise<string | undefined> {
    const name = this.#db.getBinary(nameKey)?.toString();
    if (name === ownName) return undefined;
    if (name !== undefined) return `it is of another form (${JSON.stringify(name.slice(0, 40))})`;
    if (this.#stats().entryCount > 0) return "something else wrote it";
    await settled([this.#db.put(nameKey, Buffer.from(ownName))]);
    return undefined;
  }

  /** Undefined: not there. "bad": there, and not as it was written. */
  read(key: string): DiskRecord | "bad" | undefined {
    const bytes = this.#read(rowOf(key));
    return bytes && (decodeRecord(key, bytes, bytes.length) ?? "bad");
  }

  async write(records: readonly (readonly [key: string, record: DiskRecord])[]): Promise<void> {
    await this.#commit(() =>
      records.map(([key, record]) => this.#db.put(rowOf(key), encodeRecord(key, record))),
    );
  }

  async remove(keys: readonly string[]): Promise<void> {
    await this.#commit(() => keys.map((key) => this.#db.remove(rowOf(key))));
  }

  /**
   * The keys after `after` in the order of the table, at most `most`. Keys stand there by their last part, a hash: any
   * stretch of them is a sample of all.
   */
  keys(after: string | undefined, most: number): string[] {
    const start = after === undefined ? mark : rowOf(after) + separator;
    return [...this.#db.getKeys({ start, end: afterAll, limit: most })].map(keyOf);
  }

  /**
   * Forgets half of a sample of `most`, those not used for longest. A table in the order of use would be exact, and
   * would have to be written at every reading. `chance` in [0, 1) chooses the sample. How many went.
   */
  async removeStale(most: number, chance: number): Promise<number> {
    const start =
      mark +
      Math.floor(chance * 2 ** 48)
        .toString(16)
        .padStart(12, "0");
    const rows = [...this.#db.getKeys({ start, end: afterAll, limit: most })];
    if (rows.length < most)
      rows.push(...this.#db.getKeys({ start: mark, end: start, limit: most - rows.length }));
    const byUse = rows.map(keyOf).map((key) => [key, this.#usedAt(key)] as const);
    byUse.sort(([, a], [, b]) => a - b);
    const stale = byUse.slice(0, Math.ceil(rows.length / 2)).map(([key]) => key);
    await this.remove(stale);
    return stale.length;
  }

  #usedAt(key: string): number {
    const record = this.read(key);
    return typeof record === "object" ? record.usedAt : 0;
  }

  async removeEverything(): Promise<void> {
    await this.#commit(() => [this.#db.clearAsync(), this.#db.put(nameKey, Buffer.from(ownName))]);
  }

  get entries(): number {
    return Math.max(0, this.#stats().entryCount - 1);
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

  #commit(begin: () => readonly Promise<unknown>[]): Promise<void> {
    return this.#gate.through(() => settled(begin()));
  }

  #stats(): PageStats {
    return this.#db.getStats() as PageStats;
  }
}

/** Waits for all of them; the first cause of a failure is thrown. */
async function settled(writes: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(writes.map((write) => write.catch(throwCause)));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** The cause is told by a promise of its own, which ends the process where nobody listens to it. */
async function throwCause(error: { readonly commitError?: Promise<never> }): Promise<never> {
  await error.commitError;
  throw error;
}

/** The part of LMDB's own figures that is used here. */
interface PageStats {
  readonly pageSize: number;
  readonly entryCount: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** The last part of a key first. */
function rowOf(key: string): string {
  const at = key.lastIndexOf(":") + 1;
  return mark + key.slice(at) + separator + key.slice(0, at);
}

function keyOf(row: string): string {
  const at = row.indexOf(separator);
  return row.slice(at + 1) + row.slice(mark.length, at);
}
