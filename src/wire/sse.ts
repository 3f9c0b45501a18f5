import { TrunklineError } from "../core/errors.ts";
import { Bytes, decode } from "./bytes.ts";

/**
 * What a piece of an answer meant: "progress" restarts the idle deadline, "idle" does not (comments and pings
 * prove nothing), "done" says that no more is wanted.
 */
export type Reading = "progress" | "idle" | "done";

/** One server-sent event. `name` is empty where the stream gave none. */
export interface SseEvent {
  readonly data: string;
  readonly name: string;
}

export interface SseReaderOptions {
  /** Called for each event that has data. Its result says whether the event was progress; "done" ends the reading. */
  readonly onEvent: (data: string, name: string) => Reading;
  /** The most that one event may hold, in bytes; 64 MiB unless told. */
  readonly maxBytes?: number;
}

export const defaultMaxBytes: number = 64 * 1024 * 1024;

/** What one more data line of an event costs beyond its bytes, so that millions of empty ones stay bounded too. */
const lineCost = 32;

const LF = 10;
const CR = 13;
const letterD = 100;

/**
 * Server-sent events out of bytes that are cut anywhere. Only whole lines are decoded, and line ends are ASCII,
 * so no character is ever cut in half; each byte is looked at and copied a fixed number of times. `id` and `retry` are read over: an answer of a model is
 * never resumed.
 *
 * ```ts
 * const reader = new SseReader({ onEvent: (data) => (data === "[DONE]" ? "done" : "progress") });
 * reader.push(new TextEncoder().encode("data: [DONE]\n\n")) === "done";
 * ```
 */
export class SseReader {
  readonly #onEvent: (data: string, name: string) => Reading;
  readonly #maxBytes: number;
  /** The unfinished line. */
  readonly #carry: Bytes = new Bytes();
  /** A CR ended the last piece: an LF at the start of the next belongs to it. */
  #skipLf = false;
  #first = true;
  #data: string | undefined;
  #name = "";
  #held = 0;
  #reading: Reading = "idle";

  constructor(options: SseReaderOptions) {
    this.#onEvent = options.onEvent;
    this.#maxBytes = options.maxBytes ?? defaultMaxBytes;
  }

  /** Takes the next bytes. Throws `bad_response` when an event outgrows the bound. */
  push(chunk: Uint8Array): Reading {
    if (this.#reading === "done") return "done";
    this.#reading = "idle";
    const start = this.#skipLf && chunk[0] === LF ? 1 : 0;
    if (chunk.length > 0) this.#skipLf = chunk[chunk.length - 1] === CR;
    const end = lastLineEnd(chunk, start);
    if (end > start) {
      if (this.#carry.length === 0) this.#lines(decode(chunk, start, end));
      else {
        this.#keep(chunk, start, end);
        this.#lines(this.#carry.take());
      }
    }
    // `#lines` may have ended the reading, which the compiler cannot see.
    if ((this.#reading as Reading) !== "done" && end < chunk.length) this.#keepTail(chunk, end);
    return this.#reading;
  }

  /** The event that the end of the body left unfinished, if any: the body may have been cut in its middle. */
  end(): SseEvent | undefined {
    if (this.#reading === "done") return undefined;
    if (this.#carry.length > 0) this.#lines(`${this.#carry.take()}\n`);
    const data = this.#data;
    this.#data = undefined;
    return data === undefined ? undefined : { data, name: this.#name };
  }

  #keepTail(chunk: Uint8Array, from: number): void {
    this.#keep(chunk, from, chunk.length);
    // A long event is progress while it grows; a comment, or a ping, is not.
    if (this.#carry.first === letterD && this.#name !== "ping") this.#reading = "progress";
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    if (this.#carry.length + to - from + this.#held > this.#maxBytes) throw this.#tooLong();
    this.#carry.add(chunk, from, to);
  }

  /** Reads `text`, which ends with a line end. Positions found are kept, so that no stretch is searched twice. */
  #lines(text: string): void {
    let start = this.#first && text.charCodeAt(0) === 0xfeff ? 1 : 0;
    this.#first = false;
    let lf = text.indexOf("\n", start);
    let cr = text.indexOf("\r", start);
    while (start < text.length) {
      let end = lf;
      let next = lf + 1;
      if (cr !== -1 && (lf === -1 || cr < lf)) {
        end = cr;
        next = lf === cr + 1 ? lf + 1 : cr + 1;
        cr = text.indexOf("\r", next);
      }
      if (end === start) this.#dispatch();
      else this.#line(text, start, end);
      if (this.#reading === "done") return;
      start = next;
      if (lf !== -1 && lf < start) lf = text.indexOf("\n", start);
    }
  }

  #line(text: string, start: number, end: number): void {
    if (text.startsWith("data:", start)) {
      this.#addData(
        text.slice(text.charCodeAt(start + 5) === 32 && end > start + 5 ? start + 6 : start + 5, end),
      );
    } else if (text.startsWith("event:", start)) {
      this.#name = text.slice(text.charCodeAt(start + 6) === 32 ? start + 7 : start + 6, end);
    } else if (end === start + 4 && text.startsWith("data", start)) {
      this.#addData("");
    }
  }

  #addData(value: string): void {
    this.#held += value.length + lineCost;
    if (this.#held > this.#maxBytes + lineCost) throw this.#tooLong();
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
  }

  #dispatch(): void {
    const data = this.#data;
    const name = this.#name;
    this.#data = undefined;
    this.#name = "";
    this.#held = 0;
    if (data === undefined) return;
    const reading = this.#onEvent(data, name);
    if (reading !== "idle") this.#reading = reading;
  }

  #tooLong(): TrunklineError {
    return new TrunklineError(
      "bad_response",
      `an event of the stream is longer than ${this.#maxBytes} bytes; raise the bound if such answers are expected`,
    );
  }
}

/** The place after the last LF or CR from `start` on, or `start` where there is none. */
function lastLineEnd(chunk: Uint8Array, start: number): number {
  let at = chunk.length;
  while (at > start && chunk[at - 1] !== LF && chunk[at - 1] !== CR) at--;
  return at;
}

/** The bytes of one event, as text. A line end inside `data` begins a new data line. */
export function writeEvent(data: string, name = ""): string {
  const head = name === "" ? "" : `event: ${name.replace(/[\r\n]/g, " ")}\n`;
  const body = data.includes("\n") || data.includes("\r") ? data.split(/\r\n|\r|\n/).join("\ndata: ") : data;
  return `${head}data: ${body}\n\n`;
}

/** A comment: keeps a connection alive and means nothing. */
export function writeComment(text = ""): string {
  return `: ${text.replace(/[\r\n]/g, " ")}\n\n`;
}
