import { type Check, checkOptions, checks, didYouMean, show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import { fieldsOf } from "./data-row.ts";
import { markedInputs } from "./example.ts";
import { normalizeText } from "./normalize-text.ts";
import { plain } from "./plain.ts";

/** What the metrics that compare texts may be told. */
export interface AnswerOptions<F extends string = string> {
  /** The prediction's field. Default: the one field that example and prediction share. */
  readonly field?: F;
  /** The example's field with the right answer, or a list of right answers. Default: `field`. */
  readonly gold?: string;
  /** How texts are made alike before they are compared; `false` compares them as they are. Default: `normalizeText`. */
  readonly normalize?: boolean | ((text: string) => string);
}

/** The answer beside each of the right ones, as texts made alike. */
export type Pairs = readonly (readonly [answer: string, gold: string])[];

/** How to find them. `missing` says that the prediction has no such field. */
export type AnswerReader = (example: object, prediction: unknown) => Pairs | { readonly missing: string };

const normalizeCheck: Check = (value) =>
  typeof value === "function" || typeof value === "boolean" ? undefined : "a function, true or false";
const optionChecks = { field: checks.string, gold: checks.string, normalize: normalizeCheck };

/** Reads options of a metric called `owner`, or the name of a field. */
export function answerReader(owner: string, given: string | AnswerOptions = {}): AnswerReader {
  const options = typeof given === "string" ? { field: given } : given;
  checkOptions(owner, options, optionChecks);
  const pair = pairing(options.normalize ?? true);
  return (example, prediction) => {
    const row = fieldsOf(example);
    const answers = Object(prediction) as Record<string, unknown>;
    const field = options.field ?? sharedField(owner, row, answers, markedInputs(example));
    const gold = mustHave(owner, row, options.gold ?? field);
    if (!Object.hasOwn(answers, field)) return { missing: `the prediction has no field ${show(field)}` };
    const answer = answers[field];
    // Where the answer is itself a list, a list is one right answer; else it holds several.
    const several = Array.isArray(gold) && (!Array.isArray(answer) || gold.some(Array.isArray));
    return (several ? gold : [gold]).map((each: unknown) => pair(answer, each));
  };
}

function pairing(
  normalize: boolean | ((text: string) => string),
): (answer: unknown, gold: unknown) => Pairs[number] {
  if (normalize !== true) {
    const alike = normalize === false ? (text: string) => text : normalize;
    return (answer, gold) => [alike(textOf(answer)), alike(textOf(gold))];
  }
  // Without its punctuation -1.5 would be 15.
  return (answer, gold) => {
    const text =
      isText(answer) && isText(gold) ? (value: unknown) => normalizeText(textOf(value)) : exactText;
    return [text(answer), text(gold)];
  };
}

const isText = (value: unknown): boolean => !["number", "boolean", "bigint"].includes(typeof value);

/** A number or a boolean as it is, and a text that may be one. */
function exactText(value: unknown): string {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? String(number) : textOf(value).trim().toLowerCase();
}

function sharedField(
  owner: string,
  row: Record<string, unknown>,
  prediction: Record<string, unknown>,
  inputs: readonly string[] = [],
): string {
  const shared = Object.keys(prediction).filter((name) => Object.hasOwn(row, name) && !inputs.includes(name));
  if (shared.length === 1) return shared[0]!;
  const what = shared.length === 0 ? "no field" : `several fields (${shared.join(", ")})`;
  throw new TrunklineError(
    "metric",
    `${owner}: example and prediction share ${what}; say which is compared: ${owner}("answer")`,
  );
}

function mustHave(owner: string, row: Record<string, unknown>, name: string): unknown {
  if (Object.hasOwn(row, name) && row[name] !== undefined) return row[name];
  throw new TrunklineError(
    "metric",
    `${owner}: the example has no field ${show(name)}; ${didYouMean(name, Object.keys(row))}`,
  );
}

/** 0 and false are answers; null is none. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(plain(value)) : String(value);
}
