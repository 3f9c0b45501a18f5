import type { StandardJSONSchemaV1 } from "@standard-schema/spec";
import { show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import { frozenCopy } from "../core/plain-copy.ts";
import type { JsonSchema, SchemaType, StandardSchema } from "./types.ts";

/** Whether `value` is a schema; arktype's are functions. */
export function isSchema(value: unknown): value is StandardSchema {
  const holds = (typeof value === "object" && value !== null) || typeof value === "function";
  return holds && "~standard" in value && typeof value["~standard"] === "object";
}

/** The type of one field that `schema` checks. `place` names the field in errors. */
export function schemaType(schema: StandardSchema, place: string): SchemaType & { description?: string } {
  const { description, ...json } = inputJson(schema, place);
  const type: SchemaType = Object.freeze({ kind: "schema", schema, json: Object.freeze(json), whole: false });
  return typeof description === "string" ? { ...type, description } : type;
}

/** How to get a JSON Schema out of each library. */
const remedies: Readonly<Record<string, string>> = {
  valibot: "wrap it: toStandardJsonSchema(schema), from @valibot/to-json-schema",
  zod: "zod has it from 4.2 on: npm install zod@latest",
  arktype: "arktype has it from 2.2 on: npm install arktype@latest",
};

/** The JSON Schema of what a schema takes in, which is what a model must write. */
export function inputJson(schema: StandardSchema, place: string): JsonSchema {
  const { vendor, jsonSchema } = schema["~standard"] as StandardSchema["~standard"] &
    Partial<StandardJSONSchemaV1.Props>;
  if (typeof jsonSchema?.input !== "function") {
    const remedy = remedies[vendor] ?? `use a version of ${vendor} that implements Standard JSON Schema`;
    throw new TrunklineError(
      "signature",
      `${place}: its schema (${vendor}) offers no JSON Schema; ${remedy}`,
    );
  }
  try {
    const { $schema: _, ...json } = jsonSchema.input({ target: "draft-2020-12" });
    return frozenCopy(json, place);
  } catch (cause) {
    throw new TrunklineError(
      "signature",
      `${place}: its schema (${vendor}) has no JSON Schema, because it takes what JSON cannot say; take a string or number in and transform it`,
      { cause },
    );
  }
}

/** Whether the schema takes a field that is left out, as far as it says so at once. */
export function mayBeAbsent(schema: StandardSchema): boolean {
  try {
    const result = schema["~standard"].validate(undefined);
    if (!(result instanceof Promise)) return result.issues === undefined;
    // Only time will tell. The check before a call asks again and waits; here it counts as needed.
    result.catch(() => {});
  } catch {
    // A schema that throws at `undefined` does not take it.
  }
  return false;
}

/** Named properties of a schema that describes a whole side. */
export function propertiesOf(schema: StandardSchema, place: string): ObjectFacts {
  const root = inputJson(schema, place);
  const json = named(root, root.$ref) ?? root;
  const { properties, required } = json;
  if (typeof properties !== "object" || properties === null) {
    throw new TrunklineError(
      "signature",
      `${place}: expected a schema of an object with named properties, got one of ${show(json.type ?? "another kind")}; for one field write { name: schema }`,
    );
  }
  const needed = new Set(Array.isArray(required) ? (required as unknown[]) : []);
  return {
    properties: Object.entries(properties as Readonly<Record<string, JsonSchema>>),
    needed,
    root,
  };
}

interface ObjectFacts {
  readonly properties: readonly (readonly [string, JsonSchema])[];
  readonly needed: ReadonlySet<unknown>;
  readonly root: JsonSchema;
}

/** The schema that a root with nothing but a reference means. */
function named(root: JsonSchema, ref: unknown): JsonSchema | undefined {
  const [head, name] = typeof ref === "string" ? (/^#\/\$defs\/([^/]+)$/.exec(ref) ?? []) : [];
  return head === undefined ? undefined : (root.$defs as Readonly<Record<string, JsonSchema>>)?.[name!];
}
