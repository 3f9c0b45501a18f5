import type { Clock } from "../core/clock.ts";
import { env } from "../core/env.ts";
import { TrunklineError } from "../core/errors.ts";
import { outside } from "../core/outside.ts";
import { inspect } from "./disk-check.ts";
import { fileNumber, makeFolder, roomAt, setAside, userFolder } from "./disk-folder.ts";
import { DiskGate } from "./disk-gate.ts";
import { WriteQueue } from "./disk-queue.ts";
import { type DiskRecord, decodeAnswer, encodeAnswer } from "./disk-record.ts";
import { DiskTable, saysDamage } from "./disk-table.ts";
import { reasonOf } from "./reason.ts";
import { type Entry, isFresh, type Soon, type Store, type StoreStats } from "./store.ts";

export interface DiskStoreOptions {
  readonly clock: Clock;
  /** Default: `TRUNKLINE_CACHE_DIR`, else the user's cache folder. */
  readonly directory?: string;
  /** Default 8 GiB. */
  readonly maxBytes?: number;
  /** Hears, as often as it happens, why something is not kept on disk. */
  readonly warn?: (message: string) => void;
  /** What the folder's disk is and has room for. Default: as the system tells. */
  readonly room?: typeof roomAt;
}

/** One transaction: few enough that others who write need not wait long. */
const mostAtOnce = { entries: 256, bytes: 2 ** 20, keys: 5_000 };
/** A disk with less room than this is taken for full. */
const spareBytes = 32 * 2 ** 20;
/** Eviction begins above the first part of the bound and ends below the second; free pages take the rest. */
const full = 0.8;
const relieved = 0.7;
/** A time this far ahead of the clock is no time that an answer can have been given at. */
const futureMs = 60_000;
/** How exactly it is known when an entry was last used. */
const touchMs = 3_600_000;
const pauseMs = 20;

/**
 * Answers in one file that several processes share. It opens when it is first used, writes in the background, and where it
 * cannot work it says so once and keeps nothing.
 */
export class DiskStore implements Store {
  readonly name = "disk";
  readonly #options: DiskStoreOptions;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #queue = new WriteQueue();
  #folder = "";
  #table: DiskTable | undefined;
  #gate: DiskGate | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #draining: Promise<void> | undefined;
  #healing: Promise<void> | undefined;
  /** Pages that are looked at before a file is opened. */
  #mostPages = 5_000;
  /** Nothing can be read or written. */
  #off = false;
  /** A write failed for a reason that will not go away by itself. */
  #readOnly = false;

  constructor(options: DiskStoreOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes ?? 8 * 2 ** 30;
  }

