import { channel } from "node:diagnostics_channel";
import type { Price } from "../core/answer.ts";
import type { CallEvent, CallOptions, Layer } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError } from "../core/errors.ts";
import { type Logger, silent } from "../core/log.ts";
import type { ChatRequest } from "../core/request.ts";
import { costOf } from "./cost.ts";
import { priceOf } from "./prices.ts";

/** Hears of every call when it has ended. What it throws reaches nobody's call. */
export type CallListener = (event: CallEvent) => void;

/** Knows what a model costs at a provider; undefined where it does not. */
export type PriceTable = (provider: string, model: string) => Price | undefined;

/** What is the same for all calls of a line. */
export interface LineFacts {
  readonly provider: string;
  readonly clientId: string;
}

/** Prices looked up and kept; a program uses few models, and one that makes up names must not fill the memory. */
const mostPricesKept = 1_000;

/** Where subscribers of `node:diagnostics_channel` find the same events. */
const calls = channel("trunkline:call");

/**
 * One record for each finished call, for whoever listens; where nobody does, none is made. Also puts the cost on
 * answers.
 */
export class Events {
  readonly #clock: Clock;
  readonly #logger: () => Logger;
  #listeners: readonly CallListener[] = [];
  #table: PriceTable = priceOf;
  #prices = new Map<string, Price | undefined>();

  constructor({ clock, logger = () => silent }: { clock: Clock; logger?: () => Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Returns the function that ends the subscription. */
  subscribe(listener: CallListener): () => void {
    const own = isolated(listener, this.#logger);
    this.#listeners = [...this.#listeners, own];
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== own);
    };
  }

  /** Asks `table` for prices from now on. */
  usePrices(table: PriceTable): void {
    this.#table = table;
    this.#prices = new Map();
  }

  /** The outermost layer of a line. */
  layer(facts: LineFacts): Layer {
    return (next) => (request, options) =>
      next(request, options).then(
        (answer) => {
          const priced = this.#priced(answer, request, options, facts);
          if (this.#heard) this.#publish(request, options, facts, priced, undefined);
          return priced;
        },
        (error) => {
          if (this.#heard) this.#publish(request, options, facts, undefined, error);
          throw error;
        },
      );
  }

  get #heard(): boolean {
    return this.#listeners.length > 0 || calls.hasSubscribers;
  }

  #priced(answer: Completion, request: ChatRequest, options: CallOptions, facts: LineFacts): Completion {
    const price =
      options.price ??
      this.#price(facts.provider, answer.model) ??
      this.#price(facts.provider, request.model);
    if (price === undefined) return answer;
    const paid = !answer.cacheHit && options.record.cache !== "join";
    return { ...answer, cost: costOf(answer.usage, price, paid) };
  }

  #price(provider: string, model: string): Price | undefined {
    const key = `${provider}/${model}`;
    const known = this.#prices.get(key);
    if (known !== undefined || this.#prices.has(key)) return known;
    const price = this.#table(provider, model);
    if (this.#prices.size < mostPricesKept) this.#prices.set(key, price);
    return price;
  }

  #publish(
    request: ChatRequest,
    options: CallOptions,
    { provider, clientId }: LineFacts,
    answer: Completion | undefined,
    error: unknown,
  ): void {
    const { record } = options;
    const event: CallEvent = Object.freeze({
      model: request.model,
      provider,
      clientId,
      attempts: record.attempts,
      queueMs: record.queueMs,
      providerMs: record.providerMs,
      ...(record.firstByteMs !== undefined && { firstByteMs: record.firstByteMs }),
      totalMs: this.#clock.now() - record.arrivedAt,
      possiblyPaid: record.possiblyPaid,
      cache: record.cache,
      streamed: options.onDelta !== undefined,
      ...(answer && { usage: answer.usage }),
      ...(answer?.cost && { cost: answer.cost }),
      ...(error !== undefined && isTrunklineError(error) && { errorCode: error.code }),
    });
    for (const listener of this.#listeners) listener(event);
    if (calls.hasSubscribers) calls.publish(event);
  }
}

/** A listener that cannot fail a call, synchronously or later. Its first failure is logged, the others are not. */
function isolated(listener: CallListener, logger: () => Logger): CallListener {
  let reported = false;
  const report = (error: unknown): void => {
    if (reported) return;
    reported = true;
    const text = error instanceof Error ? error.message : String(error);
    try {
      logger().warn(`trunkline: a listener of call events failed: ${text}`);
    } catch {}
  };
  return (event) => {
    try {
      const result: unknown = listener(event);
      if (result instanceof Promise) result.catch(report);
    } catch (error) {
      report(error);
    }
  };
}
