import { channel } from "node:diagnostics_channel";
import type { CallEvent, CallOptions, Layer } from "../core/call.ts";
import { wrongOption } from "../core/check.ts";
import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError } from "../core/errors.ts";
import { type Logger, silent } from "../core/log.ts";
import type { ChatRequest } from "../core/request.ts";
import { costOf } from "./cost.ts";
import { PriceList, type PriceTable } from "./price-list.ts";
import { reportOnce } from "./report.ts";

/** Hears of every call when it has ended. What it throws reaches nobody's call. */
export type CallListener = (event: CallEvent) => void;

/** Where subscribers of `node:diagnostics_channel` find the same events. */
const calls = channel("trunkline:call");

/**
 * One record for each finished call, for whoever listens; where nobody does, none is made. Also puts the cost on
 * answers.
 *
 * ```ts
 * const stop = events.subscribe(({ model, totalMs, cost }) => console.log(model, totalMs, cost?.usd));
 * ```
 */
export class Events {
  readonly #clock: Clock;
  readonly #logger: () => Logger;
  #listeners: readonly CallListener[] = [];
  #prices: PriceList;

  constructor({ clock, logger = () => silent }: { clock: Clock; logger?: () => Logger }) {
    this.#clock = clock;
    this.#logger = logger;
    this.#prices = new PriceList(logger);
  }

  /** Returns the function that ends the subscription. */
  subscribe(listener: CallListener): () => void {
    if (typeof listener !== "function") throw wrongOption("events.subscribe", "a function", listener);
    const own = isolated(listener, reportOnce("a listener of call events", this.#logger));
    this.#listeners = [...this.#listeners, own];
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== own);
    };
  }

  /** Asks `table` for prices from now on, instead of the built-in one. */
  usePrices(table: PriceTable): void {
    if (typeof table !== "function")
      throw wrongOption("events.usePrices", "a function of provider and model", table);
    this.#prices = new PriceList(this.#logger, table);
  }

  /** The outermost layer of all. */
  layer(): Layer {
    return (next) => (request, options) =>
      next(request, options).then(
        (answer) => {
          const priced = this.#priced(answer, request, options);
          if (this.#heard) this.#publish(request, options, priced);
          return priced;
        },
        (error) => {
          if (this.#heard) {
            // What a failed call had received may well be paid.
            const partial = isTrunklineError(error) ? error.partial : undefined;
            const priced = partial && this.#priced(partial, request, options);
            this.#publish(request, options, priced, error);
          }
          throw error;
        },
      );
  }

  get #heard(): boolean {
    return this.#listeners.length > 0 || calls.hasSubscribers;
  }

  #priced(answer: Completion, request: ChatRequest, { price, record }: CallOptions): Completion {
    const prices = this.#prices;
    const { line, model = request.model } = record;
    // A price given with the LM is that of its own model, not of those it falls back to.
    const given = model === request.model ? price : undefined;
    const provider = line?.provider ?? "";
    const found = given ?? prices.find(provider, answer.model) ?? prices.find(provider, model);
    if (found === undefined) return answer;
    const paid = !answer.cacheHit && record.cache !== "join";
    return { ...answer, cost: costOf(answer.usage, found, paid) };
  }

  #publish(
    request: ChatRequest,
    { record, onDelta }: CallOptions,
    answer: Completion | undefined,
    error?: unknown,
  ): void {
    const event: CallEvent = Object.freeze({
      model: record.model ?? request.model,
      provider: record.line?.provider ?? "",
      clientId: record.line?.clientId ?? "",
      attempts: record.attempts,
      queueMs: record.queueMs,
      providerMs: record.providerMs,
      ...(record.firstByteMs !== undefined && { firstByteMs: record.firstByteMs }),
      totalMs: this.#clock.now() - record.arrivedAt,
      possiblyPaid: record.possiblyPaid,
      cache: record.cache,
      streamed: onDelta !== undefined,
      ...(answer && { usage: answer.usage }),
      ...(answer?.cost && { cost: answer.cost }),
      ...(isTrunklineError(error) && { errorCode: error.code }),
    });
    for (const listener of this.#listeners) listener(event);
    if (calls.hasSubscribers) calls.publish(event);
  }
}

/** A listener that cannot fail a call, neither at once nor later. */
function isolated(listener: CallListener, report: (error: unknown) => void): CallListener {
  return (event) => {
    try {
      const result: unknown = listener(event);
      if (result instanceof Promise) result.catch(report);
    } catch (error) {
      report(error);
    }
  };
}
