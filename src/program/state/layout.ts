import { kindOf } from "../../signature/check-value.ts";
import type { DSPyField, SavedField } from "./fields.ts";
import { isObject, type JsonObject, jsonCopy } from "./json-data.ts";
import { quoted, wrongState } from "./wrong.ts";

/** The number of the layout under `trunkline`; a file with a higher one is not read. */
export const formatVersion = 1;

/** Top-level names of the file that are no predictors. */
export const ownNames: ReadonlySet<string> = new Set(["metadata", "trunkline"]);

/** A tool as the file describes it. */
export interface SavedTool {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema: JsonObject;
}

/** What the key `trunkline` says of one predictor. */
export interface SavedDetails {
  readonly inputs: readonly SavedField[];
  readonly outputs: readonly SavedField[];
  readonly config?: JsonObject;
  readonly tools?: readonly SavedTool[];
  /** The model it was tuned on. */
  readonly model?: string;
}

/** One predictor of a file. */
export interface SavedPredictor {
  readonly instructions: string;
  readonly fields: readonly DSPyField[];
  readonly demos: readonly JsonObject[];
  /** Absent in a file that DSPy wrote. */
  readonly details?: SavedDetails;
}

/** Where a state comes from, and what of it was not used. It is told, and sets nothing. */
export interface Origin {
  readonly writer: "trunkline" | "dspy";
  /** The models that predictors were tuned on, by predictor. */
  readonly models: Readonly<Record<string, string>>;
  /** What whoever saved it wanted known: plain JSON data. */
  readonly provenance: JsonObject;
  /**
   * Columns of DSPy's demos that were left out, by predictor: rows of the data with fields that only other
   * predictors have. No prompt of DSPy shows them either.
   */
  readonly leftOut: Readonly<Record<string, readonly string[]>>;
}

/** A state file, read and found in order. */
export interface Saved {
  /** One bare predictor, whose members stand at the top. */
  readonly isFlat: boolean;
  readonly predictors: ReadonlyMap<string, SavedPredictor>;
  readonly origin: Omit<Origin, "leftOut">;
}

/** Reads the layout; what is damaged is an error that says where. */
export function readLayout(state: unknown): Saved {
  const file = object(state, "the state");
  const isFlat = isObject(file.signature) && Object.hasOwn(file.signature, "instructions");
  const parts: [string, unknown][] = isFlat
    ? [["self", file]]
    : Object.entries(file).filter(([name]) => !ownNames.has(name));
  const own = Object.hasOwn(file, "trunkline") ? readOwn(file.trunkline) : undefined;
  if (own !== undefined) checkNames(new Set(own.details.keys()), new Set(parts.map(([name]) => name)));
  const predictors = new Map(
    parts.map(([name, part]) => [name, readPredictor(name, part, own?.details.get(name))]),
  );
  return { isFlat, predictors, origin: own?.origin ?? dspyOrigin(file, parts) };
}

function readPredictor(name: string, value: unknown, details: SavedDetails | undefined): SavedPredictor {
  const at = quoted(name);
  const part = object(value, at);
  if (Object.hasOwn(part, "module_src")) {
    throw wrongState(`${at} is Python source (a Flex module of DSPy), which is never run`);
  }
  if (Object.hasOwn(part, "extended_signature") || Object.hasOwn(part, "extended_signature_instructions")) {
    throw wrongState(
      `${at} was saved before DSPy 2.6, in a layout that DSPy does not read any more either: tune again, or copy its texts by hand`,
    );
  }
  if (isObject(part.fields) && Object.keys(part.fields).length > 0) {
    throw wrongState(`${at} has decision settings of DSPy ("fields"), which trunkline has no word for`);
  }
  const place = `${at}.signature`;
  const signature = object(part.signature, place);
  const demos = list(part.demos, `${at}.demos`).map((demo, i) => object(demo, `${at}.demos[${i}]`));
  const fields = list(signature.fields, `${place}.fields`).map((field, i) => {
    const which = `${place}.fields[${i}]`;
    const { prefix = "", description } = object(field, which);
    return {
      prefix: text(prefix, `${which}.prefix`),
      description: text(description, `${which}.description`),
    };
  });
  const saved = { instructions: text(signature.instructions, `${place}.instructions`), fields, demos };
  if (details === undefined) return saved;
  if (details.inputs.length + details.outputs.length !== fields.length) {
    throw wrongState(`trunkline.predictors[${at}] and ${place}.fields differ in their number of fields`);
  }
  return { ...saved, details };
}

