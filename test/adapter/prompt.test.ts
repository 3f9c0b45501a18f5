import { describe, expect, test } from "vitest";
import { adapterOf } from "../../src/adapter/adapters.ts";
import { asSignature, signature } from "../../src/signature/make.ts";
import { file, image } from "../../src/signature/media.ts";
import { adapterNames } from "./cases.ts";

const contents = (messages: readonly { readonly content: unknown }[]) =>
  messages.map(({ content }) => content);

describe.each(adapterNames)("%s", (name) => {
  const adapter = adapterOf(name);

  test("names every field with its type and description, and the instructions", () => {
    const own = signature(
      "question 'what is asked', context?: string[] -> answer: 'yes' | 'no', sure: number",
      "Be brief.",
    );
    const [system] = adapter.plan(own, []).ask({ question: "q" }, "text").messages;
    expect(system!.role).toBe("system");
    for (const part of [
      "`question` (string): what is asked",
      "`context` (string[], may be left out)",
      "yes",
      "Be brief.",
    ]) {
      expect(system!.content).toContain(part);
    }
  });

  test("incomplete demos come first, then complete ones; those that show one side only are left out", () => {
    const demos = [
      { question: "whole", reasoning: "r", answer: "a" },
      { question: "part", answer: "a" },
      { question: "no output" },
      { answer: "no input" },
      { question: "null", reasoning: null, answer: "a", augmented: true },
    ];
    const { messages } = adapter
      .plan(asSignature("question -> reasoning, answer"), demos)
      .ask({ question: "now" }, "text");
    const users = messages.filter(({ role }) => role === "user").map(({ content }) => content as string);
    expect(messages.map(({ role }) => role).join(" ")).toBe(
      "system user assistant user assistant user assistant user",
    );
    expect(users.map((text) => /part|null|whole|now/.exec(text)?.[0])).toEqual([
      "part",
      "null",
      "whole",
      "now",
    ]);
    expect(users[0]).toContain("left out");
    expect(users[2]).not.toContain("left out");
    expect(messages[2]!.content).toContain("left out of this example");
    expect(JSON.stringify(messages)).not.toContain("augmented");
  });

  test("what a demo shows is read back, null and absent members included", async () => {
    const own = asSignature("text -> a: int | null, b?: string[], c: { d: boolean }, e: number");
    const values = { a: null, c: { d: false }, e: 0 };
    const plan = adapter.plan(own, [{ text: "x", ...values }]);
    expect(await plan.read(plan.ask({ text: "y" }, "text").messages[2]!.content as string)).toEqual({
      values,
      problems: [],
    });
  });

  test("earlier turns are turns: fields in the adapter's form, messages as they were", () => {
    const past = [
      { question: "first", answer: "one" },
      { question: "only asked" },
      { role: "user", content: "raw" },
      {
        role: "assistant",
        content: "reply",
        toolCalls: [{ id: "1", name: "t", arguments: {}, argumentsText: "{}" }],
      },
      { role: "tool", toolCallId: "1", content: "done" },
    ];
    const { messages } = adapter
      .plan(asSignature("past: history, question -> answer"), [])
      .ask({ past, question: "now" }, "text");
    expect(messages.map(({ role }) => role)).toEqual([
      "system",
      "user",
      "assistant",
      "user",
      "user",
      "assistant",
      "tool",
      "user",
    ]);
    expect(messages.slice(4, 7)).toEqual(past.slice(2));
    expect(messages[1]!.content).toContain("first");
    expect(messages[2]!.content).toContain("one");
    expect(messages[0]!.content).not.toContain("`past` (");
  });

  test("images and files stand as parts where their field stands", () => {
    const photo = image("https://example.com/a.png");
    const page = file(new Uint8Array([37, 80, 68, 70, 45]));
    const { messages } = adapter
      .plan(asSignature("before, photo: image, pages: file[], after -> answer"), [])
      .ask({ before: "B", photo, pages: [page, page], after: "A" }, "text");
    const parts = messages.at(-1)!.content as readonly { type: string; text?: string }[];
    expect(parts.map(({ type }) => type)).toEqual(["text", "image", "text", "file", "text", "file", "text"]);
    expect(parts[1]).toBe(photo);
    expect(parts[0]!.text).toContain("B");
    expect(parts[4]!.text).toBe(",");
    expect(parts[6]!.text).toMatch(/^\].*A/s);
  });

  test("P1: the prompt's own form, given back, is no answer", async () => {
    const own = asSignature("question -> answer");
    const plan = adapter.plan(own, []);
    const [system] = plan.ask({ question: "q" }, "text").messages;
    const part = adapter.plan(own.append("outputs", "more"), [{ question: "q", more: "m" }]);
    for (const text of [
      system!.content,
      part.ask({ question: "q" }, "text").messages[2]!.content,
    ] as string[]) {
      expect((await plan.read(text)).problems.map(({ field }) => field)).toEqual(["answer"]);
    }
  });

  test("asks again behind the bad answer, and keeps the form", () => {
    const plan = adapter.plan(asSignature("question -> answer"), []);
    const first = plan.ask({ question: "q" }, "json_schema");
    const again = plan.askAgain(first, "bad", '"answer" is missing');
    expect(again.responseFormat).toBe(first.responseFormat);
    expect(again.messages.slice(0, -2)).toEqual(first.messages);
    expect(again.messages.slice(-2).map(({ role }) => role)).toEqual(["assistant", "user"]);
    expect(again.messages.at(-2)!.content).toBe("bad");
    expect(again.messages.at(-1)!.content).toContain('"answer" is missing');
    expect(
      (plan.askAgain(first, "x".repeat(1e6), "").messages.at(-2)!.content as string).length,
    ).toBeLessThan(20_000);
    expect(plan.askAgain(first, " ", "it is empty").messages.at(-2)!.content).toBe("(an empty answer)");
  });

  test("the fixed part of a prompt is rendered once", () => {
    const plan = adapter.plan(asSignature("question -> answer"), [{ question: "d", answer: "e" }]);
    const [one, two] = [plan.ask({ question: "1" }, "text"), plan.ask({ question: "2" }, "text")];
    for (const i of [0, 1, 2]) expect(one.messages[i]).toBe(two.messages[i]);
  });

  test("fields named like methods, and inputs that are left out", async () => {
    const own = asSignature("toString?: string, valueOf -> constructor, hasOwnProperty?: int");
    const plan = adapter.plan(own, []);
    expect(plan.ask({ valueOf: "v" }, "text").messages.at(-1)!.content).not.toContain("native code");
    const values = { constructor: "c" };
    const shown = adapter.plan(own, [{ valueOf: "v", constructor: "c" } as never]);
    expect(await shown.read(shown.ask({ valueOf: "v" }, "text").messages[2]!.content as string)).toEqual({
      values,
      problems: [],
    });
  });

  test("a signature without inputs still asks", () => {
    const { messages } = adapter.plan(asSignature("-> answer"), [{ answer: "a" }]).ask({}, "text");
    expect(contents(messages).every((content) => content !== "")).toBe(true);
  });

  test("an input that JSON cannot hold is an error that names it", () => {
    const plan = adapter.plan(asSignature("data: object -> answer"), []);
    const data: Record<string, unknown> = {};
    data.self = data;
    expect(() => plan.ask({ data }, "text")).toThrow(/inputs: data cannot be written as JSON/);
  });
});

