import type { StandardSchemaV1 } from "@standard-schema/spec";
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { TrunklineError } from "../../src/core/errors.ts";
import { type Checked, checkInputs, checkOutputs, describe as inWords } from "../../src/signature/check.ts";
import { signature } from "../../src/signature/make.ts";

const said = (run: () => unknown): string => {
  try {
    return `no error, but ${String(run())}`;
  } catch (error) {
    if (error instanceof TrunklineError && error.code === "signature") return error.message;
    throw error;
  }
};

/** The same fields by each library: a text, a number of at least 1 that may be absent, and a text that becomes its length. */
const libraries = {
  zod: {
    title: z.string().describe("a headline"),
    count: z.number().min(1).optional(),
    length: z.string().transform((text) => text.length),
    whole: z.object({ title: z.string(), count: z.number().optional() }),
  },
  valibot: {
    title: toStandardJsonSchema(v.pipe(v.string(), v.description("a headline"))),
    count: toStandardJsonSchema(v.optional(v.pipe(v.number(), v.minValue(1)))),
    length: {
      "~standard": {
        ...toStandardJsonSchema(v.string())["~standard"],
        ...v.pipe(
          v.string(),
          v.transform((text) => text.length),
        )["~standard"],
      },
    } as StandardSchemaV1<string, number>,
    whole: toStandardJsonSchema(v.object({ title: v.string(), count: v.optional(v.number()) })),
  },
  arktype: {
    title: type("string").describe("a headline"),
    count: type("number >= 1 | undefined"),
    length: type("string").pipe((text) => text.length) as StandardSchemaV1<string, number>,
    whole: type({ title: "string", "count?": "number" }),
  },
} as const;

describe.each(Object.entries(libraries))("%s", (_, { title, count, length, whole }) => {
  test("fields by a record of schemas", () => {
    const one = signature({ input: { title, count }, output: { title2: title, length } });
    expect(one.inputs).toMatchObject([
      { name: "title", optional: false, nullable: false },
      { name: "count", optional: true },
    ]);
    expect(one.inputs[0]).toMatchObject({ description: "a headline" });
    expect(one.jsonSchema("outputs")).toMatchObject({
      properties: { title2: { type: "string" }, length: { type: "string" } },
      required: ["title2", "length"],
    });
    expect(checkInputs(one, { title: "a", other: 1 })).toEqual({ title: "a" });
    expect(checkInputs(one, { title: "a", count: 2 })).toEqual({ title: "a", count: 2 });
    // The prompt shows the input form, the caller gets the output.
    expect(checkOutputs(one, { title2: "a", length: "four" })).toEqual({
      values: { title2: "a", length: 4 },
      problems: [],
    });
    expect(said(() => checkInputs(one, { count: 2 }))).toBe('inputs: "title" is missing; given: count');
    expect(said(() => checkInputs(one, { title: "a", count: 0 }))).toMatch(/^inputs: count: \S+/);
  });

  test("fields by one schema of an object", () => {
    const one = signature({
      input: whole,
      output: { a: whole },
    });
    expect(one.inputs.map(({ name, optional }) => [name, optional]).sort()).toEqual([
      ["count", true],
      ["title", false],
    ]);
    expect(checkInputs(one, { title: "a", other: 2 })).toEqual({ title: "a" });
    expect(said(() => checkInputs(one, { count: 2 }))).toBe('inputs: "title" is missing; given: count');
    expect(said(() => checkInputs(one, { title: "a", count: "b" }))).toMatch(/^inputs: count: \S+/);
    expect(checkOutputs(one, { a: { title: 1 } })).toMatchObject({
      problems: [{ field: "a", message: expect.stringMatching(/^a\.title: /) }],
    });
  });

  test("what is wrong is said without the value", () => {
    const one = signature({ input: "a", output: { title, count, whole } });
    const secret = "the secret of the prompt";
    const wrongs = [
      { title: { secret }, count: secret, whole: secret },
      { title: [secret], count: 0.4711, whole: { title: 4711 } },
      { title: 4711, count: { secret }, whole: { title: [secret], count: secret } },
      { title: null, count: [4711], whole: [4711, secret] },
    ];
    for (const wrong of wrongs) {
      const { problems } = checkOutputs(one, wrong) as Checked;
      expect(problems.map(({ field }) => field)).toEqual(["title", "count", "whole"]);
      expect(inWords(problems)).not.toMatch(/secret of|4711/);
    }
  });
});

test("a value is taken out of a message where it stands by itself", () => {
  const one = signature({
    input: "a",
    output: { n: z.number().refine(() => false, "3 is not above 30 (v3)") },
  });
  expect(checkOutputs(one, { n: 3 })).toMatchObject({
    problems: [{ message: "n: (the value) is not above 30 (v3)" }],
  });
});

test("a schema without a JSON Schema names the call to make", () => {
  expect(said(() => signature({ input: { a: v.string() }, output: "b" }))).toBe(
    'inputs: "a": its schema (valibot) offers no JSON Schema; wrap it: toStandardJsonSchema(schema), from @valibot/to-json-schema',
  );
  const old = (vendor: string): StandardSchemaV1 => ({
    "~standard": { version: 1, vendor, validate: (value) => ({ value }) },
  });
  expect(said(() => signature({ input: "a", output: { b: old("zod") } }))).toContain(
    "zod has it from 4.2 on",
  );
  expect(said(() => signature({ input: "a", output: { b: old("arktype") } }))).toContain("from 2.2 on");
  expect(said(() => signature({ input: "a", output: old("homemade") }))).toBe(
    "outputs: its schema (homemade) offers no JSON Schema; use a version of homemade that implements Standard JSON Schema",
  );
});

