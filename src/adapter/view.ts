import type { FieldType, JsonSchema, PlainKind } from "../signature/types.ts";

/** A member of an object, as far as reading and describing it needs. */
export interface ViewMember {
  readonly name: string;
  readonly view: View;
  readonly optional: boolean;
}

/** What is one word or number. */
export type ScalarView =
  | { readonly kind: "number" | "int" | "boolean" | "null" }
  | { readonly kind: "literal"; readonly value: string | number | boolean };

/**
 * What an adapter knows of a type, however it was given: the words of a signature string and a schema's JSON
 * Schema look alike here. `any` is what neither says more about.
 */
export type View =
  | { readonly kind: "string" }
  | { readonly kind: "any" }
  | ScalarView
  | { readonly kind: "array"; readonly items: View }
  | { readonly kind: "map"; readonly values: View }
  | { readonly kind: "union"; readonly members: readonly View[] }
  | { readonly kind: "shape"; readonly members: readonly ViewMember[] };

const any: View = { kind: "any" };

const plainViews: Readonly<Record<PlainKind, View>> = {
  string: { kind: "string" },
  number: { kind: "number" },
  int: { kind: "int" },
  boolean: { kind: "boolean" },
  null: { kind: "null" },
  object: { kind: "map", values: any },
  image: any,
  file: any,
  history: any,
};

/** Deeper than any schema a model can follow, and the end of schemas that hold themselves. */
const maxDepth = 8;

export function viewOf(type: FieldType): View {
  switch (type.kind) {
    case "array":
      return { kind: "array", items: viewOf(type.items) };
    case "map":
      return { kind: "map", values: viewOf(type.values) };
    case "union":
      return { kind: "union", members: type.members.map(viewOf) };
    case "shape":
      return {
        kind: "shape",
        members: type.members.map(({ name, type: own, optional }) => ({ name, optional, view: viewOf(own) })),
      };
    case "schema":
      return jsonView(type.json, type.json, 0);
    case "literal":
      return type;
    default:
      return plainViews[type.kind];
  }
}

function jsonView(json: unknown, root: JsonSchema, depth: number): View {
  if (typeof json !== "object" || json === null || depth > maxDepth) return any;
  const schema = json as JsonSchema;
  const inner = (part: unknown): View => jsonView(part, root, depth + 1);
  if (typeof schema.$ref === "string") return inner(resolve(schema.$ref, root));
  if (isScalar(schema.const)) return literal(schema.const);
  if (Array.isArray(schema.enum)) return union(schema.enum.map((v) => (isScalar(v) ? literal(v) : any)));
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return union(choices.map(inner));
  if (Array.isArray(schema.type)) return union(schema.type.map((type) => inner({ ...schema, type })));
  switch (schema.type) {
    case "string":
    case "number":
    case "boolean":
    case "null":
      return { kind: schema.type };
    case "integer":
      return { kind: "int" };
    case "array":
      return { kind: "array", items: inner(schema.items) };
    case "object":
      return objectView(schema, inner);
    default:
      return any;
  }
}

function objectView(
  { properties, required, additionalProperties }: JsonSchema,
  inner: (part: unknown) => View,
): View {
  if (typeof properties !== "object" || properties === null) {
    return { kind: "map", values: inner(additionalProperties) };
  }
  const needed = new Set(Array.isArray(required) ? (required as unknown[]) : []);
  const members = Object.entries(properties).map(([name, part]) => ({
    name,
    view: inner(part),
    optional: !needed.has(name),
  }));
  return { kind: "shape", members };
}

function resolve(ref: string, root: JsonSchema): unknown {
  let at: unknown = root;
  for (const step of ref.split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    at = typeof at === "object" && at !== null ? (at as JsonSchema)[key] : undefined;
  }
  return at;
}

const isScalar = (value: unknown): value is string | number | boolean | null =>
  value === null || ["string", "number", "boolean"].includes(typeof value);

const literal = (value: string | number | boolean | null): View =>
  value === null ? { kind: "null" } : { kind: "literal", value };

function union(members: readonly View[]): View {
  return members.length === 1 ? members[0]! : { kind: "union", members };
}

/** Whether a text is a value of this view as it stands. */
export function takesText(view: View): boolean {
  return view.kind === "string" || (view.kind === "union" && view.members.some(takesText));
}

/** Whether a value of JSON is of this view as it stands. */
export function fits(view: View, value: unknown): boolean {
  switch (view.kind) {
    case "any":
      return true;
    case "literal":
      return value === view.value;
    case "null":
      return value === null;
    case "int":
      return Number.isSafeInteger(value);
    case "union":
      return view.members.some((member) => fits(member, value));
    case "array":
      return Array.isArray(value) && value.every((item) => fits(view.items, item));
    case "map":
      return isRecord(value) && Object.values(value).every((member) => fits(view.values, member));
    case "shape":
      return isRecord(value) && view.members.every((member) => fitsMember(member, value));
    default:
      return typeof value === view.kind;
  }
}

function fitsMember(
  { name, view, optional }: ViewMember,
  record: Readonly<Record<string, unknown>>,
): boolean {
  return Object.hasOwn(record, name) ? fits(view, record[name]) : optional;
}

/** Whether a value has members, and no order. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
