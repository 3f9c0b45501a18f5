import type { StandardSchemaV1 } from "@standard-schema/spec";

/** A schema of zod, valibot, arktype or any other library that follows the Standard Schema specification. */
export type StandardSchema = StandardSchemaV1;

/** A JSON Schema, as frozen plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The types that are one word; each holds its own kind and nothing else. */
export type PlainKind =
  | "string"
  | "number"
  | "int"
  | "boolean"
  | "object"
  | "null"
  | "image"
  | "file"
  | "history";

/** The type of a field, as plain data: what the string grammar can say, or a schema of another library. */
export type FieldType =
  | { readonly kind: PlainKind }
  | { readonly kind: "literal"; readonly value: string | number }
  | { readonly kind: "array"; readonly items: FieldType }
  | { readonly kind: "map"; readonly values: FieldType }
  | { readonly kind: "union"; readonly members: readonly FieldType[] }
  | { readonly kind: "shape"; readonly members: readonly Field[] }
  | SchemaType;

/** A type that a schema library checks. */
export interface SchemaType {
  readonly kind: "schema";
  readonly schema: StandardSchema;
  /** What the model is shown: the schema's input form. */
  readonly json: JsonSchema;
  /** The schema describes a whole side, and fields that share it are checked together. */
  readonly whole: boolean;
}

/** A named field of a signature, or a member of an object type. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** May be left out. */
  readonly optional: boolean;
  /** May be null. */
  readonly nullable: boolean;
  readonly description?: string;
}

/** The two sides of a signature. */
export type SideName = "inputs" | "outputs";

const plain = (kind: PlainKind): FieldType => Object.freeze({ kind });

/** Every word that is a type by itself, DSPy's spellings included. */
export const typeWords: ReadonlyMap<string, FieldType> = new Map([
  ["string", plain("string")],
  ["str", plain("string")],
  ["number", plain("number")],
  ["float", plain("number")],
  ["int", plain("int")],
  ["boolean", plain("boolean")],
  ["bool", plain("boolean")],
  ["object", plain("object")],
  ["null", plain("null")],
  ["None", plain("null")],
  ["image", plain("image")],
  ["file", plain("file")],
  ["history", plain("history")],
]);

/** The type of a field that names none. */
export const stringType: FieldType = plain("string");
export const nullType: FieldType = plain("null");

/** A frozen field; `nullable` follows from its type. */
export function makeField(name: string, type: FieldType, optional: boolean, description?: string): Field {
  const nullable = allowsNull(type);
  const field: Field = { name, type, optional, nullable };
  return Object.freeze(description === undefined || description === "" ? field : { ...field, description });
}

/** `A | B`: members of members become its own, equal ones are one, and one alone is itself. */
export function unionOf(types: readonly FieldType[], textOf: (type: FieldType) => string): FieldType {
  const members = new Map<string, FieldType>();
  for (const type of types) {
    for (const member of type.kind === "union" ? type.members : [type]) members.set(textOf(member), member);
  }
  const [first, ...others] = members.values();
  return others.length === 0
    ? first!
    : Object.freeze({ kind: "union", members: Object.freeze([first!, ...others]) });
}

function allowsNull(type: FieldType): boolean {
  if (type.kind === "union") return type.members.some(allowsNull);
  return type.kind === "null" || (type.kind === "schema" && jsonAllowsNull(type.json));
}

function jsonAllowsNull(json: JsonSchema): boolean {
  const { type, anyOf, oneOf } = json;
  if (type === "null" || (Array.isArray(type) && type.includes("null"))) return true;
  return [anyOf, oneOf].some(
    (list) => Array.isArray(list) && list.some((item) => jsonAllowsNull(item ?? {})),
  );
}
