import type { Demo } from "../../adapter/adapter.ts";
import { canonical } from "../../core/json.ts";
import type { Sampling, ToolSpec } from "../../core/request.ts";
import type { Signature } from "../../signature/signature.ts";
import type { Field } from "../../signature/types.ts";
import { prefixOf } from "../../signature/words.ts";
import type { Predictor } from "../predictors.ts";
import { demosFrom } from "./demos.ts";
import { fieldsOf, fieldText, isSameField, placeholder, type SavedField, savedField } from "./fields.ts";
import type { SavedDetails, SavedPredictor } from "./layout.ts";
import { isSameName } from "./names.ts";
import { type Differences, quoted } from "./wrong.ts";

/** A predictor as saving sees it. */
export interface StatefulPredictor extends Predictor {
  /** The tools that it may name, where it names any. */
  readonly tools?: readonly ToolSpec[];
}

/** What a predictor gets from a file. */
export interface Change {
  readonly name: string;
  readonly predictor: StatefulPredictor;
  readonly signature: Signature<unknown, unknown>;
  readonly demos: readonly Demo[];
  readonly config: Sampling;
}

/** A change, and the columns of demos that are not in it. */
export interface Fitted extends Change {
  readonly leftOut: readonly string[];
}

/** What a saved predictor makes of one of the program. Where they differ, that is added and the result not used. */
export function fitted(
  name: string,
  predictor: StatefulPredictor,
  saved: SavedPredictor,
  differences: Differences,
): Fitted {
  const { signature } = predictor;
  const differ = (line: string): void => differences.add(`${quoted(name)}: ${line}`);
  if (saved.details === undefined) {
    compareForeign(fieldsOf(signature), saved, differ);
    compareNamedTools(predictor.tools, saved.instructions, differ);
  } else {
    compareSide("input", saved.details.inputs, signature.inputs, differ);
    compareSide("output", saved.details.outputs, signature.outputs, differ);
    compareTools(predictor.tools ?? [], saved.details.tools ?? [], differ);
  }
  return {
    name,
    predictor,
    signature: withTexts(signature, saved),
    ...demosFrom(signature, saved, differ),
    config: configOf(predictor.config, saved.details),
  };
}

type Differ = (line: string) => void;

/** Fields of a file of our own have names and types. */
function compareSide(
  side: "input" | "output",
  saved: readonly SavedField[],
  fields: readonly Field[],
  differ: Differ,
): void {
  const before = new Map(saved.map((field) => [field.name, field]));
  const now = new Map(fields.map((field) => [field.name, field]));
  for (const field of saved) {
    if (!now.has(field.name)) differ(`the file has the ${side} ${fieldText(field)}, the program has not`);
  }
  for (const field of fields) {
    const was = before.get(field.name);
    const is = fieldText(savedField(field));
    if (was === undefined) differ(`the program has the ${side} ${is}, the file has not`);
    else if (!isSameField(was, field)) {
      differ(`the ${side} is ${fieldText(was)} in the file, ${is} in the program`);
    }
  }
  const sameNames = saved.length === fields.length && saved.every(({ name }) => now.has(name));
  if (sameNames && saved.some(({ name }, i) => name !== fields[i]!.name)) {
    differ(
      `the ${side}s stand in another order: ${namesOf(saved)} in the file, ${namesOf(fields)} in the program`,
    );
  }
}

/** DSPy saves no names: fields are held together by place, and by what their descriptions and prefixes tell. */
function compareForeign(fields: readonly Field[], { fields: saved }: SavedPredictor, differ: Differ): void {
  if (saved.length !== fields.length) {
    const told = saved.map(({ prefix }) => quoted(prefix)).join(", ");
    differ(
      `${saved.length} fields in the file (${told}), ${fields.length} in the program (${namesOf(fields)})`,
    );
    return;
  }
  for (const [i, { prefix, description }] of saved.entries()) {
    const { name } = fields[i]!;
    const said = placeholder(description) ?? nameByPrefix(prefix, fields) ?? name;
    if (!isSameName(said, name)) {
      differ(`field ${i + 1} is ${quoted(said)} in the file, ${quoted(name)} in the program`);
    }
  }
}

/** The one field whose prefix this is. Another prefix was chosen by hand, which says nothing. */
function nameByPrefix(prefix: string, fields: readonly Field[]): string | undefined {
  const meant = fields.filter(({ name }) => prefixOf(name) === prefix);
  return meant.length === 1 ? meant[0]!.name : undefined;
}

function compareTools(now: readonly ToolSpec[], before: readonly ToolSpec[], differ: Differ): void {
  const byName = new Map(now.map((tool) => [tool.name, tool]));
  for (const was of before) {
    const is = byName.get(was.name);
    byName.delete(was.name);
    const tool = `the tool ${quoted(was.name)}`;
    if (is === undefined) differ(`the file has ${tool}, the program has not`);
    else if (canonical(was.inputSchema) !== canonical(is.inputSchema))
      differ(`${tool} takes other arguments now`);
    else if (was.description !== is.description) differ(`${tool} has another description now`);
  }
  for (const name of byName.keys()) differ(`the program has the tool ${quoted(name)}, the file has not`);
}

/** DSPy writes a ReAct's tools into its instructions, where they may be stale. */
function compareNamedTools(
  tools: readonly ToolSpec[] | undefined,
  instructions: string,
  differ: Differ,
): void {
  if (tools === undefined) return;
  const listed = instructions.matchAll(
    /^\(\d+\) (\S+?)(?:, whose description is <desc>|\. It takes arguments )/gm,
  );
  const named = new Set([...listed].map((match) => match[1]!));
  if (named.size === 0) return;
  named.delete("finish");
  const has = new Set(tools.map(({ name }) => name));
  for (const name of named) {
    if (!has.has(name)) differ(`its instructions name the tool ${quoted(name)}, the program has not`);
  }
  for (const name of has) {
    if (!named.has(name)) differ(`the program has the tool ${quoted(name)}, its instructions do not name it`);
  }
}

/** The signature with the instructions and descriptions of the file; the same object where nothing changes. */
function withTexts(
  signature: Signature<unknown, unknown>,
  { instructions, fields: saved }: SavedPredictor,
): Signature<unknown, unknown> {
  let result = signature as Signature;
  if (instructions !== result.instructions) result = result.withInstructions(instructions);
  for (const [i, field] of fieldsOf(signature).entries()) {
    const { description = "" } = saved[i] ?? {};
    const told = placeholder(description) === undefined ? description : "";
    if (told === (field.description ?? "")) continue;
    result = result.withUpdatedField(field.name, { description: told }) as Signature;
  }
  return result;
}

function configOf(config: Sampling, details: SavedDetails | undefined): Sampling {
  if (details === undefined) return config;
  const saved = details.config ?? {};
  return canonical(saved) === canonical(config) ? config : saved;
}

function namesOf(fields: readonly { readonly name: string }[]): string {
  return fields.map(({ name }) => name).join(", ");
}
