import type { StatefulPredictor } from "./fit.ts";
import type { Saved } from "./layout.ts";
import { matchNames } from "./names.ts";
import { type Differences, quoted } from "./wrong.ts";

/** A predictor of the program, and the name that the file has for it. */
export interface Pair {
  readonly name: string;
  readonly predictor: StatefulPredictor;
  readonly from: string;
}

/** Which predictor of the file each one of the program takes; those that have none are added to the differences. */
export function pairsOf(
  { isFlat, predictors, origin }: Saved,
  named: readonly (readonly [name: string, predictor: StatefulPredictor])[],
  isBare: boolean,
  partial: boolean,
  differences: Differences,
): readonly Pair[] {
  const theirs = [...predictors.keys()];
  const ours = named.map(([name]) => name);
  if (isFlat !== isBare) {
    differences.add(
      isBare
        ? `the file holds a program with ${listed(theirs)}, not a predictor alone`
        : `the file holds a predictor alone, not a program with ${listed(ours)}`,
    );
    return [];
  }
  const isForeign = origin.writer === "dspy";
  const meant = matchNames(theirs, ours, isForeign);
  const fromOf = new Map([...meant].map(([from, name]) => [name, from]));
  for (const name of theirs) {
    if (!meant.has(name)) differences.add(`the file has the predictor ${quoted(name)}, the program has not`);
  }
  for (const name of partial ? [] : ours) {
    if (fromOf.has(name)) continue;
    const frozen = isForeign ? "; DSPy leaves out the parts of a program that were compiled before it" : "";
    differences.add(`the program has the predictor ${quoted(name)}, the file has not${frozen}`);
  }
  return named.flatMap(([name, predictor]) => {
    const from = fromOf.get(name);
    return from === undefined ? [] : [{ name, predictor, from }];
  });
}

function listed(names: readonly string[]): string {
  return names.slice(0, 8).map(quoted).join(", ") + (names.length > 8 ? ", ..." : "");
}
