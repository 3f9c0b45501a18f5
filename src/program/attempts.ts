import { type Check, checkOptions, checks, show, wrongOption } from "../core/check.ts";
import { isTrunklineError, sideOf, TrunklineError } from "../core/errors.ts";
import { thrownText } from "../core/thrown.ts";
import { processClock } from "../lm/process.ts";
import { currentScope } from "../lm/scope.ts";
import { inRun } from "./in-run.ts";
import { unlessLeft } from "./leaving.ts";
import type { InputOf, Module, PredictionOf } from "./module.ts";
import { invoke, isModule, nameOf } from "./own.ts";
import { placeOf } from "./place.ts";
import { isPredictor, modulesOf } from "./predictors.ts";
import { plainRun } from "./run-init.ts";
import { runScope } from "./run-scope.ts";

/** How good a prediction is: a number, yes or no, or a score with words on what would be better. */
export type Reward = number | boolean | { readonly score: number | boolean; readonly feedback?: string };

/** What `new BestOfN` and `new Refine` take beside the program. */
export interface AttemptOptions<M extends Module> {
  /** The most attempts. */
  readonly n: number;
  readonly reward: (inputs: InputOf<M>, prediction: PredictionOf<M>) => Reward | Promise<Reward>;
  /** A score that is good enough, so that no further attempt is made. Default: none is. */
  readonly threshold?: number;
  /** Attempts that may fail; one more failure is the call's own. Default: `n`, so that any success will do. */
  readonly failCount?: number;
}

/** One attempt, when it is over. */
export interface Attempt {
  readonly index: number;
  readonly prediction?: unknown;
  readonly score?: number;
  readonly feedback?: string;
  /** What the program failed with. */
  readonly error?: unknown;
}

/** The options as every attempt reads them. */
export type AnyAttemptOptions = AttemptOptions<Module>;

const optionChecks: Readonly<Record<string, Check>> = {
  n: checks.positiveCount,
  reward: checks.fn,
  threshold: checks.finite,
  failCount: checks.count,
};

/** The options, checked and copied. */
export function attemptOptions(owner: string, module: unknown, options: unknown): AnyAttemptOptions {
  if (!isModule(module))
    throw wrongOption(`${owner}: its program`, "a Module, such as new Predict(...)", module);
  if (options === undefined) throw wrongOption(owner, "{ n, reward }", options);
  checkOptions(owner, options, optionChecks);
  const { n, reward } = options as AnyAttemptOptions;
  if (n === undefined) throw wrongOption(`${owner}: n`, "how many attempts may be made", n);
  if (reward === undefined)
    throw wrongOption(`${owner}: reward`, "a function (inputs, prediction) => score", reward);
  return Object.freeze({ ...(options as AnyAttemptOptions) });
}

/**
 * The best prediction of up to `n` attempts, one after another; of equal ones the first. Attempt 0 is the plain
 * call. Later ones are samples of their own: at temperature 1 unless one is set, and with a rollout id made of the
 * outer one, the owner's name and the attempt's number, so that a rerun replays them and no other module shares them.
 * A failure of the program is an attempt; one of the provider's, or an abort, ends it. `run` makes one attempt, and
 * is told of the one before it.
 */
export async function bestAttempt(
  owner: Module & { readonly module: Module },
  options: AnyAttemptOptions,
  inputs: unknown,
  run: (once: () => Promise<unknown>, before: Attempt | undefined) => Promise<unknown>,
): Promise<unknown> {
  const { n, reward, threshold = Number.POSITIVE_INFINITY, failCount = n } = options;
  const once = (): Promise<unknown> => owner.module[invoke](inputs, plainRun);
  let best: Attempt | undefined;
  let last: Attempt | undefined;
  let failures = 0;
  for (let index = 0; index < n; index++) {
    if (index > 0) emitRestart(owner.module);
    const before = last;
    last = await inSample(owner, index, () => attempt(index, () => run(once, before)));
    if (last.error !== undefined && ++failures > failCount) throw last.error;
    if (last.error !== undefined) continue;
    last = { ...last, ...(await scoreOf(owner, last, reward as AnyReward, inputs)) };
    if (best === undefined || last.score! > best.score!) best = last;
    if (best.score! >= threshold) break;
  }
  if (best === undefined) throw last!.error;
  return best.prediction;
}

type AnyReward = (inputs: unknown, prediction: unknown) => unknown;

/** What a program throws in an attempt, where it is its own fault. Nothing at all is an Error, too. */
async function attempt(index: number, run: () => Promise<unknown>): Promise<Attempt> {
  try {
    return { index, prediction: await run() };
  } catch (error) {
    if (sideOf(error) !== "row") throw error;
    return { index, error: error ?? new Error("the program threw nothing") };
  }
}

/** Runs `fn` as the sample of an attempt. */
function inSample<T>(owner: Module, index: number, fn: () => T): T {
  if (index === 0) return fn();
  const { rolloutId, temperature } = currentScope() ?? {};
  const name = [
    ...(rolloutId === undefined ? [] : [rolloutId]),
    placeOf(owner)?.path ?? nameOf(owner),
    index,
  ].join("/");
  return inRun({ rolloutId: name, ...(temperature === undefined && { temperature: 1 }) }, fn);
}

/** Whoever watches the fields hears that what they said so far does not hold. */
function emitRestart(module: Module): void {
  const emit = runScope()?.emit;
  if (emit === undefined) return;
  for (const { module: inner } of modulesOf(module)) {
    if (isPredictor(inner)) emit(inner, { type: "restart" });
  }
}

async function scoreOf(
  owner: Module,
  { index, prediction }: Attempt,
  reward: AnyReward,
  inputs: unknown,
): Promise<Pick<Attempt, "score" | "feedback">> {
  const place = `${nameOf(owner)}: the reward of attempt ${index}`;
  const came = await unlessLeft(processClock(), async () => {
    try {
      return await reward(inputs, prediction);
    } catch (cause) {
      if (isTrunklineError(cause) && sideOf(cause) !== "row") throw cause;
      throw new TrunklineError("metric", `${place} threw: ${thrownText(cause)}`, { cause });
    }
  });
  const { score, feedback } = (typeof came === "object" && came !== null ? came : { score: came }) as {
    readonly score?: unknown;
    readonly feedback?: unknown;
  };
  const number = typeof score === "boolean" ? Number(score) : score;
  if (typeof number !== "number" || !Number.isFinite(number)) {
    throw new TrunklineError(
      "metric",
      `${place}: expected a finite number, or { score, feedback }, got ${show(score)}`,
    );
  }
  if (feedback !== undefined && typeof feedback !== "string") {
    throw new TrunklineError("metric", `${place}: feedback: expected a text, got ${show(feedback)}`);
  }
  return { score: number, ...(feedback !== undefined && { feedback }) };
}
