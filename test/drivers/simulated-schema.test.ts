import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/drivers/simulated/chance.ts";
import { valueFor } from "../../src/drivers/simulated/schema-value.ts";

type Schema = Record<string, unknown>;

/** What is wrong with `value`, by as much of JSON Schema as the maker knows; empty when it fits. */
function faults(schema: Schema, value: unknown, root: Schema = schema): string[] {
  if (typeof schema.$ref === "string") {
    return faults((root.$defs as Record<string, Schema>)[schema.$ref.slice("#/$defs/".length)]!, value, root);
  }
  if ("const" in schema) return schema.const === value ? [] : [`not ${schema.const}`];
  if (schema.enum) return (schema.enum as unknown[]).includes(value) ? [] : ["not in enum"];
  const alternatives = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined;
  if (alternatives) {
    return alternatives.some((part) => faults(part, value, root).length === 0) ? [] : ["fits no alternative"];
  }
  const all = ((schema.allOf ?? []) as Schema[]).flatMap((part) => faults(part, value, root));
  const types = [schema.type ?? []].flat() as string[];
  if (types.length > 0 && !types.some((type) => is[type]!(value)))
    return [`${JSON.stringify(value)} is no ${types}`];
  if (typeof value === "number") all.push(...numberFaults(schema, value));
  if (typeof value === "string") {
    if (value.length < Number(schema.minLength ?? 0)) all.push("too short");
    if (value.length > Number(schema.maxLength ?? 1e9)) all.push("too long");
  }
  if (Array.isArray(value)) {
    if (value.length < Number(schema.minItems ?? 0) || value.length > Number(schema.maxItems ?? 1e9))
      all.push(`${value.length} items`);
    for (const item of value) if (schema.items) all.push(...faults(schema.items as Schema, item, root));
  } else if (is.object!(value)) {
    const members = value as Record<string, unknown>;
    for (const name of (schema.required ?? []) as string[])
      if (!Object.hasOwn(members, name)) all.push(`no ${name}`);
    for (const [name, part] of Object.entries((schema.properties ?? {}) as Record<string, Schema>))
      if (Object.hasOwn(members, name)) all.push(...faults(part, members[name], root));
  }
  return all;
}

const is: Record<string, (value: unknown) => boolean> = {
  object: (v) => typeof v === "object" && v !== null && !Array.isArray(v),
  array: Array.isArray,
  string: (v) => typeof v === "string",
  number: (v) => Number.isFinite(v),
  integer: Number.isInteger,
  boolean: (v) => typeof v === "boolean",
  null: (v) => v === null,
};

function numberFaults(schema: Schema, value: number): string[] {
  const out: string[] = [];
  if (value < Number(schema.minimum ?? -1e300)) out.push(`${value} below ${schema.minimum}`);
  if (value > Number(schema.maximum ?? 1e300)) out.push(`${value} above ${schema.maximum}`);
  if (value <= Number(schema.exclusiveMinimum ?? -1e300))
    out.push(`${value} not above ${schema.exclusiveMinimum}`);
  if (value >= Number(schema.exclusiveMaximum ?? 1e300))
    out.push(`${value} not below ${schema.exclusiveMaximum}`);
  if (schema.multipleOf && value % Number(schema.multipleOf) !== 0) out.push(`${value} off the grid`);
  return out;
}

const range = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.nat({ max: 50 }));
const name = fc.constantFrom("a", "b", "answer", "__proto__", "constructor");

const schemas = fc.letrec<{ any: Schema; leaf: Schema; object: Schema }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom<Schema>({ type: "boolean" }, { type: "null" }, { const: 7 }, { enum: ["x", "y"] }, {}),
    range.map(([low, span]): Schema => ({ type: "integer", minimum: low, maximum: low + span })),
    range.map(([low, span]): Schema => ({ type: "number", minimum: low, maximum: low + span })),
    range.map(([low]): Schema => ({ type: "integer", exclusiveMinimum: low, exclusiveMaximum: low + 2 })),
    range.map(([low]): Schema => ({ type: "number", exclusiveMinimum: low })),
    range.map(([low]): Schema => ({ type: "integer", minimum: low, multipleOf: 5 })),
    range.map(([, span]): Schema => ({ type: "string", minLength: span, maxLength: span + 3 })),
    fc.constant<Schema>({ type: ["string", "null"], maxLength: 3 }),
  ),
  object: fc.dictionary(name, tie("any"), { maxKeys: 3 }).map(
    (properties): Schema => ({
      type: "object",
      properties,
      required: Object.keys(properties).slice(0, 2),
      additionalProperties: false,
    }),
  ),
  any: fc.oneof(
    { maxDepth: 5 },
    tie("leaf"),
    tie("object"),
    fc.record({ type: fc.constant("array"), items: tie("any"), minItems: fc.nat({ max: 3 }) }),
    fc.record({ type: fc.constant("array"), items: tie("any"), maxItems: fc.nat({ max: 2 }) }),
    fc.array(tie("any"), { minLength: 1, maxLength: 3 }).map((anyOf): Schema => ({ anyOf })),
    fc
      .tuple(tie("object"), tie("object"))
      .map(([a, b]): Schema => ({ allOf: [a, { required: b.required }] })),
  ),
}));

describe("a value for a schema", () => {
  test("fits, whatever the schema and the seed", () => {
    fc.assert(
      fc.property(schemas.any, fc.nat(), (schema, seed) => {
        expect(faults(schema, valueFor(schema, seededRandom(seed)))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("of a recursive schema ends and fits", () => {
    const tree: Schema = {
      $ref: "#/$defs/node",
      $defs: {
        node: {
          type: "object",
          properties: {
            label: { type: "string" },
            left: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] },
            children: { type: "array", items: { $ref: "#/$defs/node" } },
          },
          required: ["label", "left", "children"],
        },
      },
    };
    for (let seed = 0; seed < 50; seed++)
      expect(faults(tree, valueFor(tree, seededRandom(seed)))).toEqual([]);
  });

  test("that can never end is cut at some depth", () => {
    const endless = { type: "object", properties: { self: { $ref: "#" } }, required: ["self"] };
    expect(JSON.stringify(valueFor(endless, seededRandom(1))).length).toBeLessThan(1_000);
  });

  test("keeps the known formats", () => {
    const value = valueFor({ type: "string", format: "date-time" }, seededRandom(1)) as string;
    expect(new Date(value).toISOString()).toContain("2026");
  });
});
