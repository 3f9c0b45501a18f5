import type { StandardSchemaV1 } from "@standard-schema/spec";
import { show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import type { Flat, InferFields, InferType } from "./infer.ts";
import { withRefs } from "./json-schema.ts";
import { fieldName, parseFields, parseType } from "./parse.ts";
import { isSchema, mayBeAbsent, propertiesOf, schemaType } from "./schema.ts";
import { type Field, type JsonSchema, makeField, type SideName, type StandardSchema } from "./types.ts";

/** What one field may be given as: a type in the words of signature strings, or a schema. */
export type TypeSource = string | StandardSchema;

/**
 * What the fields of a side may be given as: the text of a side (`"question, hint?: string[]"`), a record of
 * types and schemas, or one schema of an object.
 */
export type FieldSource = string | StandardSchema | { readonly [name: string]: TypeSource };

/** What the caller gives for inputs from this source. */
export type GivenBy<F> = F extends string
  ? InferFields<F>
  : F extends StandardSchemaV1
    ? Flat<StandardSchemaV1.InferInput<F>>
    : Keyed<{ -readonly [K in keyof F]: GivenType<F[K]> }>;

/** What the caller gets for outputs from this source. */
export type GotFrom<F> = F extends string
  ? InferFields<F>
  : F extends StandardSchemaV1
    ? Flat<StandardSchemaV1.InferOutput<F>>
    : Keyed<{ -readonly [K in keyof F]: GotType<F[K]> }>;

/** What the caller gives for one input. */
export type GivenType<T> = T extends string
  ? InferType<T>
  : T extends StandardSchemaV1
    ? StandardSchemaV1.InferInput<T>
    : unknown;

/** What the caller gets for one output. */
export type GotType<T> = T extends string
  ? InferType<T>
  : T extends StandardSchemaV1
    ? StandardSchemaV1.InferOutput<T>
    : unknown;

/** Members that may be `undefined` may be left out. */
type Keyed<R> = Flat<
  { [K in keyof R as undefined extends R[K] ? never : K]: R[K] } & {
    [K in keyof R as undefined extends R[K] ? K : never]?: R[K];
  }
>;

/** The fields that a source describes. */
export function readFields(side: SideName, source: FieldSource): readonly Field[] {
  if (typeof source === "string") return parseFields(source);
  if (isSchema(source)) return wholeFields(side, source);
  if (typeof source !== "object" || source === null || Array.isArray(source)) {
    throw new TrunklineError(
      "signature",
      `${side}: expected a text like "a, b: int", a record of types and schemas, or a schema of an object, got ${show(source)}`,
    );
  }
  return Object.freeze(Object.entries(source).map(([name, type]) => readField(side, name, type)));
}

/** One field from a type in words or a schema; `optional` overrides what a schema says of itself. */
export function readField(side: SideName, name: string, source: TypeSource, optional?: boolean): Field {
  const place = `${side}: ${show(name)}`;
  checkName(side, name);
  if (isSchema(source)) {
    const { description, ...type } = schemaType(source, place);
    return makeField(name, Object.freeze(type), optional ?? mayBeAbsent(source), description);
  }
  if (typeof source !== "string") {
    throw new TrunklineError(
      "signature",
      `${place}: expected a type like "string[]", or a schema of zod, valibot or arktype, got ${show(source)}`,
    );
  }
  const { type, description } = parseType(source);
  return makeField(name, type, optional ?? false, description);
}

function wholeFields(side: SideName, schema: StandardSchema): readonly Field[] {
  const { properties, needed, root } = propertiesOf(schema, side);
  return Object.freeze(
    properties.map(([name, { description, ...own }]) => {
      checkName(side, name);
      const json = standingAlone(own, root);
      const type = Object.freeze({ kind: "schema", schema, json, whole: true } as const);
      return makeField(
        name,
        type,
        !needed.has(name),
        typeof description === "string" ? description : undefined,
      );
    }),
  );
}

/** A property with the definitions of the schema around it, so that its references still lead somewhere. */
function standingAlone(own: JsonSchema, root: JsonSchema): JsonSchema {
  if (!JSON.stringify(own).includes('"$ref"')) return Object.freeze(own);
  const { $defs, ...whole } = root;
  let refersToWhole = false;
  const move = (ref: string): string => {
    if (!ref.startsWith("#") || ref.startsWith("#/$defs/")) return ref;
    refersToWhole = true;
    return `#/$defs/whole${ref.slice(1)}`;
  };
  const moved = withRefs(own, move) as JsonSchema;
  const defs = withRefs($defs ?? {}, move) as JsonSchema;
  const all = refersToWhole ? { ...defs, whole: withRefs(whole, move) } : defs;
  return Object.freeze({ ...moved, $defs: Object.freeze(all) });
}

function checkName(side: SideName, name: string): void {
  const wrong = fieldName(name);
  if (wrong !== undefined) throw new TrunklineError("signature", `${side}: ${wrong}`);
}
