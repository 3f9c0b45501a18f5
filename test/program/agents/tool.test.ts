import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { isTrunklineError } from "../../../src/index.ts";
import { tool } from "../../../src/program/tool.ts";
import { Toolbox, toolboxOf } from "../../../src/program/toolbox.ts";

const city = { type: "object", properties: { city: { type: "string" } }, required: ["city"] } as const;
const execute = () => "fine";
const codeOf = (fn: () => unknown): string => {
  try {
    fn();
  } catch (error) {
    if (isTrunklineError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "nothing";
};

describe("tool", () => {
  test("zod, valibot and arktype give the arguments their types and the model its JSON Schema", () => {
    const byZod = tool({
      name: "z",
      inputSchema: z.object({ n: z.number(), at: z.string().transform((text) => text.length) }),
      execute: (input) => {
        expectTypeOf(input).toEqualTypeOf<{ n: number; at: number }>();
        return input.n;
      },
    });
    const byValibot = tool({
      name: "v",
      inputSchema: toStandardJsonSchema(v.object({ n: v.number() })),
      execute: (input) => {
        expectTypeOf(input).toEqualTypeOf<{ n: number }>();
      },
    });
    const byArktype = tool({
      name: "a",
      inputSchema: type({ n: "number" }),
      execute: (input) => {
        expectTypeOf(input).toEqualTypeOf<{ n: number }>();
      },
    });
    const box = new Toolbox("test", [byZod, byValibot, byArktype]);
    expect(box.names).toEqual(["z", "v", "a"]);
    for (const { inputSchema } of box.specs) {
      expect(inputSchema).toMatchObject({ type: "object", properties: { n: { type: "number" } } });
    }
  });

  test("a JSON Schema is taken as it is, an MCP description with all it carries, and an AI SDK tool in a record", () => {
    const described = {
      name: "files/read",
      title: "Read",
      description: "Reads a file.",
      inputSchema: { $schema: "http://json-schema.org/draft-07/schema#", ...city },
      annotations: { readOnlyHint: true },
      _meta: {},
    };
    const fromMcp = tool({
      ...described,
      execute: (input) => {
        expectTypeOf(input).toEqualTypeOf<Readonly<Record<string, unknown>>>();
        return input.city;
      },
    });
    const fromAiSdk = {
      description: "Weather",
      inputSchema: { jsonSchema: city, _type: undefined as unknown as { city: string }, validate: undefined },
      execute: async (input: { city: string }, options: { abortSignal?: AbortSignal; messages: unknown[] }) =>
        `${input.city} ${options.messages.length}`,
    };
    expect(new Toolbox("test", [fromMcp]).specs[0]).toEqual({
      name: "files/read",
      description: "Reads a file.",
      inputSchema: city,
    });
    expect(
      new Toolbox("test", { weather: fromAiSdk, lazy: { ...fromAiSdk, inputSchema: () => z.object({}) } })
        .names,
    ).toEqual(["weather", "lazy"]);
  });

  test("what is no tool is a config error that says what to do", () => {
    const make = (options: object) => codeOf(() => tool(options as Parameters<typeof tool>[0]));
    expect(make({ name: "a b", inputSchema: city, execute })).toMatch(/^config: tool: name/);
    expect(make({ name: "", inputSchema: city, execute })).toMatch(/^config: tool: name/);
    expect(make({ name: "a", inputSchema: city })).toMatch(/^config: tool a: execute: expected a function/);
    expect(make({ name: "a", inputSchema: "city", execute })).toMatch(/^config: tool a: inputSchema/);
    expect(make({ name: "a", inputSchema: z.string(), execute })).toMatch(/schema of an object/);
    expect(make({ name: "a", inputSchema: v.object({}), execute })).toMatch(/toStandardJsonSchema/);
    expect(make({ name: "a", inputSchema: { jsonSchema: Promise.resolve(city) }, execute })).toMatch(
      /await it/,
    );
    expect(make({ name: "a", inputSchema: city, timeout: 0, execute })).toMatch(/timeout/);
    expect(codeOf(() => tool(undefined as never))).toMatch(/^config: tool/);
    expect(codeOf(() => new Toolbox("test", [null as never]))).toMatch(/^config: tools/);
    const one = tool({ name: "a", inputSchema: city, execute });
    for (const tools of ["x", 5, null, true, () => [one], new Map([["a", one]]), new Set([one])]) {
      expect(codeOf(() => toolboxOf("test", tools as never))).toMatch(
        /^config: test: tools: expected a list/,
      );
      expect(codeOf(() => new Toolbox("test", tools as never))).toMatch(
        /^config: test: tools: expected a li/,
      );
    }
  });

  test("a name that is there twice, or taken by the agent itself, is a config error", () => {
    const one = tool({ name: "a", inputSchema: city, execute });
    const two = tool({ name: "a", inputSchema: city, execute });
    expect(codeOf(() => new Toolbox("ReAct", [one, two]))).toBe(
      'config: ReAct: tools: "a": it is there twice; rename it',
    );
    expect(codeOf(() => new Toolbox("ReAct", [one], ["a"]))).toMatch(/ReAct has one of that name itself/);
    expect(new Toolbox("ReAct", { a: one, b: one }).names).toEqual(["a", "b"]);
  });

  test("what a test puts in the place of `execute` is what runs", async () => {
    const given = { name: "a", inputSchema: city, execute: () => "real" };
    toolboxOf("x", [given]);
    given.execute = () => "fake";
    expect(
      await toolboxOf("y", [given])
        .get("a")!
        .execute({}, {} as never),
    ).toBe("fake");
  });

  test("hostile names find no tool", () => {
    const box = new Toolbox("test", { ["__proto__"]: { inputSchema: city, execute } });
    expect(box.names).toEqual(["__proto__"]);
    const plain = new Toolbox("test", [tool({ name: "a", inputSchema: city, execute })]);
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      expect(plain.get(name)).toBeUndefined();
    }
  });

  test("agents that are given the same tools share what was made of them, until the list changes", () => {
    const one = tool({ name: "a", inputSchema: city, execute });
    const list = [one];
    expect(toolboxOf("x", list)).toBe(toolboxOf("y", list));
    const before = toolboxOf("x", list);
    list.push(tool({ name: "b", inputSchema: city, execute }));
    expect(toolboxOf("x", list).names).toEqual(["a", "b"]);
    expect(before.names).toEqual(["a"]);
    list[1] = tool({ name: "c", inputSchema: city, execute });
    expect(toolboxOf("x", list).names).toEqual(["a", "c"]);
    const record = { a: one };
    expect(toolboxOf("x", record)).toBe(toolboxOf("x", record));
  });
});
