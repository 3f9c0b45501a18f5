const none: Buffer = Buffer.alloc(0);

/**
 * Bytes that arrive in pieces. One piece is kept as it is; more are copied into a buffer that doubles, so that
 * each byte is copied a fixed number of times however small the pieces are.
 */
export class Bytes {
  #buffer: Buffer = none;
  #length = 0;
  /** Whether `#buffer` is ours to write to. */
  #own = false;

  get length(): number {
    return this.#length;
  }

  /** The first byte, if there is one. */
  get first(): number | undefined {
    return this.#length > 0 ? this.#buffer[0] : undefined;
  }

  /** Adds a stretch of `chunk`, which must not be changed afterwards. */
  add(chunk: Uint8Array, from = 0, to: number = chunk.length): void {
    const length = this.#length + to - from;
    if (this.#length === 0 && !this.#own) {
      this.#buffer = view(chunk, from, to);
    } else {
      if (!this.#own || length > this.#buffer.length) {
        const grown = Buffer.allocUnsafeSlow(Math.max(2 * length, 1024));
        grown.set(this.#buffer.subarray(0, this.#length));
        this.#buffer = grown;
        this.#own = true;
      }
      this.#buffer.set(view(chunk, from, to), this.#length);
    }
    this.#length = length;
  }

  /** The text of all bytes so far, which are then forgotten. */
  take(): string {
    const text = this.#buffer.toString("utf8", 0, this.#length);
    this.#length = 0;
    if (!this.#own) this.#buffer = none;
    return text;
  }
}

/** The text of a stretch of `bytes`. */
export function decode(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.isBuffer(bytes)
    ? bytes.toString("utf8", start, end)
    : view(bytes, start, end).toString("utf8");
}

function view(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.isBuffer(bytes) && start === 0 && end === bytes.length
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
}
