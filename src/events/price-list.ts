import type { Price } from "../core/answer.ts";
import { show } from "../core/check.ts";
import type { Logger } from "../core/log.ts";
import { priceOf } from "./prices.ts";
import { reportOnce } from "./report.ts";

/** Knows what a model costs at a provider; undefined where it does not. */
export type PriceTable = (provider: string, model: string) => Price | undefined;

/** A program uses few models; one that makes up names must not fill the memory. */
const mostKept = 1_000;

/** A price table whose answers are kept, and which may fail without failing a call. */
export class PriceList {
  readonly #table: PriceTable;
  readonly #report: (error: unknown) => void;
  readonly #known = new Map<string, Map<string, Price | undefined>>();
  #kept = 0;

  constructor(logger: () => Logger, table: PriceTable = priceOf) {
    this.#table = table;
    this.#report = reportOnce("the price table", logger);
  }

  find(provider: string, model: string): Price | undefined {
    const models = this.#known.get(provider) ?? new Map<string, Price | undefined>();
    if (models.size === 0) this.#known.set(provider, models);
    const known = models.get(model);
    if (known !== undefined || models.has(model)) return known;
    const price = this.#ask(provider, model);
    if (++this.#kept <= mostKept) models.set(model, price);
    return price;
  }

  #ask(provider: string, model: string): Price | undefined {
    try {
      const price = this.#table(provider, model);
      if (price === undefined || isPrice(price)) return price;
      throw new TypeError(`expected { input, output } in USD per million tokens, got ${show(price)}`);
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }
}

function isPrice(price: Price): boolean {
  const { input, output, cachedInput = 0, cacheWrite = 0 } = price ?? {};
  return [input, output, cachedInput, cacheWrite].every((usd) => Number.isFinite(usd) && usd! >= 0);
}
