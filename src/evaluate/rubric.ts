import { checks, didYouMean, show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";

/** What a judge is asked of one thing: yes or no, a number on a scale, or one of several words from worst to best. */
export type Criterion =
  | string
  | {
      /** The question, as a judge should hear it. */
      readonly ask: string;
      /** Whole numbers, the worst and the best, such as `[1, 5]`. */
      readonly scale?: readonly [worst: number, best: number];
      /** Words from worst to best, at least two. */
      readonly levels?: readonly string[];
      /** How much it counts among the others. Default 1. */
      readonly weight?: number;
    };

/** Questions by name. A bare text is a yes-or-no question. */
export type Rubric = Readonly<Record<string, Criterion>>;

/** A criterion as it is judged. */
export interface Measure {
  readonly name: string;
  readonly ask: string;
  /** The verdict's type, in the words of signature strings. */
  readonly type: string;
  readonly weight: number;
  /** From 0, the worst verdict, to 1, the best. */
  scoreOf(verdict: unknown): number;
}

const longestScale = 101;
const taken = ["feedback", "reasoning", "example", "prediction"];

/** The criteria of a rubric, checked. */
export function measuresOf(rubric: unknown): readonly Measure[] {
  if (checks.plainObject(rubric) !== undefined || Object.keys(rubric as object).length === 0) {
    throw wrong("rubric", "criteria by name, at least one", rubric);
  }
  return Object.entries(rubric as Rubric).map(([name, criterion]) => {
    if (taken.includes(name)) {
      throw new TrunklineError(
        "config",
        `llmJudge: rubric: the name "${name}" is the judge's own; choose another`,
      );
    }
    return measureOf(name, criterion);
  });
}

function measureOf(name: string, criterion: unknown): Measure {
  const place = `rubric.${name}`;
  if (typeof criterion !== "string" && checks.plainObject(criterion) !== undefined)
    throw wrong(place, "a question or { ask }", criterion);
  const asked = typeof criterion === "string" ? { ask: criterion } : (criterion as Record<string, unknown>);
  const { ask, scale, levels, weight = 1, ...rest }: Record<string, unknown> = asked;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) {
    const known = didYouMean(unknown, ["ask", "scale", "levels", "weight"]);
    throw new TrunklineError("config", `llmJudge: ${place}: unknown member ${show(unknown)}; ${known}`);
  }
  if (typeof ask !== "string" || ask.trim() === "") throw wrong(`${place}.ask`, "a question", ask);
  if (checks.rate(weight) !== undefined) throw wrong(`${place}.weight`, "a number above 0", weight);
  if (scale !== undefined && levels !== undefined)
    throw wrong(place, "a scale or levels, not both", criterion);
  if (scale !== undefined) return oneOf(name, ask, weight as number, steps(place, scale));
  if (levels !== undefined) return oneOf(name, ask, weight as number, words(place, levels));
  return yesOrNo(name, ask, weight as number);
}

function yesOrNo(name: string, ask: string, weight: number): Measure {
  return { name, ask, weight, type: "boolean", scoreOf: (verdict) => (verdict === true ? 1 : 0) };
}

/** Verdicts are words, numbers too: so the signature itself holds the judge to them, and asks again where it strays. */
function oneOf(name: string, ask: string, weight: number, verdicts: readonly string[]): Measure {
  const type = verdicts.map((verdict) => `'${verdict}'`).join(" | ");
  const scoreOf = (verdict: unknown): number => verdicts.indexOf(verdict as string) / (verdicts.length - 1);
  return { name, ask, weight, type, scoreOf };
}

function steps(place: string, scale: unknown): readonly string[] {
  const [worst, best, ...rest] = Array.isArray(scale) ? scale : [];
  const length = Math.abs(best - worst) + 1;
  if (
    !Number.isSafeInteger(worst) ||
    !Number.isSafeInteger(best) ||
    rest.length > 0 ||
    length < 2 ||
    length > longestScale
  ) {
    throw wrong(`${place}.scale`, `two whole numbers, at most ${longestScale - 1} apart`, scale);
  }
  const step = Math.sign(best - worst);
  return Array.from({ length }, (_, i) => String(worst + i * step));
}

function words(place: string, levels: unknown): readonly string[] {
  const right =
    Array.isArray(levels) &&
    levels.length >= 2 &&
    new Set(levels).size === levels.length &&
    levels.every((level) => typeof level === "string" && level !== "" && !/['\\\n]/.test(level));
  if (!right) throw wrong(`${place}.levels`, "two or more different words, without quotes", levels);
  return levels;
}

function wrong(place: string, expected: string, came: unknown): TrunklineError {
  return new TrunklineError("config", `llmJudge: ${place}: expected ${expected}, got ${show(came)}`);
}
