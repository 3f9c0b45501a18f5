import { digestOf, type Identity } from "../lm/kept-rows.ts";
import type { LM } from "../lm/lm.ts";
import { currentScope, processDefaults } from "../lm/scope.ts";
import { type ModuleLike, nameOf, ownLM } from "./own.ts";
import { isPredictor, namedPredictorsOf } from "./predictors.ts";

/** What of a program decides its predictions, as far as it can be seen: its rows in a results file are held against it. */
export function identityOf(program: ModuleLike | ((inputs: never) => unknown)): Identity {
  if (typeof program === "function") return { program: identityOfFunction(program) };
  const predictors = namedPredictorsOf(program);
  const { forward } = program as { forward?: unknown };
  const seen = {
    // A predictor's own is the package's, and may be written anew in a later version.
    ...(isPredictor(program) ? {} : { code: String(forward) }),
    predictors: predictors.map(([name, { signature, demos, config }]) => ({
      name,
      signature: signature.canonicalText,
      demos,
      config,
    })),
  };
  const around = program[ownLM] ?? ((currentScope()?.lm ?? processDefaults.lm) as LM | undefined);
  const models = new Set(predictors.map(([, { lm = around }]) => lm?.model ?? "none"));
  return { program: `${nameOf(program)} ${short(seen)}`, model: [...models].sort().join(", ") };
}

/** A function by its name and its code. What it closes over cannot be seen. */
export function identityOfFunction(fn: (...given: never[]) => unknown): string {
  return `${fn.name || "a function"} ${short(String(fn))}`;
}

const short = (value: unknown): string => digestOf(value).slice(0, 12);
