import { identityOfFunction } from "../program/identity.ts";
import { type AnswerOptions, answerReader } from "./answers.ts";
import type { Metric, ScoreDetails } from "./metric.ts";

/** A metric that looks at one field of the prediction. */
export type FieldMetric<F extends string> = Metric<object, { readonly [K in F]?: unknown }>;

type Given<F extends string> = F | AnswerOptions<F>;

/**
 * 1 where the answer is one of the right ones, else 0. Texts are made alike first, as DSPy does it: case, punctuation,
 * articles and spaces do not count. Numbers and booleans are compared as such; of a number in a text the sign and the
 * point do not count either, so give such a field the type `number`.
 *
 * ```ts
 * exactMatch("answer"); // the prediction's answer against the example's, which may be a list
 * exactMatch({ field: "answer", gold: "aliases", normalize: false });
 * ```
 */
export function exactMatch<F extends string = never>(options?: Given<F>): FieldMetric<F> {
  return best("exactMatch", options, (answer, gold) => (answer === gold ? 1 : 0));
}

/**
 * 1 where the answer contains one of the right ones as whole words, else 0: "art" is not in "party". In writing without
 * spaces between words, such as Chinese, any place will do.
 *
 * ```ts
 * contains("answer");
 * ```
 */
export function contains<F extends string = never>(options?: Given<F>): FieldMetric<F> {
  return best("contains", options, (answer, gold) => (holds(answer, gold) ? 1 : 0));
}

/**
 * How far the words of the answer and of the nearest right one overlap, from 0 to 1: the harmonic mean of precision and
 * recall.
 *
 * ```ts
 * f1("answer");
 * ```
 */
export function f1<F extends string = never>(options?: Given<F>): FieldMetric<F> {
  return best("f1", options, overlap);
}

function best<F extends string>(
  name: string,
  options: Given<F> | undefined,
  compare: (answer: string, gold: string) => number,
): FieldMetric<F> {
  const read = answerReader(name, options);
  const metric = (example: object, prediction: unknown): number | ScoreDetails => {
    const found = read(example, prediction);
    if ("missing" in found) return { score: 0, feedback: found.missing };
    return found.reduce((most, [answer, gold]) => Math.max(most, compare(answer, gold)), 0);
  };
  // Its code is the same whatever it compares; a results file tells metrics apart by their names too.
  const told = options === undefined ? "" : JSON.stringify(options, functionsByCode);
  Object.defineProperty(metric, "name", { value: `${name}(${told})` });
  return metric;
}

const functionsByCode = (_: string, value: unknown): unknown =>
  typeof value === "function" ? identityOfFunction(value as () => unknown) : value;

/** Letters of writing that puts spaces between words. */
const spaced = /[\p{L}\p{N}\p{M}]/u;
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const isWordLetter = (letter: string | undefined): boolean =>
  letter !== undefined && spaced.test(letter) && !unspaced.test(letter);

function holds(answer: string, gold: string): boolean {
  if (gold === "") return answer === "";
  const first = [...gold][0];
  const last = [...gold].at(-1);
  for (let at = answer.indexOf(gold); at !== -1; at = answer.indexOf(gold, at + 1)) {
    const cutsBefore = isWordLetter(first) && isWordLetter([...answer.slice(Math.max(0, at - 2), at)].at(-1));
    const end = at + gold.length;
    const cutsAfter = isWordLetter(last) && isWordLetter([...answer.slice(end, end + 2)][0]);
    if (!cutsBefore && !cutsAfter) return true;
  }
  return false;
}

function overlap(answer: string, gold: string): number {
  const said = wordsOf(answer);
  const right = wordsOf(gold);
  // Nothing said where nothing was to be said.
  if (said.length === 0 || right.length === 0) return said.length === right.length ? 1 : 0;
  const left = new Map<string, number>();
  for (const word of right) left.set(word, (left.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of said) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    common++;
  }
  if (common === 0) return 0;
  const precision = common / said.length;
  const recall = common / right.length;
  return (2 * precision * recall) / (precision + recall);
}

const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");
