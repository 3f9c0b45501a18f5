import { readHeaders } from "../clients/headers.ts";
import type { ClientSettings } from "../clients/settings.ts";
import type { CallOptions } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError } from "../core/errors.ts";
import type { ChatRequest } from "../core/request.ts";
import type { Exchange, Receiver } from "../transport/exchange.ts";
import type { AnswerFormat } from "../wire/answer.ts";
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

/** A provider's protocol over HTTP: where the question goes and how both directions are written. */
export interface HttpProtocol {
  readonly abilities: Abilities;
  /** Path and query, from the origin's root. */
  readonly path: string;
  /** Headers that every call has, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The header that carries a key. */
  authorize(key: string): Readonly<Record<string, string>>;
  encode(request: ChatRequest, stream: boolean): string;
  readonly format: AnswerFormat;
  /** What the provider's request limits are counted in, where its headers do not say; a minute unless told. */
  readonly requestWindowMs?: number;
}

export interface HttpDriverParts {
  readonly clock: Pick<Clock, "wall">;
  /** The most that one answer may hold, in bytes. Default 64 MiB. */
  readonly maxResponseBytes?: number;
}

type Headers = Readonly<Record<string, string>>;

/** A driver that asks over the pool of one Client. Nothing is opened before the first call. */
export function httpDriver(name: string, protocol: HttpProtocol, line: Line, parts: HttpDriverParts): Driver {
  const speaker = new Speaker(name, protocol, line, parts);
  return trusted({
    name,
    abilities: protocol.abilities,
    chat: (request, options) => speaker.chat(request, options),
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
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "user-agent": "trunkline",
      ...protocol.headers,
      ...line.config.headers,
    });
    this.#keyed = this.#base;
  }

  chat(request: ChatRequest, options: CallOptions): Promise<Completion> {
    const key = this.#line.key();
    return typeof key === "string" ? this.#ask(request, options, key) : this.#askLater(request, options, key);
  }

  async #askLater(request: ChatRequest, options: CallOptions, key: Promise<string>): Promise<Completion> {
    const ready = await key;
    options.signal?.throwIfAborted();
    return this.#ask(request, options, ready);
  }

  async #ask(request: ChatRequest, options: CallOptions, key: string): Promise<Completion> {
    const body = this.#protocol.encode(request, options.onDelta !== undefined);
    try {
      return await this.#send(request, options, key, body);
    } catch (error) {
      const fresh = await this.#keyAfter(error, key);
      if (fresh === key) throw error;
      options.signal?.throwIfAborted();
      return this.#send(request, options, fresh, body);
    }
  }

  /** The key to try once more with: a newer one after a 401, else the same, which says that there is no use. */
  #keyAfter(error: unknown, key: string): string | Promise<string> {
    const refused = isTrunklineError(error) && error.status === 401 && key !== "";
    return refused ? this.#line.refreshKey(key) : key;
  }

  async #send(request: ChatRequest, options: CallOptions, key: string, body: string): Promise<Completion> {
    const reader = new ExchangeReader({
      format: this.#protocol.format,
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
      path: this.#protocol.path,
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
