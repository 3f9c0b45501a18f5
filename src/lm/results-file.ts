import { readSync } from "node:fs";
import { type FileHandle, open, stat, truncate } from "node:fs/promises";
import { resolve } from "node:path";
import type { Clock } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import { LineIndex } from "./line-index.ts";
import { type Identity, isTornHeader, misfit, resultsHeader } from "./results-header.ts";

/** What came of a row: one of the two. */
export interface KeptRow {
  /** The hash of what the row was asked with. */
  readonly input: string;
  readonly value?: unknown;
  readonly error?: unknown;
}

/** A line of more bytes is not written: its row is asked again. */
const longestLine = 16 * 2 ** 20;
/** How often lines are forced down to the disk itself, in milliseconds. */
const syncEvery = 1000;

/** The files that runs of this process write at the moment. */
const inUse = new Set<string>();

/**
 * Finished rows as lines of JSON, only ever appended to. A line is with the operating system before its row counts as
 * finished, so a process that is killed loses none; it is forced to the disk once a second and at the end, so a power
 * cut costs at most a second's rows. What a kill left half written at the end is cut off. Of two lines for one row the
 * later holds.
 */
export class ResultsFile {
  readonly #handle: FileHandle;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #index: LineIndex;
  #waiting: string[] = [];
  #batch: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();
  #syncedAt: number;
  #closed = false;

  private constructor(handle: FileHandle, clock: Clock, path: string, index: LineIndex) {
    this.#handle = handle;
    this.#clock = clock;
    this.#path = path;
    this.#index = index;
    this.#syncedAt = clock.now();
  }

  /** Opens or makes the file of a run. One that holds something else is a `state` error, and stays as it is. */
  static async open(clock: Clock, given: string, identity: Identity): Promise<ResultsFile> {
    const path = resolve(given);
    if (inUse.has(path)) throw fileError(path, "is being written by another run of this process");
    inUse.add(path);
    let handle: FileHandle | undefined;
    try {
      handle = await opened(path);
      const index = await LineIndex.read(handle);
      await begin(handle, path, index, identity);
      return new ResultsFile(handle, clock, path, index);
    } catch (error) {
      inUse.delete(path);
      await handle?.close();
      throw error;
    }
  }

  get path(): string {
    return this.#path;
  }

  /** The rows that had a line when the file was opened. */
  rows(): Iterable<number> {
    return this.#index.rows();
  }

  /** What was kept of a row; undefined where nothing was, or nothing that can be read. */
  find(index: number): KeptRow | undefined {
    const at = this.#index.offsetOf(index);
    if (at === undefined) return undefined;
    try {
      return JSON.parse(readLine(this.#handle.fd, at));
    } catch {
      return undefined;
    }
  }

  /**
   * Keeps what came of a row, as `"value"` or `"error"` with its JSON. Settles when the line is with the operating
   * system; lines that come while others are written go together.
   */
  write(index: number, input: string, outcome: "value" | "error", json: string): Promise<void> {
    const line = `{"index":${index},"input":"${input}","${outcome}":${json}}\n`;
    if (this.#closed || Buffer.byteLength(line) > longestLine) return Promise.resolve();
    this.#waiting.push(line);
    this.#batch ??= this.#last.then(() => this.#flush());
    return this.#batch;
  }

  async close(): Promise<void> {
    this.#closed = true;
    try {
      await (this.#batch ?? this.#last);
      await this.#handle.datasync();
    } finally {
      inUse.delete(this.#path);
      await this.#handle.close();
    }
  }

  #flush(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#batch = undefined;
    this.#last = this.#append(lines.join(""));
    return this.#last;
  }

  async #append(text: string): Promise<void> {
    try {
      await this.#handle.appendFile(text);
      if (this.#clock.now() - this.#syncedAt < syncEvery) return;
      this.#syncedAt = this.#clock.now();
      await this.#handle.datasync();
    } catch (cause) {
      throw fileError(this.#path, `cannot be written (${(cause as Error).message})`, cause);
    }
  }
}

/** The error of a results file that does not fit. */
export function fileError(path: string, what: string, cause?: unknown): TrunklineError {
  return new TrunklineError("state", `resultsFile ${path}: it ${what}`, { cause });
}

async function opened(path: string): Promise<FileHandle> {
  try {
    const known = await stat(path).catch(() => undefined);
    // A device or a pipe may never end.
    if (known !== undefined && !known.isFile()) throw new Error(`${path} is no file`);
    return await open(path, "a+", 0o600);
  } catch (cause) {
    const why = `resultsFile: it cannot be opened (${(cause as Error).message})`;
    throw new TrunklineError("config", why, { cause });
  }
}

/** Makes the file ready for the first line that is appended. */
async function begin(
  handle: FileHandle,
  path: string,
  { first, end, size }: LineIndex,
  identity: Identity,
): Promise<void> {
  if (first === undefined) {
    if (!isTornHeader(await textOf(handle, size))) {
      throw fileError(path, "holds something else; give the run a file of its own");
    }
    if (size > 0) await truncate(path, 0);
    await handle.appendFile(resultsHeader(identity));
    return;
  }
  const why = misfit(first, identity);
  if (why !== undefined) throw fileError(path, why);
  if (size > end) await truncate(path, end);
}

async function textOf(handle: FileHandle, size: number): Promise<string> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(size, 4096)), 0, undefined, 0);
  return buffer.toString("utf8", 0, bytesRead);
}

/** The line that begins at a place. It was whole when the file was opened. */
function readLine(fd: number, at: number): string {
  let buffer = Buffer.allocUnsafe(4096);
  let length = 0;
  for (;;) {
    const read = readSync(fd, buffer, length, buffer.length - length, at + length);
    const end = buffer.subarray(0, length + read).indexOf("\n", length);
    if (end !== -1) return buffer.toString("utf8", 0, end);
    length += read;
    if (read === 0 || length >= longestLine) throw new Error("no end of the line");
    if (length === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 4);
  }
}
