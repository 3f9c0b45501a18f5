import { cut, thrownText } from "../core/thrown.ts";
import type { Signature } from "../signature/signature.ts";
import {
  type AnyAttemptOptions,
  type Attempt,
  type AttemptOptions,
  attemptOptions,
  bestAttempt,
} from "./attempts.ts";
import { traced } from "./in-run.ts";
import { type InputOf, Module, type PredictionOf } from "./module.ts";
import { isPredictor, namedPredictorsOf } from "./predictors.ts";
import { type Overlay, runScope, withRunScope } from "./run-scope.ts";
import { type Trace, traceOf } from "./trace.ts";

const optionsOf: unique symbol = Symbol("options");

/** The input that hints come by; DSPy's name for it. */
const hintField = "hint_";

/** What a hint may quote of an earlier answer, in characters. */
const mostQuoted = 2_000;

/**
 * `BestOfN`, where each attempt learns from the one before it: every predictor inside sees, as a further input, what
 * it wrote then, its score, and the reward's feedback. What the program holds stays as it is.
 *
 * ```ts
 * const headline = new Predict("article -> headline");
 * const careful = new Refine(headline, {
 *   n: 3,
 *   threshold: 1,
 *   reward: (_, { headline }) =>
 *     headline.length <= 40 ? 1 : { score: 0, feedback: `${headline.length} letters; at most 40 fit.` },
 * });
 * const { headline: best } = await careful.call({ article: "..." }, { lm });
 * ```
 */
export class Refine<M extends Module> extends Module {
  readonly module: M;
  readonly [optionsOf]: AnyAttemptOptions;

  constructor(module: M, options: AttemptOptions<M>) {
    super();
    this[optionsOf] = attemptOptions("Refine", module, options);
    this.module = module;
  }

  async forward(inputs: InputOf<M>): Promise<PredictionOf<M>> {
    const { module, [optionsOf]: options } = this;
    let trace: Trace | undefined;
    const best = await bestAttempt(this, options, inputs, async (once, before) => {
      const hinted = before === undefined ? once : () => withHints(module, before, options, trace, once);
      try {
        const { value, trace: own } = await traced(hinted, module);
        trace = own;
        return value;
      } catch (error) {
        trace = traceOf(error);
        throw error;
      }
    });
    return best as PredictionOf<M>;
  }
}

/** Runs `fn` with a hint laid over every predictor, on top of what is laid there already. */
function withHints<T>(
  module: Module,
  before: Attempt,
  options: AnyAttemptOptions,
  trace: Trace | undefined,
  fn: () => T,
): T {
  const verdict = verdictOn(before, options);
  const names = new Map<object, string>(
    namedPredictorsOf(module).map(([name, predictor]) => [predictor, name]),
  );
  const scope = runScope();
  const overlay = (predictor: object): Overlay | undefined => {
    const outer = scope?.overlay?.(predictor);
    if (!isPredictor(predictor)) return outer;
    const signature = withHint(outer?.signature ?? predictor.signature);
    if (signature === undefined) return outer;
    const wrote = trace?.entries.findLast((entry) => entry.predictor === names.get(predictor))?.outputs;
    const hint =
      wrote === undefined ? verdict : `${verdict}\nThen you wrote: ${cut(JSON.stringify(wrote), mostQuoted)}`;
    const earlier = outer?.inputs?.[hintField];
    const text = typeof earlier === "string" ? `${earlier}\n${hint}` : hint;
    return { ...outer, signature, inputs: { ...outer?.inputs, [hintField]: text } };
  };
  return withRunScope({ ...scope, overlay }, fn);
}

function verdictOn({ score, feedback, error }: Attempt, { threshold }: AnyAttemptOptions): string {
  if (error !== undefined) return `An earlier attempt failed: ${thrownText(error)}`;
  const wanted = threshold === undefined ? "" : `, where ${threshold} is wanted`;
  const verdict = `An earlier attempt got the score ${score}${wanted}.`;
  return feedback === undefined ? `${verdict} Try another way.` : `${verdict} ${feedback}`;
}

/** Signatures with the input for hints, by those without, so that each is made and rendered once. */
const hintedOf = new WeakMap<Signature<unknown, unknown>, Signature<unknown, unknown>>();
const made = new WeakSet<Signature<unknown, unknown>>();

/** Undefined where a field of the program's own has that name. */
function withHint(signature: Signature<unknown, unknown>): Signature<unknown, unknown> | undefined {
  if (made.has(signature)) return signature;
  const known = hintedOf.get(signature);
  if (known !== undefined) return known;
  if ([...signature.inputs, ...signature.outputs].some(({ name }) => name === hintField)) return undefined;
  const hinted = signature.append(
    "inputs",
    `${hintField}?: string 'what to do better than an earlier attempt'`,
  );
  hintedOf.set(signature, hinted);
  made.add(hinted);
  return hinted;
}
