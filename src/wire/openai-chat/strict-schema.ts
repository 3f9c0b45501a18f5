import { isObject } from "../json-value.ts";

/** Deeper than any schema a model can follow; beyond it we do not claim strictness. */
const maxDepth = 50;

/**
 * Whether OpenAI's strict mode takes a schema: every object closed and every member required. Asking for strict
 * with another schema is refused, and not asking where it fits gives up the guarantee.
 */
export function fitsStrict(schema: unknown, depth = 0): boolean {
  if (!isObject(schema) || depth > maxDepth) return false;
  const { properties, additionalProperties, required, items } = schema;
  const fits = (each: unknown): boolean => fitsStrict(each, depth + 1);
  if (isObject(properties) || schema.type === "object") {
    const names = isObject(properties) ? Object.keys(properties) : [];
    if (additionalProperties !== false || !Array.isArray(required)) return false;
    if (!names.every((name) => required.includes(name))) return false;
    if (isObject(properties) && !Object.values(properties).every(fits)) return false;
  }
  if (items !== undefined && !fits(items)) return false;
  if ("allOf" in schema || "oneOf" in schema) return false;
  if (Array.isArray(schema.anyOf) && !schema.anyOf.every(fits)) return false;
  return [schema.$defs, schema.definitions].every(
    (defs) => !isObject(defs) || Object.values(defs).every(fits),
  );
}
