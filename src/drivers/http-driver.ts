import { readHeaders } from "../clients/headers.ts";
import type { ClientSettings } from "../clients/settings.ts";
import type { CallOptions } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { ChatRequest } from "../core/request.ts";
import type { Exchange, Receiver } from "../transport/exchange.ts";
import type { AnswerFormat } from "../wire/answer.ts";
import type { Encoding } from "../wire/encoding.ts";
import { type Abilities, type Driver, trusted } from "./driver.ts";
import { ExchangeReader, type Station } from "./exchange-reader.ts";
import { Redactor } from "./redactor.ts";

/** What an HTTP driver uses of a Client. */
export interface Line {
  readonly config: Pick<ClientSettings, "baseURL" | "headers" | "organization" | "project">;
  readonly pool: { send(exchange: Exchange, receiver: Receiver): Promise<void> } | undefined;
  /** The key for the next attempt, by its place among the Client's keys; `""` where none is wanted. */
  key(index?: number): string | Promise<string>;
  /** A newer key than the one that was refused, or that same one when there is none. */
  refreshKey(stale: string, index?: number): string | Promise<string>;
}

/** One kind of question: where it goes and how both directions are written. */
export interface Conversation {
  /** Path and query, from the origin's root. */
  path(request: ChatRequest, stream: boolean): string;
  encode(request: ChatRequest, how: Encoding): string;
  readonly format: AnswerFormat;
}

/** A provider's protocol over HTTP. */
export interface HttpProtocol {
  readonly abilities: Abilities;
  /** Headers that every call has, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The header that carries a key. */
  authorize(key: string): Readonly<Record<string, string>>;
  readonly chat: Conversation;
  /** Where the provider makes vectors. */
  readonly embed?: Conversation;
  /** What the provider's request limits are counted in, where its headers do not say; a minute unless told. */
  readonly requestWindowMs?: number;
}

export interface HttpDriverParts {
  readonly clock: Pick<Clock, "wall" | "now">;
  /** The most that one answer may hold, in bytes. Default 64 MiB. */
  readonly maxResponseBytes?: number;
}

type Headers = Readonly<Record<string, string>>;

/** A kind of question, with what all its answers have in common. */
interface Talk extends Conversation {
  readonly station: Station;
}

/** One question as it goes on the wire. */
interface Question {
  readonly talk: Talk;
  readonly model: string;
  readonly options: CallOptions;
  readonly path: string;
  readonly body: string;
  /** It goes with a newer key than the one that was refused, and not once more. */
  readonly renewed: boolean;
}

function encoded(talk: Talk, request: ChatRequest, options: CallOptions): Question {
  const stream = options.onDelta !== undefined;
  const path = talk.path(request, stream);
  const body = talk.encode(request, { stream, prefixMark: options.prefixMark });
  return { talk, model: request.model, options, path, body, renewed: false };
}

/** A driver that asks over the pool of one Client. Nothing is opened before the first call. */
export function httpDriver(name: string, protocol: HttpProtocol, line: Line, parts: HttpDriverParts): Driver {
  const speaker = new Speaker(name, protocol, line, parts);
  const chat = speaker.talk(protocol.chat);
  const embed = protocol.embed && speaker.talk(protocol.embed);
  return trusted({
    name,
    abilities: protocol.abilities,
    chat: (request, options) => speaker.ask(chat, request, options),
    ...(embed && { embed: (request, options) => speaker.ask(embed, request, options) }),
  });
}

/** Puts questions of one Client on the wire. Headers are made once a key, not once a call. */
class Speaker {
  readonly #name: string;
  readonly #protocol: HttpProtocol;
  readonly #line: Line;
  readonly #pool: NonNullable<Line["pool"]>;
  readonly #parts: HttpDriverParts;
  readonly #redactor: Redactor;
  readonly #base: Headers;
  /** By the place of its key: the headers of each key in use. */
  readonly #keyed: { readonly key: string; readonly headers: Headers }[] = [];

