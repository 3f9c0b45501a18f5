import type { Field, FieldType, JsonSchema, PlainKind } from "./types.ts";

const media = (type: "image" | "file"): JsonSchema => ({
  type: "object",
  properties: {
    type: { const: type },
    url: { type: "string" },
    data: { type: "string" },
    mediaType: { type: "string" },
  },
  required: ["type"],
});

const plainSchemas: Readonly<Record<PlainKind, JsonSchema>> = {
  string: { type: "string" },
  number: { type: "number" },
  int: { type: "integer" },
  boolean: { type: "boolean" },
  object: { type: "object" },
  null: { type: "null" },
  image: media("image"),
  file: media("file"),
  history: { type: "array", items: { type: "object" } },
};

/** The JSON Schema of one type. References inside a schema of another library are to its own root. */
export function typeJson(type: FieldType): JsonSchema {
  switch (type.kind) {
    case "literal":
      return { const: type.value };
    case "array":
      return { type: "array", items: typeJson(type.items) };
    case "map":
      return { type: "object", additionalProperties: typeJson(type.values) };
    case "union":
      return unionJson(type.members);
    case "shape":
      return fieldsJson(type.members);
    case "schema":
      return type.json;
    default:
      return plainSchemas[type.kind];
  }
}

/** Literals of one kind are an `enum`, which every provider knows; `null` stays beside them. */
function unionJson(members: readonly FieldType[]): JsonSchema {
  const values = members.flatMap((member) => (member.kind === "literal" ? [member.value] : []));
  const kinds = new Set(values.map((value) => typeof value));
  if (values.length < 2 || kinds.size > 1) return { anyOf: members.map(typeJson) };
  const choice = { type: [...kinds][0], enum: values };
  const others = members.filter((member) => member.kind !== "literal").map(typeJson);
  return others.length === 0 ? choice : { anyOf: [choice, ...others] };
}

/** The JSON Schema of an object with these fields: one root, whose `$defs` hold what the fields refer to. */
export function fieldsJson(fields: readonly Field[]): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const defs: Record<string, unknown> = {};
  for (const { name, type, description } of fields) {
    const json = type.kind === "schema" ? withOwnDefs(name, type.json, defs) : typeJson(type);
    properties[name] = description === undefined ? json : { ...json, description };
  }
  return {
    type: "object",
    properties,
    required: fields.filter(({ optional }) => !optional).map(({ name }) => name),
    additionalProperties: false,
    ...(Object.keys(defs).length > 0 && { $defs: defs }),
  };
}

/** Moves a field's own definitions to the common root, under names that begin with the field's. */
function withOwnDefs(name: string, json: JsonSchema, defs: Record<string, unknown>): JsonSchema {
  const { $defs, ...own } = json;
  let refersToItself = false;
  const move = (ref: string): string => {
    if (ref.startsWith("#/$defs/")) return `#/$defs/${name}_${ref.slice("#/$defs/".length)}`;
    refersToItself ||= ref.startsWith("#");
    return ref.startsWith("#") ? `#/$defs/${name}${ref.slice(1)}` : ref;
  };
  const moved = withRefs(own, move) as JsonSchema;
  for (const [key, value] of Object.entries($defs ?? {})) defs[`${name}_${key}`] = withRefs(value, move);
  if (!refersToItself) return moved;
  defs[name] = moved;
  return { $ref: `#/$defs/${name}` };
}

/** A copy of a schema in which every local reference goes through `move`. */
export function withRefs(json: unknown, move: (ref: string) => string): unknown {
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map((item) => withRefs(item, move));
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key,
      key === "$ref" && typeof value === "string" ? move(value) : withRefs(value, move),
    ]),
  );
}
