import type { JsonSchema } from "../signature/types.ts";
import { isRecord } from "./view.ts";

/**
 * The schema with every named member required and no others allowed; what may be left out may be null instead. The
 * providers that hold an answer strictly to a schema ask for that form, and reading takes such a null for absent.
 */
export function withAllRequired(schema: JsonSchema): JsonSchema {
  return changed(schema) as JsonSchema;
}

function changed(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(changed);
  if (!isRecord(part)) return part;
  const inner = Object.fromEntries(
    // What stands under these is data, and no schema.
    Object.entries(part).map(([key, value]) => [key, dataKeys.has(key) ? value : changed(value)]),
  );
  return isRecord(part.properties) ? closed(inner, part) : inner;
}

const dataKeys: ReadonlySet<string> = new Set(["enum", "const", "default", "examples", "required"]);

function closed(
  inner: Readonly<Record<string, unknown>>,
  { required, additionalProperties }: JsonSchema,
): JsonSchema {
  const needed = new Set(Array.isArray(required) ? (required as unknown[]) : []);
  const properties = Object.entries(inner.properties as Readonly<Record<string, JsonSchema>>).map(
    ([name, member]) => [name, needed.has(name) ? member : orNull(member)] as const,
  );
  return {
    ...inner,
    properties: Object.fromEntries(properties),
    required: properties.map(([name]) => name),
    additionalProperties: additionalProperties ?? false,
  };
}

function orNull(member: JsonSchema): JsonSchema {
  const { description, ...own } = member;
  const choice = { anyOf: [own, { type: "null" }] };
  return description === undefined ? choice : { ...choice, description };
}