  constructor(name: string, protocol: HttpProtocol, line: Line, parts: HttpDriverParts) {
    this.#name = name;
    this.#protocol = protocol;
    if (line.pool === undefined) throw new TypeError(`${name}: its Client has no connections`);
    this.#line = line;
    this.#pool = line.pool;
    this.#parts = parts;
    this.#redactor = new Redactor(line.config.headers);
    this.#base = Object.freeze({
      accept: "application/json, text/event-stream, application/x-ndjson",
      "content-type": "application/json",
      "user-agent": "trunkline",
      ...protocol.headers,
      ...line.config.headers,
    });
  }

  talk(conversation: Conversation): Talk {
    const station: Station = {
      format: conversation.format,
      provider: this.#name,
      clock: this.#parts.clock,
      redactor: this.#redactor,
      maxBytes: this.#parts.maxResponseBytes,
      requestWindowMs: this.#protocol.requestWindowMs,
    };
    return { ...conversation, station };
  }

  ask(talk: Talk, request: ChatRequest, options: CallOptions): Promise<Completion> {
    try {
      const key = this.#line.key(options.key);
      if (typeof key === "string") return this.#send(encoded(talk, request, options), key);
      return this.#askLater(talk, request, options, key);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #askLater(
    talk: Talk,
    request: ChatRequest,
    options: CallOptions,
    key: Promise<string>,
  ): Promise<Completion> {
    const ready = await key;
    this.#throwIfOver(options);
    return this.#send(encoded(talk, request, options), ready);
  }

  /** A key may have come so late that nobody wants the answer any more, whatever the timers have said yet. */
  #throwIfOver({ signal, deadlineAt }: CallOptions): void {
    signal?.throwIfAborted();
    if (this.#parts.clock.now() <= deadlineAt) return;
    throw new TrunklineError("timeout", "the call's deadline passed while its key was fetched", {
      phase: "total",
      retryable: false,
    });
  }

  #send(question: Question, key: string): Promise<Completion> {
    const { talk, model, options, path, body } = question;
    const { signal, timeout, firstByteTimeout, idleTimeout } = options;
    const headers = this.#headers(key, options);
    const reader = new ExchangeReader(talk.station, model, options);
    return this.#pool
      .send({ method: "POST", path, headers, body, signal, timeout, firstByteTimeout, idleTimeout }, reader)
      .then(
        () => this.#read(question, key, reader),
        (error) => this.#read(question, key, reader, error),
      );
  }

  /** The answer, or its failure; after a 401 what a newer key brings, if there is one. */
  #read(
    question: Question,
    key: string,
    reader: ExchangeReader,
    broke?: unknown,
  ): Completion | Promise<Completion> {
    try {
      return broke === undefined ? reader.end() : reader.broken(broke);
    } catch (error) {
      const refused = isTrunklineError(error) && error.status === 401 && key !== "";
      if (!refused || question.renewed) throw error;
      return this.#sendAgain(question, key, error);
    }
  }

  async #sendAgain(question: Question, key: string, error: TrunklineError): Promise<Completion> {
    const fresh = await this.#line.refreshKey(key, question.options.key);
    if (fresh === key) throw error;
    this.#throwIfOver(question.options);
    return this.#send({ ...question, renewed: true }, fresh);
  }

  #headers(key: string, { key: index = 0, headers: ofCall }: CallOptions): Headers {
    const known = this.#keyed[index];
    const keyed = known?.key === key ? known.headers : this.#withKey(key, index);
    return ofCall === undefined ? keyed : { ...keyed, ...readHeaders("headers", ofCall) };
  }

  #withKey(key: string, index: number): Headers {
    if (key === "") return this.#base;
    this.#redactor.addKey(key, index);
    const headers = Object.freeze({ ...this.#protocol.authorize(key), ...this.#base });
    this.#keyed[index] = { key, headers };
    return headers;
  }
}
