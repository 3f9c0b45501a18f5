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
import { ExchangeReader } from "./exchange-reader.ts";
import { Redactor } from "./redactor.ts";

/** What an HTTP driver uses of a Client. */
export interface Line {
  readonly config: Pick<ClientSettings, "baseURL" | "headers" | "organization" | "project">;
  readonly pool: { send(exchange: Exchange, receiver: Receiver): Promise<void> } | undefined;
  /** The key for the next attempt; `""` where none is wanted. */
  key(): string | Promise<string>;
  /** A newer key than the one that was refused, or that same one when there is none. */
  refreshKey(stale: string): string | Promise<string>;
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

/** One call on its way. */
interface Asking {
  readonly conversation: Conversation;
  readonly request: ChatRequest;
  readonly options: CallOptions;
}

/** A driver that asks over the pool of one Client. Nothing is opened before the first call. */
export function httpDriver(name: string, protocol: HttpProtocol, line: Line, parts: HttpDriverParts): Driver {
  const speaker = new Speaker(name, protocol, line, parts);
  const { abilities, chat, embed } = protocol;
  return trusted({
    name,
    abilities,
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
  #key = "";
  #keyed: Headers;

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
    this.#keyed = this.#base;
  }

  ask(conversation: Conversation, request: ChatRequest, options: CallOptions): Promise<Completion> {
    const asking: Asking = { conversation, request, options };
    const key = this.#line.key();
    return typeof key === "string" ? this.#ask(asking, key) : this.#askLater(asking, key);
  }

  async #askLater(asking: Asking, key: Promise<string>): Promise<Completion> {
    const ready = await key;
    this.#throwIfOver(asking.options);
    return this.#ask(asking, ready);
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

  async #ask(asking: Asking, key: string): Promise<Completion> {
    const { conversation, request, options } = asking;
    const stream = options.onDelta !== undefined;
    const body = conversation.encode(request, { stream, prefixMark: options.prefixMark });
    const path = conversation.path(request, stream);
    try {
      return await this.#send(asking, key, path, body);
    } catch (error) {
      const fresh = await this.#keyAfter(error, key);
      if (fresh === key) throw error;
      this.#throwIfOver(options);
      return this.#send(asking, fresh, path, body);
    }
  }

  /** The key to try once more with: a newer one after a 401, else the same, which says that there is no use. */
  #keyAfter(error: unknown, key: string): string | Promise<string> {
    const refused = isTrunklineError(error) && error.status === 401 && key !== "";
    return refused ? this.#line.refreshKey(key) : key;
  }

  async #send(
    { conversation, request, options }: Asking,
    key: string,
    path: string,
    body: string,
  ): Promise<Completion> {
    const reader = new ExchangeReader({
      format: conversation.format,
      provider: this.#name,
      model: request.model,
      options,
      clock: this.#parts.clock,
      redactor: this.#redactor,
      maxBytes: this.#parts.maxResponseBytes,
      requestWindowMs: this.#protocol.requestWindowMs,
    });
    const exchange: Exchange = {
      method: "POST",
      path,
      headers: this.#headers(key, options.headers),
      body,
      signal: options.signal,
      timeout: options.timeout,
      firstByteTimeout: options.firstByteTimeout,
      idleTimeout: options.idleTimeout,
    };
    try {
      await this.#pool.send(exchange, reader);
    } catch (error) {
      return reader.broken(error);
    }
    return reader.end();
  }

  #headers(key: string, ofCall: Headers | undefined): Headers {
    if (key !== this.#key) {
      this.#key = key;
      this.#redactor.addKey(key);
      this.#keyed =
        key === "" ? this.#base : Object.freeze({ ...this.#protocol.authorize(key), ...this.#base });
    }
    return ofCall === undefined ? this.#keyed : { ...this.#keyed, ...readHeaders("headers", ofCall) };
  }
}
