import type { CallOptions } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { Reading, Receiver, ResponseHeaders } from "../transport/exchange.ts";
import { type AnswerFormat, AnswerReader, announcesStream } from "../wire/answer.ts";
import type { AnswerFacts } from "../wire/answer-facts.ts";
import { rateSignals } from "../wire/rate-headers.ts";
import { withFacts } from "./error-facts.ts";
import type { Redactor } from "./redactor.ts";

/** What all exchanges of one kind of question have in common. */
export interface Station {
  readonly format: AnswerFormat;
  readonly provider: string;
  readonly clock: Pick<Clock, "wall">;
  readonly redactor: Redactor;
  readonly maxBytes: number | undefined;
  /** The window of request limits whose header tells none. */
  readonly requestWindowMs: number | undefined;
}

/** Hears one exchange: tells the call's watch what happens, and makes a completion or an error of what came. */
export class ExchangeReader implements Receiver, AnswerFacts {
  readonly model: string;
  status = 0;
  headers: ResponseHeaders = noHeaders;
  readonly #station: Station;
  readonly #options: CallOptions;
  #reader: AnswerReader | undefined;
  #encoding: string | undefined;
  #streamed = false;
  #heard = false;

  constructor(station: Station, model: string, options: CallOptions) {
    this.#station = station;
    this.model = model;
    this.#options = options;
  }

  get provider(): string {
    return this.#station.provider;
  }

  get clock(): Pick<Clock, "wall"> {
    return this.#station.clock;
  }

  get mask(): (text: string) => string {
    return (text) => this.#station.redactor.mask(text, this.#options.headers);
  }

  onSent(): void {
    this.#options.watch.onSent?.();
  }

  onHead(status: number, headers: ResponseHeaders): void {
    const { format, maxBytes } = this.#station;
    const { watch, onDelta } = this.#options;
    this.status = status;
    this.headers = headers;
    this.#encoding = headers["content-encoding"];
    this.#streamed = announcesStream(headers);
    if (watch.onRate !== undefined) {
      const signals = rateSignals(headers, this.#station);
      if (signals.length > 0) watch.onRate(signals);
    }
    this.#reader = new AnswerReader({ format, facts: this, onDelta, maxBytes });
  }

  onData(chunk: Uint8Array): Reading {
    if (this.#packed()) return "done";
    const reading = this.#reader!.push(chunk);
    // A refusal, or an error inside a good status, is no answer that has begun: prefixes are not warm by it.
    if (this.#streamed && reading === "progress" && isOk(this.status)) this.#firstByte();
    return reading;
  }

  #firstByte(): void {
    if (this.#heard) return;
    this.#heard = true;
    this.#options.watch.onFirstByte?.();
  }

  /** The exchange ended well. */
  end(): Completion {
    const { provider, model } = this;
    if (this.#packed()) {
      throw new TrunklineError(
        "bad_response",
        `${provider} answered with content-encoding "${this.#encoding}", though none was asked for`,
        { provider, model, status: this.status },
      );
    }
    try {
      const answer = this.#reader!.end();
      this.#firstByte();
      return answer;
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** The exchange broke. What had come may still be a whole answer, say more than the break, or be its `partial`. */
  broken(error: unknown): Completion {
    const ok = isOk(this.status);
    // A body that its framing calls cut is cut; only events and refusals are worth reading to where they got.
    const readable = this.#reader !== undefined && (this.#streamed || !ok);
    if (!readable || error === this.#options.signal?.reason) throw this.#named(error);
    const found = this.#found();
    if (found.completion !== undefined) return found.completion;
    if (!ok) throw this.#named(found.error);
    const partial = isTrunklineError(found.error) ? found.error.partial : undefined;
    throw this.#named(error, partial);
  }

  #found(): { readonly completion?: Completion; readonly error?: unknown } {
    try {
      return { completion: this.#reader!.end() };
    } catch (error) {
      return { error };
    }
  }

  /** Compressed bytes would look like a hostile answer; nobody asked for them. A refusal's status is enough. */
  #packed(): boolean {
    return isOk(this.status) && this.#encoding !== undefined && !plain.has(this.#encoding);
  }

  #named(error: unknown, partial?: Completion): unknown {
    if (!isTrunklineError(error) || error === this.#options.signal?.reason) return error;
    const { provider, model } = this;
    return withFacts(error, { provider, model, ...(partial && { partial }) });
  }
}

const noHeaders: ResponseHeaders = Object.freeze({});

const plain: ReadonlySet<string> = new Set(["", "identity"]);

const isOk = (status: number): boolean => status >= 200 && status <= 299;
