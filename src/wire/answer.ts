import type { Delta } from "../core/call.ts";
import type { Completion } from "../core/completion.ts";
import { type AnswerFacts, brokenAnswer } from "./answer-facts.ts";
import { Bytes } from "./bytes.ts";
import { deliver } from "./deltas.ts";
import { errorFrom } from "./http-error.ts";
import { defaultMaxBytes, type Reading, type SseEvent, SseReader } from "./sse.ts";

/** Reads the events of one streamed answer. Both methods may throw a TrunklineError. */
export interface EventDecoder {
  event(data: string, name: string): Reading;
  /** `tail` is an event that the end of the body left unfinished. */
  end(tail: SseEvent | undefined): Completion;
}

/** One provider's format of an answer. */
export interface AnswerFormat {
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
  #sse: SseReader | undefined;
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
    if (this.#decoder !== undefined) return this.#decoder.end(this.#sse?.end());
    if (!this.#known && announcesEvents(facts)) {
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
    if (this.#sse !== undefined) return this.#sse.push(chunk);
    const first = this.#known ? chunk[0] : firstInk(chunk);
    if (!this.#known && first !== undefined) {
      this.#known = true;
      if (looksLikeEvents(first, this.#options.facts)) return this.#startEvents(chunk);
    }
    return this.#collect(chunk, first);
  }

  #startEvents(chunk: Uint8Array): Reading {
    const { format, facts, onDelta } = this.#options;
    const decoder = format.stream(facts, onDelta, this.#maxBytes);
    this.#decoder = decoder;
    this.#sse = new SseReader({
      onEvent: (data, name) => decoder.event(data, name),
      maxBytes: this.#maxBytes,
    });
    return this.#sse.push(chunk);
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

const announcesEvents = ({ headers }: AnswerFacts): boolean =>
  headers["content-type"]?.includes("event-stream") ?? false;

/** Where events are announced, only a bracket says otherwise; elsewhere only the start of a field does. */
function looksLikeEvents(first: number, facts: AnswerFacts): boolean {
  const letter = String.fromCharCode(first);
  return announcesEvents(facts) ? !"{[<".includes(letter) : ":de".includes(letter);
}