function readOwn(value: unknown): { details: Map<string, SavedDetails>; origin: Saved["origin"] } {
  const own = object(value, "trunkline");
  const { version } = own;
  if (!Number.isSafeInteger(version) || (version as number) < 1) {
    throw wrongState(`trunkline.version: expected a whole number of 1 or more, got ${kindOf(version)}`);
  }
  if ((version as number) > formatVersion) {
    throw wrongState(
      `it was saved by a newer trunkline (format ${version}; this one reads up to ${formatVersion}): update trunkline, or save it again with the older one`,
    );
  }
  const details = new Map(
    Object.entries(object(own.predictors, "trunkline.predictors")).map(([name, each]) => [
      name,
      readDetails(each, `trunkline.predictors[${quoted(name)}]`),
    ]),
  );
  const models = Object.fromEntries(
    [...details].flatMap(([name, { model }]) => (model === undefined ? [] : [[name, model]])),
  );
  const { provenance = {} } = own;
  return { details, origin: originOf("trunkline", models, object(provenance, "trunkline.provenance")) };
}

function readDetails(value: unknown, place: string): SavedDetails {
  const { inputs, outputs, config, tools, model } = object(value, place);
  return {
    inputs: list(inputs, `${place}.inputs`).map((field, i) => readField(field, `${place}.inputs[${i}]`)),
    outputs: list(outputs, `${place}.outputs`).map((field, i) => readField(field, `${place}.outputs[${i}]`)),
    ...(config !== undefined && { config: object(config, `${place}.config`) }),
    ...(tools !== undefined && {
      tools: list(tools, `${place}.tools`).map((tool, i) => readTool(tool, `${place}.tools[${i}]`)),
    }),
    ...(model !== undefined && { model: text(model, `${place}.model`) }),
  };
}

function readField(value: unknown, place: string): SavedField {
  const { name, type, optional } = object(value, place);
  if (typeof type !== "string" && !isObject(type)) {
    throw wrongState(`${place}.type: expected a text or a JSON Schema, got ${kindOf(type)}`);
  }
  return { name: text(name, `${place}.name`), type, ...(optional === true && { optional }) };
}

function readTool(value: unknown, place: string): SavedTool {
  const { name, description, inputSchema } = object(value, place);
  return {
    name: text(name, `${place}.name`),
    ...(description !== undefined && { description: text(description, `${place}.description`) }),
    inputSchema: object(inputSchema, `${place}.inputSchema`),
  };
}

/** Of the LMs in DSPy's file only the models' names are taken: their settings may hold keys, headers and addresses. */
function dspyOrigin(file: JsonObject, parts: readonly [string, unknown][]): Saved["origin"] {
  const models = Object.fromEntries(
    parts.flatMap(([name, part]) => {
      const lm = isObject(part) ? part.lm : undefined;
      return isObject(lm) && typeof lm.model === "string" ? [[name, lm.model]] : [];
    }),
  );
  const versions = isObject(file.metadata) ? file.metadata.dependency_versions : undefined;
  const told = ["python", "dspy", "cloudpickle"].flatMap((name) => {
    const version = isObject(versions) ? versions[name] : undefined;
    return typeof version === "string" ? [[name, version]] : [];
  });
  return originOf("dspy", models, told.length === 0 ? {} : { writtenWith: Object.fromEntries(told) });
}

function originOf(
  writer: Origin["writer"],
  models: Record<string, string>,
  provenance: JsonObject,
): Saved["origin"] {
  return {
    writer,
    models: Object.freeze(models),
    provenance: jsonCopy(provenance, "provenance") as JsonObject,
  };
}

function checkNames(known: ReadonlySet<string>, there: ReadonlySet<string>): void {
  const odd = [
    ...[...known].filter((name) => !there.has(name)),
    ...[...there].filter((name) => !known.has(name)),
  ];
  if (odd.length > 0) {
    const named = odd.slice(0, 8).map(quoted).join(", ");
    throw wrongState(`the file and its own trunkline.predictors differ in: ${named}`);
  }
}

function object(value: unknown, place: string): JsonObject {
  if (isObject(value)) return value;
  throw wrongState(`${place}: expected an object, got ${kindOf(value)}`);
}

function list(value: unknown, place: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw wrongState(`${place}: expected a list, got ${kindOf(value)}`);
}

function text(value: unknown, place: string): string {
  if (typeof value === "string") return value;
  throw wrongState(`${place}: expected a text, got ${kindOf(value)}`);
}
