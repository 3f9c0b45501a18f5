import type { CallOptions } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { Reading, Receiver, ResponseHeaders } from "../transport/exchange.ts";
import { type AnswerFormat, AnswerReader, announcesStream } from "../wire/answer.ts";
import { rateSignals } from "../wire/rate-headers.ts";
import { withFacts } from "./error-facts.ts";
import type { Redactor } from "./redactor.ts";

export interface ExchangeReaderParts {
  readonly format: AnswerFormat;
  readonly provider: string;
  readonly model: string;
  readonly options: CallOptions;
  readonly clock: Pick<Clock, "wall">;
  readonly redactor: Redactor;
  readonly maxBytes: number | undefined;
  /** The window of request limits whose header tells none. */
  readonly requestWindowMs: number | undefined;
}

/** Hears one exchange: tells the call's watch what happens, and makes a completion or an error of what came. */
export class ExchangeReader implements Receiver {
  readonly #parts: ExchangeReaderParts;
  #reader: AnswerReader | undefined;
  #status = 0;
  #encoding: string | undefined;
  #streamed = false;
  #heard = false;

  constructor(parts: ExchangeReaderParts) {
    this.#parts = parts;
  }

  onSent(): void {
    this.#parts.options.watch.onSent?.();
  }

  onHead(status: number, headers: ResponseHeaders): void {
    const { format, provider, model, options, clock, redactor, maxBytes } = this.#parts;
    this.#status = status;
    this.#encoding = headers["content-encoding"];
    this.#streamed = announcesStream(headers);
    const { onRate } = options.watch;
    if (onRate !== undefined) {
      const signals = rateSignals(headers, { clock, requestWindowMs: this.#parts.requestWindowMs });
      if (signals.length > 0) onRate(signals);
    }
    this.#reader = new AnswerReader({
      format,
      facts: {
        status,
        headers,
        model,
        provider,
        clock,
        mask: (text) => redactor.mask(text, options.headers),
      },
      onDelta: options.onDelta,
      maxBytes,
    });
  }

  onData(chunk: Uint8Array): Reading {
    if (this.#packed()) return "done";
    const reading = this.#reader!.push(chunk);
    // A refusal, or an error inside a good status, is no answer that has begun: prefixes are not warm by it.
    if (this.#streamed && reading === "progress" && isOk(this.#status)) this.#firstByte();
    return reading;
  }

  #firstByte(): void {
    if (this.#heard) return;
    this.#heard = true;
    this.#parts.options.watch.onFirstByte?.();
  }

  /** The exchange ended well. */
  end(): Completion {
    const { provider, model } = this.#parts;
    if (this.#packed()) {
      throw new TrunklineError(
        "bad_response",
        `${provider} answered with content-encoding "${this.#encoding}", though none was asked for`,
        { provider, model, status: this.#status },
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
    const ok = isOk(this.#status);
    // A body that its framing calls cut is cut; only events and refusals are worth reading to where they got.
    const readable = this.#reader !== undefined && (this.#streamed || !ok);
    if (!readable || error === this.#parts.options.signal?.reason) throw this.#named(error);
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
    return isOk(this.#status) && this.#encoding !== undefined && !plain.has(this.#encoding);
  }

  #named(error: unknown, partial?: Completion): unknown {
    if (!isTrunklineError(error) || error === this.#parts.options.signal?.reason) return error;
    const { provider, model } = this.#parts;
    return withFacts(error, { provider, model, ...(partial && { partial }) });
  }
}

const plain: ReadonlySet<string> = new Set(["", "identity"]);

const isOk = (status: number): boolean => status >= 200 && status <= 299;