test("JSON is asked for by what the backend can hold an answer to", () => {
  const plan = adapterOf("json").plan(
    asSignature("text -> name, age?: int, box: { a: string, b?: string }"),
    [],
  );
  expect(plan.ask({ text: "x" }, "text").responseFormat).toBeUndefined();
  expect(plan.ask({ text: "x" }, "json").responseFormat).toEqual({ type: "json" });
  const format = plan.ask({ text: "x" }, "json_schema").responseFormat;
  expect(format).toMatchObject({
    type: "json_schema",
    schema: {
      required: ["name", "age", "box"],
      additionalProperties: false,
      properties: {
        age: { anyOf: [{ type: "integer" }, { type: "null" }] },
        box: { required: ["a", "b"], additionalProperties: false },
      },
    },
  });
  expect(Object.isFrozen(format)).toBe(true);
  for (const name of ["chat", "xml"] as const) {
    const own = adapterOf(name).plan(asSignature("text -> name"), []);
    expect(own.ask({ text: "x" }, "json_schema").responseFormat).toBeUndefined();
  }
});

test("an adapter is a name of ours or an object of a user's; anything else is an error that says so", () => {
  const own = { name: "mine", plan: () => adapterOf("chat").plan(asSignature("-> a"), []) };
  expect(adapterOf(own)).toBe(own);
  for (const wrong of ["yaml", 1, {}, undefined, { name: "x" }]) {
    expect(() => adapterOf(wrong as never, "Predict: adapter")).toThrow(
      /^Predict: adapter: expected "chat", "json", "xml" or an adapter/,
    );
  }
});

test("an output named like the end marker does not end the answer", async () => {
  const plan = adapterOf("chat").plan(asSignature("text -> completed: boolean, answer"), [
    { text: "t", completed: true, answer: "a" },
  ]);
  const shown = plan.ask({ text: "x" }, "text").messages[2]!.content as string;
  expect(await plan.read(shown)).toEqual({ values: { completed: true, answer: "a" }, problems: [] });
});
