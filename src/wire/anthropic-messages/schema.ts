import { isObject } from "../json-value.ts";

/** Deeper than any schema a model can follow. */
const maxDepth = 50;

/** What the API takes in a schema; everything else is refused by it, and so becomes part of the description. */
const taken: ReadonlySet<string> = new Set([
  "$ref",
  "$defs",
  "definitions",
  "type",
  "anyOf",
  "allOf",
  "enum",
  "const",
  "default",
  "title",
  "description",
  "properties",
  "required",
  "items",
]);

const formats: ReadonlySet<unknown> = new Set([
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid",
]);

const isTaken = (name: string, value: unknown): boolean =>
  taken.has(name) ||
  (name === "format" && formats.has(value)) ||
  (name === "minItems" && (value === 0 || value === 1));

/**
 * A schema as the API wants it: every object closed, bounds that it cannot hold (`maximum`, `pattern`) told to the
 * model in words. What the caller checks afterwards is the caller's own schema.
 */
export function outputSchema(schema: unknown, depth = 0): unknown {
  if (!isObject(schema) || depth > maxDepth) return schema;
  if (typeof schema.$ref === "string") return { $ref: schema.$ref };
  const inner = (value: unknown): unknown => outputSchema(value, depth + 1);
  const out: Record<string, unknown> = {};
  const told: string[] = [];
  for (const [name, value] of Object.entries(schema)) {
    if (name === "$schema" || name === "additionalProperties") continue;
    if (name === "oneOf") out.anyOf = Array.isArray(value) ? value.map(inner) : value;
    else if (!isTaken(name, value)) told.push(`${name}: ${JSON.stringify(value)}`);
    else out[name] = innerOf(name, value, inner);
  }
  if (schema.type === "object" || isObject(schema.properties)) out.additionalProperties = false;
  if (told.length > 0) {
    const own = typeof out.description === "string" ? `${out.description}\n\n` : "";
    out.description = `${own}{${told.join(", ")}}`;
  }
  return out;
}

/** The schemas inside a keyword's value. */
function innerOf(name: string, value: unknown, inner: (value: unknown) => unknown): unknown {
  if (name === "items") return inner(value);
  if (name === "anyOf" || name === "allOf") return Array.isArray(value) ? value.map(inner) : value;
  if (name === "properties" || name === "$defs" || name === "definitions") {
    return isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inner(each)]))
      : value;
  }
  return value;
}