  get(key: string): Soon<Entry | undefined> {
    const waiting = this.#queue.get(key);
    if (waiting !== undefined) return isFresh(waiting, this.#clock.now()) ? waiting : undefined;
    if (this.#table !== undefined) return this.#read(key);
    if (this.#off) return undefined;
    return this.#open().then(() => this.#read(key));
  }

  set(key: string, entry: Entry): void {
    if (this.#off || this.#readOnly || entry.bytes > this.#maxBytes / 16) return;
    if (!this.#queue.add(key, entry)) {
      this.#warn("the disk of the cache cannot keep up; some answers are kept in memory only");
      return;
    }
    this.#draining ??= this.#drain();
  }

  async clear(prefix: string): Promise<void> {
    this.#queue.clear(prefix);
    await this.#open();
    const table = this.#table;
    if (table === undefined) return;
    try {
      if (prefix === "") await table.removeEverything();
      else await this.#clearSome(table, prefix);
    } catch (cause) {
      throw new TrunklineError("cache", `the cache in ${this.#folder} could not be cleared`, { cause });
    }
  }

  async *entries(): AsyncGenerator<readonly [string, Entry]> {
    await this.flush();
    await this.#open();
    let last: string | undefined;
    while (this.#table !== undefined) {
      // A page at a time: one long read would keep every page that is freed meanwhile.
      const keys = this.#table.keys(last, mostAtOnce.entries);
      if (keys.length === 0) return;
      last = keys.at(-1);
      for (const key of keys) {
        const entry = this.#table && this.#read(key);
        if (entry !== undefined) yield [key, entry];
      }
    }
  }

  stats(): StoreStats {
    return { entries: this.#table?.entries ?? 0, bytes: this.#table?.bytes ?? 0 };
  }

  async flush(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.flush();
    await this.#healing;
    await this.#opening;
    const table = this.#table;
    this.#table = undefined;
    this.#opening = undefined;
    this.#off = false;
    this.#readOnly = false;
    await table?.close();
    await this.#leaveGate();
  }

  #open(): Promise<void> {
    this.#opening ??= outside(() => this.#openFolder()).catch((error) => {
      this.#off = true;
      const place = this.#folder && `${this.#folder}: `;
      this.#warn(`answers are kept in memory only: ${place}${reasonOf(error)}`);
    });
    return this.#opening;
  }

  async #openFolder(): Promise<void> {
    const directory = this.#options.directory ?? userFolder();
    if (directory === undefined) {
      throw new Error(
        "there is no folder for them; set TRUNKLINE_CACHE_DIR or HOME, or cache.configure({ directory })",
      );
    }
    this.#folder = makeFolder(directory);
    const { network } = (this.#options.room ?? roomAt)(this.#folder);
    if (network !== undefined) {
      throw new Error(
        `${directory} is on a network (${network}), where a shared file is not safe; name a local folder`,
      );
    }
    if (env("UV_THREADPOOL_SIZE") === "1") {
      throw new Error("UV_THREADPOOL_SIZE is 1, and writing them takes two threads");
    }
    const { open } = await import("lmdb");
    for (let tries = 0; tries < 3; tries++) {
      const seen = fileNumber(this.#folder);
      const gate = new DiskGate(open, this.#folder);
      this.#gate = gate;
      // Looked at before, since all who write wait for who is in the gate.
      const flaw =
        (await this.#flaw()) ??
        (await gate.through(() => this.#tryTable(() => new DiskTable(open, this.#folder, gate))));
      if (flaw === undefined) return;
      await this.#leaveGate();
      const aside = setAside(this.#folder, seen);
      this.#warn(
        `the cache file in ${this.#folder} cannot be used (${flaw}); it was moved to ${aside}, a new one is made`,
      );
      makeFolder(directory);
    }
    throw new Error(`no usable file could be made in ${directory}`);
  }

  /** Opens the table; brings what is wrong with it, if that is a matter of the file. */
  async #tryTable(make: () => DiskTable): Promise<string | undefined> {
    let table: DiskTable | undefined;
    try {
      table = make();
      const flaw = await table.claim();
      if (flaw === undefined) {
        this.#table = table;
        return undefined;
      }
      await table.close();
      return flaw;
    } catch (error) {
      await table?.close();
      if (saysDamage(error)) return reasonOf(error);
      throw error;
    }
  }

  /** What is wrong with the file. While others write it a look may be in vain, so a bad one is taken again. */
  async #flaw(most = this.#mostPages): Promise<string | undefined> {
    let finding = inspect(this.#folder, most);
    for (let tries = 0; tries < 3 && finding.state !== "sound"; tries++) {
      const before = finding.transaction;
      await new Promise<void>((resolve) => this.#clock.after(pauseMs, resolve));
      finding = inspect(this.#folder, most);
      // Somebody works with it all the while: it is good enough for them.
      if (tries === 2 && finding.transaction !== before) return undefined;
    }
    return finding.state === "sound" ? undefined : (finding.why ?? finding.state);
  }

  #read(key: string): Entry | undefined {
    try {
      const record = this.#table?.read(key);
      if (record === undefined) return undefined;
      const entry = record === "bad" ? undefined : this.#entryOf(record);
      if (record === "bad" || entry === undefined) {
        this.#heal(key);
        return undefined;
      }
      if (!isFresh(entry, this.#clock.now())) return undefined;
      if (this.#clock.wall() - record.usedAt > touchMs) this.set(key, entry);
      return entry;
    } catch (error) {
      if (saysDamage(error)) this.#heal(undefined);
      this.#warn(`the cache in ${this.#folder} could not be read: ${reasonOf(error)}`);
      return undefined;
    }
  }

  /** An entry from a time to come may be of any age: it is used only where age does not matter. */
  #entryOf({ storedAt, ttl, text }: DiskRecord): Entry | undefined {
    const answer = decodeAnswer(text);
    if (answer === undefined) return undefined;
    const age = this.#clock.wall() - storedAt;
    const givenAt = age < -futureMs ? Number.NEGATIVE_INFINITY : this.#clock.now() - Math.max(0, age);
    return Object.freeze({
      answer,
      bytes: text.length,
      givenAt,
      ...(ttl < Number.POSITIVE_INFINITY && { ttl }),
    });
  }

  #recordOf({ answer, givenAt, ttl = Number.POSITIVE_INFINITY }: Entry): DiskRecord {
    const wall = this.#clock.wall();
    return { storedAt: wall - (this.#clock.now() - givenAt), usedAt: wall, ttl, text: encodeAnswer(answer) };
  }

  async #drain(): Promise<void> {
    try {
      await this.#open();
      while (this.#table !== undefined && this.#queue.size > 0) {
        const most = Math.min(mostAtOnce.bytes, this.#maxBytes / 32);
        const batch = this.#queue.take(mostAtOnce.entries, most);
        if (this.#isFull()) continue;
        const records = batch.map(([key, entry]) => [key, this.#recordOf(entry)] as const);
        await this.#evict(
          this.#table,
          records.reduce((sum, [, { text }]) => sum + pagesOf(text.length), 0),
        );
        await this.#table?.write(records);
      }
    } catch (error) {
      if (saysDamage(error)) this.#heal(undefined);
      else this.#readOnly = true;
      this.#warn(
        `new answers are kept in memory only: ${this.#folder} could not be written: ${reasonOf(error)}`,
      );
    }
    // What is left cannot be written.
    this.#queue.clear("");
    this.#draining = undefined;
  }

  /** LMDB that finds a disk full ends badly, so it is never let come to that. */
  #isFull(): boolean {
    if ((this.#options.room ?? roomAt)(this.#folder).freeBytes > spareBytes) return false;
    this.#warn(
      `the disk of ${this.#folder} is full; new answers are kept in memory only until there is room`,
    );
    return true;
  }

  /** Makes room for `coming` bytes. */
  async #evict(table: DiskTable, coming: number): Promise<void> {
    if (table.bytes + coming <= this.#maxBytes * full) return;
    while (table.bytes + coming > this.#maxBytes * relieved) {
      if ((await table.removeStale(2 * mostAtOnce.entries, this.#clock.random())) === 0) return;
    }
  }

  async #clearSome(table: DiskTable, prefix: string): Promise<void> {
    let last: string | undefined;
    for (;;) {
      const keys = table.keys(last, mostAtOnce.keys);
      if (keys.length === 0) return;
      last = keys.at(-1);
      await table.remove(keys.filter((key) => key.startsWith(prefix)));
    }
  }

  /** Something was not as it was written: the entry goes, or, where more than that is wrong, the file. */
  #heal(key: string | undefined): void {
    this.#healing ??= this.#look(key)
      .catch((error) => this.#warn(`the cache in ${this.#folder} could not be mended: ${reasonOf(error)}`))
      .finally(() => {
        this.#healing = undefined;
      });
  }

  async #look(key: string | undefined): Promise<void> {
    const table = this.#table;
    if (table === undefined) return;
    if ((await this.#flaw(Number.POSITIVE_INFINITY)) === undefined) {
      if (key === undefined) return;
      this.#warn(`an entry of the cache in ${this.#folder} was damaged and is forgotten`);
      await table.remove([key]);
      return;
    }
    // Opening it again looks as closely and moves it out of the way.
    this.#mostPages = Number.POSITIVE_INFINITY;
    this.#table = undefined;
    await this.flush();
    await table.close();
    await this.#leaveGate();
    this.#opening = undefined;
    await this.#open();
  }

  async #leaveGate(): Promise<void> {
    const gate = this.#gate;
    this.#gate = undefined;
    await gate?.close();
  }

  #warn(message: string): void {
    this.#options.warn?.(message);
  }
}

/** What a text of that length takes in whole pages, which is how a long value lies in the file. */
function pagesOf(length: number): number {
  return Math.ceil((length + 64) / 4096) * 4096;
}
