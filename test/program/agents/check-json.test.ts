import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { schemaFault } from "../../../src/program/check-json.ts";

/** Schemas with values that fit, and values that do not with what is said of them. */
const table: readonly {
  readonly schema: Record<string, unknown>;
  readonly right: readonly unknown[];
  readonly wrong: readonly (readonly [value: unknown, says: RegExp])[];
}[] = [
  { schema: {}, right: [1, null, "x", {}, []], wrong: [] },
  {
    schema: {
      type: "object",
      properties: { n: { type: "integer" } },
      required: ["n"],
      additionalProperties: false,
    },
    right: [{ n: 1 }],
    wrong: [
      [{}, /^missing: n$/],
      [{ n: 1.5 }, /^n: expected a whole number/],
      [{ n: "1" }, /^n: expected a whole number, got a string/],
      [{ n: 1, m: 2 }, /^unknown: m; known are: n$/],
      [[], /^expected an object, got a list/],
      [JSON.parse('{"n":1,"__proto__":{}}'), /unknown: __proto__/],
    ],
  },
  {
    schema: { type: ["string", "null"] },
    right: ["a", null],
    wrong: [[1, /expected a string or null, got a number/]],
  },
  { schema: { type: "string", nullable: true }, right: [null, ""], wrong: [[0, /a string/]] },
  { schema: { enum: ["a", 1, { b: [2] }] }, right: ["a", 1, { b: [2] }], wrong: [["b", /one of \["a",1/]] },
  { schema: { const: null }, right: [null], wrong: [[0, /expected null/]] },
  {
    schema: { minimum: 1, maximum: 3 },
    right: [1, 3, "x"],
    wrong: [
      [0, /at least 1/],
      [4, /at most 3/],
    ],
  },
  {
    schema: { exclusiveMinimum: 1, exclusiveMaximum: 3, multipleOf: 0.5 },
    right: [1.5, 2],
    wrong: [
      [1, /above 1/],
      [3, /below 3/],
      [2.2, /multiple of 0.5/],
    ],
  },
  {
    schema: { multipleOf: 0.01 },
    right: [19.99, 0.07, 0, -0.3, 1e15],
    wrong: [
      [19.995, /multiple of 0.01/],
      [0.001, /multiple of 0.01/],
    ],
  },
  {
    schema: { minLength: 2, maxLength: 3, pattern: "^a" },
    right: ["ab", "a😀"],
    wrong: [
      ["a", /at least 2/],
      ["abcd", /at most 3/],
      ["bb", /matches/],
    ],
  },
  {
    schema: { type: "array", items: { type: "number" }, minItems: 1, maxItems: 2 },
    right: [[1], [1, 2]],
    wrong: [
      [[], /at least 1/],
      [[1, 2, 3], /at most 2/],
      [[1, "x"], /^\[1\]: expected a number/],
    ],
  },
  {
    schema: { prefixItems: [{ type: "string" }], items: { type: "number" } },
    right: [["a"], ["a", 1], []],
    wrong: [
      [[1], /\[0\]/],
      [["a", "b"], /\[1\]/],
    ],
  },
  {
    schema: { anyOf: [{ type: "string" }, { type: "object", required: ["a"] }] },
    right: ["x", { a: 1 }],
    wrong: [[{}, /none of the alternatives.*missing: a/]],
  },
  {
    schema: { oneOf: [{ type: "number" }, { type: "integer" }] },
    right: [1.5],
    wrong: [[1, /fits 2 of the alternatives/]],
  },
  {
    schema: { allOf: [{ minimum: 1 }, { maximum: 2 }] },
    right: [1],
    wrong: [[3, /at most 2/]],
  },
  {
    schema: {
      $ref: "#/$defs/node",
      $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } } } },
    },
    right: [{ next: { next: {} } }],
    wrong: [[{ next: { next: 1 } }, /^next\.next: expected an object/]],
  },
  {
    schema: { patternProperties: { "^x-": { type: "number" } }, additionalProperties: false },
    right: [{ "x-a": 1 }],
    wrong: [
      [{ "x-a": "1" }, /expected a number/],
      [{ y: 1 }, /unknown: y/],
    ],
  },
  {
    schema: { additionalProperties: { type: "boolean" } },
    right: [{ a: true }],
    wrong: [[{ a: 1 }, /^a: /]],
  },
  { schema: { properties: { a: false } }, right: [{}], wrong: [[{ a: 1 }, /^a: expected nothing/]] },
  { schema: { anyOf: [{ $ref: "#" }, { $ref: "#" }] }, right: [], wrong: [[1, /fits none/]] },
  { schema: { $ref: "#" }, right: [], wrong: [[1, /too deep/]] },
  {
    schema: {
      $ref: "https://elsewhere.example/schema",
      pattern: "(",
      format: "uuid",
      properties: 7,
      required: "a",
    },
    right: [1, "x", {}],
    wrong: [],
  },
];

describe("arguments against a JSON Schema", () => {
  test.each(table)("$schema", ({ schema, right, wrong }) => {
    for (const value of right) expect(schemaFault(schema, value), JSON.stringify(value)).toBeUndefined();
    for (const [value, says] of wrong) expect(schemaFault(schema, value)).toMatch(says);
  });

  test("no schema and no value make it throw or go on for ever, and what it says is short", () => {
    const schema = fc.letrec((tie) => ({
      schema: fc.oneof(
        { maxDepth: 3 },
        fc.dictionary(fc.constantFrom(...words), tie("rule"), { maxKeys: 3 }),
        fc.boolean(),
      ),
      rule: fc.oneof(
        { maxDepth: 3 },
        fc.jsonValue({ maxDepth: 1 }),
        tie("schema"),
        fc.array(tie("schema"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom("a", "b", "__proto__"), tie("schema"), { maxKeys: 2 }),
        fc.constantFrom("#/properties/a", "#/%E0%A4%A", "string", "object", "array"),
      ),
    })).schema;
    fc.assert(
      fc.property(schema, fc.jsonValue({ maxDepth: 3 }), (given, value) => {
        const said = schemaFault(given as Record<string, unknown>, value);
        expect(said === undefined || said.length < 2_000).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

const words = [
  "type",
  "enum",
  "const",
  "properties",
  "required",
  "additionalProperties",
  "patternProperties",
  "items",
  "prefixItems",
  "anyOf",
  "oneOf",
  "allOf",
  "$ref",
  "pattern",
  "minimum",
  "maxLength",
  "minItems",
  "$defs",
  "nullable",
];
