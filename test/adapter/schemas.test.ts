import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { expect, test } from "vitest";
import { z } from "zod";
import type { Plan } from "../../src/adapter/adapter.ts";
import { adapterOf } from "../../src/adapter/adapters.ts";
import { signature } from "../../src/signature/make.ts";
import { adapterNames } from "./cases.ts";

const chat = (own: unknown): Plan => adapterOf("chat").plan(own as never, []);
const section = (text: string): string => `[[ ## out ## ]]\n${text}\n[[ ## completed ## ]]`;

const schemas = {
  zod: z.object({ name: z.string(), age: z.int().min(0), tags: z.array(z.string()).optional() }),
  valibot: toStandardJsonSchema(
    v.object({
      name: v.string(),
      age: v.pipe(v.number(), v.integer(), v.minValue(0)),
      tags: v.optional(v.array(v.string())),
    }),
  ),
  arktype: type({ name: "string", age: "number.integer >= 0", "tags?": "string[]" }),
};

test.each(Object.entries(schemas))(
  "P5: a field of a %s schema gets parsed JSON, cast and then checked",
  async (_, out) => {
    const plan = chat(signature({ input: "text", output: { out } }));
    expect(await plan.read(section('```json\n{"name": "Ann", "age": "30",}\n```'))).toEqual({
      values: { out: { name: "Ann", age: 30 } },
      problems: [],
    });
    const wrong = await plan.read(section('{"name": "Ann", "age": -1}'));
    expect(wrong.values).toEqual({});
    expect(wrong.problems.map(({ field }) => field)).toEqual(["out"]);
  },
);

test("P5: a schema that would take anything never sees what does not fit its JSON Schema", async () => {
  const plan = chat(
    signature({ input: "text", output: { out: z.coerce.number() as unknown as z.ZodNumber } }),
  );
  for (const text of ["", "about 3", "1,5"]) {
    expect((await plan.read(section(text))).problems.map(({ field }) => field)).toEqual(["out"]);
  }
});

test("what a schema makes of a value is what the caller gets, also where its check takes time", async () => {
  const out = z
    .string()
    .refine(async (text) => text.length < 9)
    .transform((text) => text.length);
  const plan = chat(signature({ input: "text", output: { out } }));
  expect(await plan.read(section("seven"))).toEqual({ values: { out: 5 }, problems: [] });
  expect((await plan.read(section("far too long"))).problems).toHaveLength(1);
});

test("one schema for the whole side is checked as a whole", async () => {
  const output = z
    .object({ low: z.number(), high: z.number() })
    .refine(({ low, high }) => low < high, "low first");
  for (const name of adapterNames) {
    const plan = adapterOf(name).plan(signature({ input: "text", output }) as never, [
      { text: "x", low: 1, high: 2 },
    ]);
    const shown = plan.ask({ text: "x" }, "text").messages[2]!.content as string;
    expect(await plan.read(shown)).toEqual({ values: { low: 1, high: 2 }, problems: [] });
    expect((await plan.read(shown.replace("1", "3"))).problems).toHaveLength(1);
  }
});
