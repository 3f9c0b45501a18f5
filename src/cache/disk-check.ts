import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";

/**
 * What a look at a data file finds. LMDB maps its file into memory and believes it: a file that was cut, overwritten or
 * zeroed by something else kills the process that reads it. So its pages are walked before it is opened.
 */
export interface Finding {
  readonly state: "sound" | "damaged" | "foreign";
  /** Of the snapshot that was looked at; a higher one later means that somebody writes. */
  readonly transaction: number;
  readonly why?: string;
}

/** Processors on which LMDB writes the form that is read here: 64 bits, small end first. */
const known: ReadonlySet<string> = new Set(["x64", "arm64", "riscv64", "loong64"]);

/** LMDB's own numbers. */
const magic = 0xbeefc0de;
const dataVersion = 2;
const headerSize = 24;
const flags = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08 } as const;
const bigData = 0x01;
const noPage = 2 ** 64;
/** Where a meta page keeps what, from the page's beginning. */
const meta = {
  magic: 24,
  version: 28,
  pageSize: 48,
  freeRoot: 88,
  mainRoot: 136,
  lastPage: 144,
  transaction: 152,
  end: 168,
};

class Damage extends Error {}

/** Looks at no more than `most` pages, the upper ones of the trees first; what is left over is believed. */
export function inspect(folder: string, most: number): Finding {
  if (!known.has(process.arch)) return { state: "sound", transaction: 0 };
  const fd = openOrNothing(join(folder, "data.mdb"));
  if (fd === undefined) return { state: "sound", transaction: 0 };
  try {
    const { size } = fstatSync(fd);
    // Made a moment ago, and not yet written.
    if (size === 0) return { state: "sound", transaction: 0 };
    return new Walk(fd, size, most).run();
  } finally {
    closeSync(fd);
  }
}

function openOrNothing(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

class Walk {
  readonly #fd: number;
  readonly #size: number;
  #left: number;
  #page: Buffer = Buffer.alloc(0);
  #transaction = 0;
  readonly #todo: number[] = [];

  constructor(fd: number, size: number, most: number) {
    this.#fd = fd;
    this.#size = size;
    this.#left = most;
  }

  run(): Finding {
    try {
      const foreign = this.#begin();
      if (foreign !== undefined) return { state: "foreign", transaction: 0, why: foreign };
      // First in, first out: a walk that ends early has seen the upper pages, which lead to most others.
      for (let at = 0; at < this.#todo.length && this.#left > 0; at++) this.#visit(this.#todo[at]!);
      return { state: "sound", transaction: this.#transaction };
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      return { state: "damaged", transaction: this.#transaction, why: error.message };
    }
  }

  /** Reads the newer of both meta pages. What is no file of LMDB's is told by name. */
  #begin(): string | undefined {
    const first = this.#read(0, meta.end);
    if (first === undefined || first.readUInt32LE(meta.magic) !== magic) return "it is no LMDB file";
    if ((first.readUInt32LE(meta.version) & 0xffff) !== dataVersion)
      return "it is of another version of LMDB";
    const pageSize = first.readUInt32LE(meta.pageSize);
    if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0)
      throw new Damage("its page size");
    const second = this.#read(pageSize, meta.end);
    if (second === undefined || second.readUInt32LE(meta.magic) !== magic)
      throw new Damage("its second meta page");
    const newer = readLong(first, meta.transaction) >= readLong(second, meta.transaction) ? first : second;
    this.#transaction = readLong(newer, meta.transaction);
    this.#page = Buffer.alloc(pageSize);
    // It may rightly be a little short, where its last pages are free; then only the whole of it can tell.
    if ((readLong(newer, meta.lastPage) + 1) * pageSize > this.#size) this.#left = Number.POSITIVE_INFINITY;
    for (const place of [meta.freeRoot, meta.mainRoot]) {
      const root = readLong(newer, place);
      if (root < noPage) this.#todo.push(this.#inside(root));
    }
    return undefined;
  }

  #visit(number: number): void {
    const page = this.#readPage(number);
    const kind = page.readUInt16LE(18);
    // Both count from the end of the header, and so do the places of the nodes.
    const lower = headerSize + page.readUInt16LE(20);
    const upper = headerSize + page.readUInt16LE(22);
    const isLeaf = (kind & flags.leaf) !== 0;
    if (!isLeaf && (kind & flags.branch) === 0) throw new Damage(`page ${number} is no part of a tree`);
    if (upper < lower || upper > page.length) throw new Damage(`the size of page ${number}`);
    const places = Array.from(
      { length: (lower - headerSize) >> 1 },
      (_, i) => headerSize + page.readUInt16LE(headerSize + 2 * i),
    );
    const overflows: [number, number][] = [];
    for (const place of places) {
      if (place < upper || place + 8 > page.length) throw new Damage(`a node of page ${number}`);
      const keySize = page.readUInt16LE(place + 6);
      if (place + 8 + keySize > page.length) throw new Damage(`a key of page ${number}`);
      if (!isLeaf) this.#todo.push(this.#inside(page.readUIntLE(place, 6)));
      else this.#leafNode(page, place, keySize, number, overflows);
    }
    for (const [first, count] of overflows) this.#overflow(first, count);
  }

  #leafNode(
    page: Buffer,
    place: number,
    keySize: number,
    number: number,
    overflows: [number, number][],
  ): void {
    const data = place + 8 + keySize;
    const isBig = (page.readUInt16LE(place + 4) & bigData) !== 0;
    const inside = isBig ? 24 : page.readUInt32LE(place);
    if (data + inside > page.length) throw new Damage(`a value of page ${number}`);
    if (isBig) overflows.push([this.#inside(readLong(page, data)), readLong(page, data + 16)]);
  }

  /** A long value: its first page tells how many there are, and all of them must be in the file. */
  #overflow(first: number, count: number): void {
    const pageSize = this.#page.length;
    if (!(count >= 1 && (first + count) * pageSize <= this.#size))
      throw new Damage(`the length of page ${first}`);
    if (this.#left <= 0) return;
    this.#left--;
    const header = this.#read(first * pageSize, headerSize)!;
    const right =
      readLong(header, 0) === first &&
      (header.readUInt16LE(18) & flags.overflow) !== 0 &&
      header.readUInt32LE(20) === count;
    if (!right) throw new Damage(`page ${first}`);
  }

  #readPage(number: number): Buffer {
    this.#left--;
    const page = this.#page;
    if (readSync(this.#fd, page, 0, page.length, number * page.length) !== page.length) {
      throw new Damage(`page ${number} is beyond its end`);
    }
    if (readLong(page, 0) !== number) throw new Damage(`page ${number} is another one`);
    return page;
  }

  #inside(page: number): number {
    if (page < 2 || page * this.#page.length >= this.#size) throw new Damage("a page beyond its end");
    return page;
  }

  #read(position: number, length: number): Buffer | undefined {
    const bytes = Buffer.alloc(length);
    return readSync(this.#fd, bytes, 0, length, position) === length ? bytes : undefined;
  }
}

/** A number of eight bytes; exact up to where no page is. */
function readLong(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}
