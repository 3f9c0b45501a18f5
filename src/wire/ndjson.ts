import { TrunklineError } from "../core/errors.ts";
import { Bytes, decode } from "./bytes.ts";
import { defaultMaxBytes, type Reading, type SseEvent } from "./sse.ts";

export interface NdjsonReaderOptions {
  /** Called for each line that is not blank. Its result says whether it was progress; "done" ends the reading. */
  readonly onLine: (line: string) => Reading;
  /** The most that one line may hold, in bytes; 64 MiB unless told. */
  readonly maxBytes?: number;
}

const LF = 10;

/**
 * Lines of JSON out of bytes that are cut anywhere, by the rules of `SseReader`: only whole lines are decoded, so
 * no character is ever cut in half, and each byte is looked at and copied a fixed number of times. A CR before
 * the line's end is white space to JSON.
 *
 * ```ts
 * const reader = new NdjsonReader({ onLine: (line) => (JSON.parse(line).done ? "done" : "progress") });
 * reader.push(new TextEncoder().encode('{"done":true}\n')) === "done";
 * ```
 */
export class NdjsonReader {
  readonly #onLine: (line: string) => Reading;
  readonly #maxBytes: number;
  /** The unfinished line. */
  readonly #carry: Bytes = new Bytes();
  #first = true;
  #reading: Reading = "idle";

  constructor(options: NdjsonReaderOptions) {
    this.#onLine = options.onLine;
    this.#maxBytes = options.maxBytes ?? defaultMaxBytes;
  }

  /** Takes the next bytes. Throws `bad_response` when a line outgrows the bound. */
  push(chunk: Uint8Array): Reading {
    if (this.#reading === "done") return "done";
    this.#reading = "idle";
    const end = chunk.lastIndexOf(LF) + 1;
    if (end > 0) {
      if (this.#carry.length === 0) this.#lines(decode(chunk, 0, end));
      else {
        this.#keep(chunk, 0, end);
        this.#lines(this.#carry.take());
      }
    }
    // `#lines` may have ended the reading, which the compiler cannot see.
    if ((this.#reading as Reading) !== "done" && end < chunk.length) {
      this.#keep(chunk, end, chunk.length);
      // A long line is progress while it grows.
      this.#reading = "progress";
    }
    return this.#reading;
  }

  /** The line that the end of the body left without its line end, if any: the body may have been cut in it. */
  end(): SseEvent | undefined {
    if (this.#reading === "done") return undefined;
    const data = withoutMark(this.#carry.take(), this.#first);
    return data.trim() === "" ? undefined : { data, name: "" };
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    if (this.#carry.length + to - from > this.#maxBytes) throw this.#tooLong();
    this.#carry.add(chunk, from, to);
  }

  /** Reads `text`, which ends with a line end. */
  #lines(text: string): void {
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      if (end - start > this.#maxBytes) throw this.#tooLong();
      const line = withoutMark(text.slice(start, end), this.#first);
      this.#first = false;
      start = end + 1;
      if (line.trim() === "") continue;
      const reading = this.#onLine(line);
      if (reading !== "idle") this.#reading = reading;
      if (reading === "done") return;
    }
  }

  #tooLong(): TrunklineError {
    return new TrunklineError(
      "bad_response",
      `a line of the stream is longer than ${this.#maxBytes} bytes; raise the bound if such answers are expected`,
    );
  }
}

/** The first line may begin with a byte order mark. */
function withoutMark(line: string, first: boolean): string {
  return first && line.charCodeAt(0) === 0xfeff ? line.slice(1) : line;
}
