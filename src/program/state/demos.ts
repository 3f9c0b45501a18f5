import type { Demo } from "../../adapter/adapter.ts";
import type { Signature } from "../../signature/signature.ts";
import type { FieldType } from "../../signature/types.ts";
import { fieldsOf } from "./fields.ts";
import { isObject, type JsonObject, jsonCopy } from "./json-data.ts";
import type { SavedPredictor } from "./layout.ts";
import { fromFile, toFile } from "./media.ts";
import { matchNames } from "./names.ts";
import { quoted, wrongState } from "./wrong.ts";

type Types = ReadonlyMap<string, FieldType>;

const typesOf = (signature: Signature<unknown, unknown>): Types =>
  new Map(fieldsOf(signature).map(({ name, type }) => [name, type]));

/** What DSPy notes of a demo beside its fields: that a run made it, and which row it was. */
function isMark(key: string): boolean {
  return key === "augmented" || key.startsWith("dspy_");
}

/**
 * A predictor's demos as the file keeps them: the fields of its signature and DSPy's marks. Other columns of a data
 * row are in no prompt, and stay out of the file.
 */
export function demosToFile(
  name: string,
  signature: Signature<unknown, unknown>,
  demos: readonly Demo[],
): readonly unknown[] {
  const types = typesOf(signature);
  return demos.map((demo, i) => {
    const place = `${quoted(name)}: demos[${i}]`;
    if (!isObject(demo)) throw wrongState(`${place}: expected an object`);
    const kept = Object.entries(demo).filter(([key]) => types.has(key) || isMark(key));
    const written = kept.map(([key, value]) => [
      key,
      types.has(key) ? toFile(types.get(key)!, value) : value,
    ]);
    return jsonCopy(Object.fromEntries(written), place);
  });
}

/** The demos of a file as a program keeps them, and the columns that were left out. */
export function demosFrom(
  signature: Signature<unknown, unknown>,
  { details, demos }: SavedPredictor,
  differ: (line: string) => void,
): { readonly demos: readonly Demo[]; readonly leftOut: readonly string[] } {
  const types = typesOf(signature);
  const names = [...types.keys()];
  const leftOut = new Set<string>();
  const read = demos.map((demo, i) => {
    const meant = matchNames(Object.keys(demo), names, details === undefined);
    const unknown = Object.keys(demo).filter((key) => !meant.has(key) && !isMark(key));
    // A demo that DSPy took from the data is a whole row, also with what only other predictors have.
    const isRow = details === undefined && demo.augmented !== true;
    if (isRow) for (const key of unknown) leftOut.add(key);
    else if (unknown.length > 0) {
      differ(`demos[${i}] has ${unknown.slice(0, 8).map(quoted).join(", ")}, which its signature has not`);
    }
    return programDemo(demo, meant, types, `demos[${i}]`);
  });
  const shown = read.filter(
    (demo) => details !== undefined || names.some((name) => Object.hasOwn(demo, name)),
  );
  return { demos: Object.freeze(shown), leftOut: [...leftOut] };
}

function programDemo(
  demo: JsonObject,
  meant: ReadonlyMap<string, string>,
  types: Types,
  place: string,
): Demo {
  const entries = Object.entries(demo).flatMap(([key, value]): [string, unknown][] => {
    const name = meant.get(key);
    if (name !== undefined) return [[name, fromFile(types.get(name)!, value)]];
    return isMark(key) ? [[key, value]] : [];
  });
  return jsonCopy(Object.fromEntries(entries), place) as Demo;
}