test("a schema that JSON cannot say, or of no object, is refused at construction", () => {
  expect(said(() => signature({ input: { a: z.date() }, output: "b" }))).toMatch(
    /"a": its schema \(zod\) has no JSON/,
  );
  expect(said(() => signature({ input: z.string(), output: "b" }))).toContain(
    'got one of "string"; for one field',
  );
  expect(said(() => signature({ input: z.record(z.string(), z.string()), output: "b" }))).toContain(
    "named properties",
  );
  expect(said(() => signature({ input: z.object({ "a b": z.string() }), output: "b" }))).toContain(
    'got "a b"',
  );
  expect(
    said(() => signature({ input: { __proto__: null, "a-b": "string" } as never, output: "b" })),
  ).toContain("expected the name of a field");
  expect(said(() => signature({ input: { a: 1 } as never, output: "b" }))).toContain(
    '"a": expected a type like',
  );
  expect(said(() => signature({ input: 1 as never, output: "b" }))).toContain("inputs: expected a text like");
  expect(said(() => signature({ input: "a", output: {} }))).toContain("at least one output");
});

test("references still lead somewhere when fields stand together", () => {
  const Tree = z.object({
    v: z.string(),
    get kids() {
      return z.array(Tree);
    },
  });
  const Nested = type({ v: "string", "kids?": "this[]" });
  const sides = [{ a: Tree, b: Nested, c: Tree }, z.object({ a: Tree, c: Tree }), Tree, Nested];
  for (const output of sides) {
    const schema = signature({ input: "q", output }).jsonSchema("outputs");
    const text = JSON.stringify(schema);
    const refs = [...text.matchAll(/"\$ref":"([^"]*)"/g)].map((found) => found[1]!);
    expect(refs.length).toBeGreaterThan(0);
    for (const ref of refs) {
      const found = ref
        .slice(2)
        .split("/")
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], schema);
      expect(found, `${ref} in ${text}`).toMatchObject({ type: expect.stringMatching(/object|array/) });
    }
  }
});

test("a schema may take its time", async () => {
  const slow = z.string().refine(async (text) => (await text) !== "no", "not that");
  const one = signature({ input: { a: slow }, output: { b: slow, c: z.string() } });
  await expect(checkInputs(one, { a: "yes" })).resolves.toEqual({ a: "yes" });
  await expect(checkInputs(one, { a: "no" })).rejects.toMatchObject({
    code: "signature",
    message: "inputs: a: not that",
  });
  await expect(checkOutputs(one, { b: "no", c: "x" })).resolves.toEqual({
    values: { c: "x" },
    problems: [{ field: "b", message: "b: not that", missing: false }],
  });
  const whole = signature({
    input: "a",
    output: z.object({ b: z.string(), c: z.string() }).refine(async (x) => x.b !== x.c, "alike"),
  });
  await expect(checkOutputs(whole, { b: "x", c: "x" })).resolves.toMatchObject({
    problems: [{ field: "", message: "outputs: alike" }],
  });
});

test("a schema that throws, at once or later, is a signature error with its cause", async () => {
  const cause = new Error("bug");
  const throwing = (validate: StandardSchemaV1.Props["validate"]): StandardSchemaV1 =>
    ({
      "~standard": {
        version: 1,
        vendor: "mine",
        validate,
        jsonSchema: { input: () => ({ type: "string" }) },
      },
    }) as never;
  const expected = { code: "signature", message: "inputs: a check of a mine schema threw", cause };
  const now = signature({
    input: {
      a: throwing(() => {
        throw cause;
      }),
    },
    output: "b",
  });
  expect(() => checkInputs(now, { a: "x" })).toThrow(expect.objectContaining(expected));
  const later = signature({ input: { a: throwing(() => Promise.reject(cause)) }, output: "b" });
  await expect(checkInputs(later, { a: "x" })).rejects.toMatchObject(expected);
});

test("an input that a schema fills in is shown filled in", () => {
  const one = signature({ input: { a: z.string().trim(), n: z.number().default(3) }, output: "b" });
  expect(checkInputs(one, { a: " x " })).toEqual({ a: " x ", n: 3 });
  expect(one.inputs[1]).toMatchObject({ optional: true });
});

test("a field of a whole schema can be described but not taken out", () => {
  const one = signature({ input: "a", output: z.object({ b: z.string(), c: z.number() }) });
  expect(said(() => one.delete("b"))).toContain('delete: "b" belongs to a schema that checks its whole side');
  expect(said(() => one.withUpdatedField("b", { type: "int" }))).toContain("record of schemas");
  expect(one.withUpdatedField("b", { description: "why" }).outputs[0]).toMatchObject({ description: "why" });
  const more = one.append("outputs", "d: int");
  expect(checkOutputs(more, { b: "x", c: 1, d: 2 })).toEqual({
    values: { b: "x", c: 1, d: 2 },
    problems: [],
  });
});
