/** What can be read at a place, such as a file's handle. */
export interface Readable {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

const pieceSize = 2 ** 20;
/** How much of a line's beginning is looked at: enough for the first line, and for any row's index. */
const headSize = 2 ** 16;
const rowHead = /^\{"index":(\d{1,15}),/;
const newline = 0x0a;

/** Where the line of each row begins in a file. Eight bytes a row, however long its line. */
export class LineIndex {
  /** The first line, cut at 64 KiB; undefined where no line is whole. */
  first: string | undefined;
  /** The place behind the last whole line. */
  end = 0;
  size = 0;
  readonly #offsets = new Offsets();
  #head: Buffer[] = [];
  #headBytes = 0;

  /** Reads a file through. */
  static async read(file: Readable): Promise<LineIndex> {
    const index = new LineIndex();
    const piece = Buffer.allocUnsafe(pieceSize);
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, pieceSize, index.size);
      if (bytesRead === 0) return index;
      index.#take(piece.subarray(0, bytesRead));
    }
  }

  offsetOf(row: number): number | undefined {
    return this.#offsets.get(row);
  }

  /** The rows that have a line, lowest first. */
  rows(): Iterable<number> {
    return this.#offsets.keys();
  }

  #take(piece: Buffer): void {
    let from = 0;
    for (let at = piece.indexOf(newline); at !== -1; at = piece.indexOf(newline, from)) {
      this.#keepHead(piece.subarray(from, at));
      this.#line(this.size + at + 1);
      from = at + 1;
    }
    this.#keepHead(piece.subarray(from));
    this.size += piece.length;
  }

  #keepHead(part: Buffer): void {
    const room = (this.first === undefined ? headSize : 32) - this.#headBytes;
    if (room <= 0 || part.length === 0) return;
    // A copy: the piece is filled anew.
    this.#head.push(Buffer.from(part.subarray(0, room)));
    this.#headBytes += Math.min(room, part.length);
  }

  #line(next: number): void {
    const head = Buffer.concat(this.#head).toString();
    this.#head = [];
    this.#headBytes = 0;
    const row = rowHead.exec(head)?.[1];
    if (this.first === undefined) this.first = head;
    else if (row !== undefined) this.#offsets.set(Number(row), this.end);
    this.end = next;
  }
}

const chunkSize = 1024;

/** Numbers by row, in chunks: rows come in any order and may have gaps. */
class Offsets {
  readonly #chunks = new Map<number, Float64Array>();

  get(row: number): number | undefined {
    const offset = this.#chunks.get(Math.floor(row / chunkSize))?.[row % chunkSize];
    // A line of a row is never at 0, where the file says what it is.
    return offset === 0 ? undefined : offset;
  }

  set(row: number, offset: number): void {
    const number = Math.floor(row / chunkSize);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      chunk = new Float64Array(chunkSize);
      this.#chunks.set(number, chunk);
    }
    chunk[row % chunkSize] = offset;
  }

  *keys(): Generator<number> {
    for (const number of [...this.#chunks.keys()].sort((a, b) => a - b)) {
      const chunk = this.#chunks.get(number)!;
      for (let i = 0; i < chunkSize; i++) if (chunk[i] !== 0) yield number * chunkSize + i;
    }
  }
}
