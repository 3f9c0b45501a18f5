import type { Delta } from "../core/call.ts";
import type { Completion } from "../core/completion.ts";
import { type AnswerFacts, brokenAnswer } from "./answer-facts.ts";
import { Bytes } from "./bytes.ts";
import { deliver } from "./deltas.ts";
import { errorFrom } from "./http-error.ts";
import { NdjsonReader } from "./ndjson.ts";
import { defaultMaxBytes, type Reading, type SseEvent, SseReader } from "./sse.ts";

/** Reads the events, or the lines, of one streamed answer. Both methods may throw a TrunklineError. */
export interface EventDecoder {
  event(data: string, name: string): Reading;
  /** `tail` is an event, or a line, that the end of the body left unfinished. */
  end(tail: SseEvent | undefined): Completion;
}

/** One provider's format of an answer. */
export interface AnswerFormat {
  /** How a stream is cut into events; server-sent events unless told. */
  readonly framing?: "events" | "lines";
  /** Reads a whole body of JSON. */
  decode(body: string, facts: AnswerFacts): Completion;
  /** Reads a stream of events. `maxBytes` bounds what the answer may gather. */
  stream(facts: AnswerFacts, onDelta: ((delta: Delta) => void) | undefined, maxBytes: number): EventDecoder;
}

export interface AnswerReaderOptions {
  readonly format: AnswerFormat;
  readonly facts: AnswerFacts;
  readonly onDelta?: (delta: Delta) => void;
  /** The most that an answer, or one event of it, may hold; 64 MiB unless told. */
  readonly maxBytes?: number;
}

/** No more than this of a failed answer is read: an error's body is short, or it is not for us. */
const maxErrorBytes = 64 * 1024;

/**
 * Reads one answer, whatever came: JSON or events (told apart by what is there, for some servers stream unasked
 * and some do not when asked), or an error's body. `push` never throws, so it may be called by a socket: a
 * failure ends the reading and `end` throws it.
 *
 * ```ts
 * const reader = new AnswerReader({ format: openaiChat, facts, onDelta });
 * // reader.push(chunk) for each piece of the body; then:
 * const completion = reader.end();
 * ```
 */
export class AnswerReader {
  readonly #options: AnswerReaderOptions;
  readonly #failed: boolean;
  readonly #maxBytes: number;
  readonly #body: Bytes = new Bytes();
  #stream: SseReader | NdjsonReader | undefined;
  #decoder: EventDecoder | undefined;
  /** Set once the first byte that is not white space has told JSON from events. */
  #known: boolean;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: AnswerReaderOptions) {
    this.#options = options;
    const { status } = options.facts;
    this.#failed = status < 200 || status > 299;
    this.#known = this.#failed;
    this.#maxBytes = options.maxBytes ?? defaultMaxBytes;
  }

  /** Takes the next bytes of the body. */
  push(chunk: Uint8Array): Reading {
    if (this.#failure !== undefined) return "done";
    try {
      return this.#read(chunk);
    } catch (error) {
      this.#failure = { error };
      return "done";
    }
  }

  /** The body has ended, or is no longer wanted after "done". */
  end(): Completion {
    if (this.#failure !== undefined) throw this.#failure.error;
    const { format, facts, onDelta } = this.#options;
    if (this.#decoder !== undefined) return this.#decoder.end(this.#stream?.end());
    if (!this.#known && announcesStream(facts.headers)) {
      return format.stream(facts, onDelta, this.#maxBytes).end(undefined);
    }
    const taken = this.#body.take();
    const body = taken.charCodeAt(0) === 0xfeff ? taken.slice(1) : taken;
    if (this.#failed) throw errorFrom(facts, body);
    const completion = format.decode(body, facts);
    if (onDelta !== undefined) deliver(completion, onDelta);
    return completion;
  }

  #read(chunk: Uint8Array): Reading {
    if (this.#stream !== undefined) return this.#stream.push(chunk);
    const first = this.#known ? chunk[0] : firstInk(chunk);
    if (!this.#known && first !== undefined) {
      this.#known = true;
      if (looksLikeStream(first, this.#options)) return this.#startStream(chunk);
    }
    return this.#collect(chunk, first);
  }

  #startStream(chunk: Uint8Array): Reading {
    const { format, facts, onDelta } = this.#options;
    const decoder = format.stream(facts, onDelta, this.#maxBytes);
    this.#decoder = decoder;
    const maxBytes = this.#maxBytes;
    this.#stream =
      format.framing === "lines"
        ? new NdjsonReader({ onLine: (line) => decoder.event(line, ""), maxBytes })
        : new SseReader({ onEvent: (data, name) => decoder.event(data, name), maxBytes });
    return this.#stream.push(chunk);
  }

  #collect(chunk: Uint8Array, first: number | undefined): Reading {
    if (this.#failed) {
      this.#body.add(chunk, 0, Math.min(chunk.length, maxErrorBytes - this.#body.length));
      return this.#body.length < maxErrorBytes ? "progress" : "done";
    }
    this.#body.add(chunk);
    if (this.#body.length > this.#maxBytes) {
      throw brokenAnswer(
        "bad_response",
        `the answer is longer than ${this.#maxBytes} bytes`,
        this.#options.facts,
      );
    }
    // Some servers send blank lines for minutes before the JSON: they prove nothing.
    return first === undefined || (isSpace(first) && firstInk(chunk) === undefined) ? "idle" : "progress";
  }
}

const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);

/** The first byte that is not white space. */
function firstInk(chunk: Uint8Array): number | undefined {
  for (const byte of chunk) if (!isSpace(byte)) return byte;
  return undefined;
}

/** Whether an answer says that it comes as a stream, of events or of lines. */
export function announcesStream(headers: AnswerFacts["headers"]): boolean {
  return /event-stream|ndjson|jsonl/.test(headers["content-type"] ?? "");
}

/** Where a stream is announced, only a bracket says otherwise; elsewhere only the start of an event's field does. */
function looksLikeStream(first: number, { format, facts }: AnswerReaderOptions): boolean {
  const letter = String.fromCharCode(first);
  const announced = announcesStream(facts.headers);
  if (format.framing === "lines") return announced && letter !== "<";
  return announced ? !"{[<".includes(letter) : ":de".includes(letter);
}
