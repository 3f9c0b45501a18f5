import { type AnyAttemptOptions, type AttemptOptions, attemptOptions, bestAttempt } from "./attempts.ts";
import { type InputOf, Module, type PredictionOf } from "./module.ts";

const optionsOf: unique symbol = Symbol("options");

/**
 * The best of several attempts of a program, by a reward. Attempts are made one after another, until one is good
 * enough. The first is the plain call; each later one is a sample of its own, which a rerun replays from the cache.
 *
 * ```ts
 * const headline = new Predict("article -> headline");
 * const short = new BestOfN(headline, {
 *   n: 5,
 *   reward: (_, { headline }) => 1 / headline.length,
 *   threshold: 1 / 40,
 * });
 * const { headline: best } = await short.call({ article: "..." }, { lm });
 * ```
 */
export class BestOfN<M extends Module> extends Module {
  readonly module: M;
  // Not `#private`: a clone is made from outside.
  readonly [optionsOf]: AnyAttemptOptions;

  constructor(module: M, options: AttemptOptions<M>) {
    super();
    this[optionsOf] = attemptOptions("BestOfN", module, options);
    this.module = module;
  }

  async forward(inputs: InputOf<M>): Promise<PredictionOf<M>> {
    return (await bestAttempt(this, this[optionsOf], inputs, (once) => once())) as PredictionOf<M>;
  }
}
