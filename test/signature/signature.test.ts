import { describe, expect, test } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { asSignature, signature } from "../../src/signature/make.ts";
import type { Signature } from "../../src/signature/signature.ts";
import { prefixOf } from "../../src/signature/words.ts";

const QA = signature("question, hint? -> answer, score: number", "Answer it.");
const said = (run: () => unknown): string => {
  try {
    return `no error, but ${String(run())}`;
  } catch (error) {
    if (error instanceof TrunklineError && error.code === "signature") return error.message;
    throw error;
  }
};
const names = (one: Signature<unknown, unknown>): string =>
  `${one.inputs.map(({ name }) => name)} -> ${one.outputs.map(({ name }) => name)}`;

describe("instructions", () => {
  test("without any they are DSPy's", () => {
    expect(signature("a, b -> c").instructions).toBe("Given the fields `a`, `b`, produce the fields `c`.");
    expect(signature("-> c, d").instructions).toBe("Produce the fields `c`, `d`.");
    expect(signature({ input: "a", output: "b" }).instructions).toBe(
      "Given the fields `a`, produce the fields `b`.",
    );
  });

  test("those of a source file lose its indentation, others stay as they are", () => {
    const text = `
      Sort by mood:
        - good
        - bad
    `;
    expect(signature("a -> b", text).instructions).toBe("Sort by mood:\n  - good\n  - bad");
    expect(signature({ input: "a", output: "b", instructions: text }).instructions).toContain(
      "mood:\n  - good",
    );
    expect(signature("a -> b", "").instructions).toBe("");
    expect(QA.withInstructions("  as\n    given  ").instructions).toBe("  as\n    given  ");
  });

  test("a change gives a new value and leaves the old", () => {
    const other = QA.withInstructions("Be brief.");
    expect([QA.instructions, other.instructions]).toEqual(["Answer it.", "Be brief."]);
    expect(other.inputs).toEqual(QA.inputs);
    expect(said(() => QA.withInstructions(undefined as never))).toBe(
      "instructions: expected a string, got undefined",
    );
    expect(said(() => signature("a -> b", 7 as never))).toBe("instructions: expected a string, got 7");
  });
});

test("R21: a signature is frozen through and through, and made once for one text", () => {
  const one = signature("a -> b: { c: 'x' | 'y' }[]");
  const frozen = (value: unknown): boolean =>
    typeof value !== "object" ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));
  expect(frozen(one)).toBe(true);
  expect(signature("a -> b: { c: 'x' | 'y' }[]")).toBe(one);
  // What is remembered is bounded.
  for (let i = 0; i < 1_001; i++) signature(`a -> b${i}`);
  expect(signature("a -> b: { c: 'x' | 'y' }[]")).not.toBe(one);
  expect(signature("a -> b: { c: 'x' | 'y' }[]").equals(one)).toBe(true);
});

describe("edits", () => {
  test("append, prepend and insert put fields where they say", () => {
    expect(names(QA.append("outputs", "why, sure: boolean"))).toBe("question,hint -> answer,score,why,sure");
    expect(names(QA.prepend("outputs", "reasoning"))).toBe("question,hint -> reasoning,answer,score");
    expect(names(QA.insert("inputs", 1, { past: "history" }))).toBe("question,past,hint -> answer,score");
    expect(names(QA.insert("inputs", -2, "past"))).toBe("question,past,hint -> answer,score");
    expect(names(QA.insert("inputs", 2, "past"))).toBe("question,hint,past -> answer,score");
    expect(names(QA)).toBe("question,hint -> answer,score");
    expect(QA.append("inputs", "x").instructions).toBe("Answer it.");
  });

  test("a place that is not there, a name that is taken and a wrong side are refused", () => {
    expect(said(() => QA.insert("inputs", 3, "x"))).toBe("insert: expected a place from -3 to 2, got 3");
    expect(said(() => QA.insert("inputs", -4, "x"))).toContain("expected a place");
    expect(said(() => QA.insert("inputs", 0.5, "x"))).toContain("expected a place");
    expect(said(() => QA.append("inputs", "answer"))).toContain('the name "answer" is there twice');
    expect(said(() => QA.append("output" as "outputs", "x"))).toBe(
      'expected "inputs" or "outputs", got "output"',
    );
    expect(said(() => QA.append("outputs", "x: strng"))).toContain('did you mean "string"');
    expect(said(() => QA.append("outputs", "x: image"))).toContain("can only be inputs");
  });

  test("delete takes one field, of either side, but not the last output", () => {
    expect(names(QA.delete("hint").delete("score"))).toBe("question -> answer");
    expect(names(QA.delete("hint").delete("question"))).toBe(" -> answer,score");
    expect(said(() => QA.delete("scores" as "score"))).toContain('no field "scores"; did you mean "score"?');
    expect(said(() => signature("a -> b").delete("b"))).toBe("signature: expected at least one output");
  });

  test("withUpdatedField changes what it names and nothing else", () => {
    const text = (one: Signature<unknown, unknown>): string => String(one);
    expect(text(QA.withUpdatedField("answer", { description: "one word" }))).toBe(
      "question: string, hint?: string -> answer: string 'one word', score: number",
    );
    const described = QA.withUpdatedField("answer", { type: "string[] 'all'" });
    expect(text(described)).toContain("answer: string[] 'all'");
    expect(text(described.withUpdatedField("answer", { type: "int" }))).toContain("answer: int 'all'");
    expect(text(QA.withUpdatedField("hint", { type: "'a' | None" }))).toContain("hint?: 'a' | null");
    expect(QA.withUpdatedField("hint", { type: "'a' | None" }).inputs[1]).toMatchObject({ nullable: true });
    expect(text(QA.withUpdatedField("score", { optional: true }))).toContain("score?: number");
    expect(text(described.withUpdatedField("answer", { description: "" }))).toContain("answer: string[],");
    expect(said(() => QA.withUpdatedField("x" as "hint", {}))).toContain('withUpdatedField: no field "x"');
  });
});

describe("comparison", () => {
  test("equal fields under equal instructions are equal, however they were spelt", () => {
    expect(signature("a: str -> b: Optional[list[int]]").equals(signature("a -> b: int[]|null"))).toBe(true);
    expect(signature("a, b -> c").canonicalText).toBe(
      signature({ input: "a,b", output: { c: "string" } }).canonicalText,
    );
  });

  test.each([
    "a, c -> b",
    "a?, b -> c",
    "b, a -> c",
    "a, b 'x' -> c",
    "a, b: int -> c",
    "a, b -> c: number",
    "a, b: image -> c",
    "a, b: file -> c",
    "a, b: history -> c",
    "a, b: object[] -> c",
    "a, b -> c: dict[str, int]",
    "a, b -> c: object",
  ])("%s differs from all others", (text) => {
    const instructions = "same";
    const all = ["a, b -> c", text].map((one) => signature(one, instructions).canonicalText);
    expect(new Set(all).size).toBe(2);
    expect(signature(text, "other").equals(signature(text, instructions))).toBe(false);
  });

  test("media and conversations differ from objects that look alike", () => {
    const texts = ["image", "file", "history", "object", "object[]"].map(
      (type) => signature(`a: ${type} -> c`).canonicalText,
    );
    expect(new Set(texts).size).toBe(5);
  });
});

test("the JSON Schema of a side is what providers take", () => {
  const one = signature(
    "a -> b: 'x' | 'y', c?: int 'how many', d: Optional[float], e: { f: bool, g?: str[] }[], h: dict[str, int], i: 'x' | 2, j: 'x' | 'y' | None, constructor",
  );
  expect(one.jsonSchema("outputs")).toEqual({
    type: "object",
    properties: {
      b: { type: "string", enum: ["x", "y"] },
      c: { type: "integer", description: "how many" },
      d: { anyOf: [{ type: "number" }, { type: "null" }] },
      e: {
        type: "array",
        items: {
          type: "object",
          properties: { f: { type: "boolean" }, g: { type: "array", items: { type: "string" } } },
          required: ["f"],
          additionalProperties: false,
        },
      },
      h: { type: "object", additionalProperties: { type: "integer" } },
      i: { anyOf: [{ const: "x" }, { const: 2 }] },
      j: { anyOf: [{ type: "string", enum: ["x", "y"] }, { type: "null" }] },
      constructor: { type: "string" },
    },
    required: ["b", "d", "e", "h", "i", "j", "constructor"],
    additionalProperties: false,
  });
  expect(one.jsonSchema("inputs")).toMatchObject({ properties: { a: { type: "string" } }, required: ["a"] });
  expect(said(() => one.jsonSchema("output" as "outputs"))).toContain('expected "inputs" or "outputs"');
});

test("DSPy's prefixes", () => {
  const expected = {
    answer: "Answer:",
    final_answer: "Final Answer:",
    finalAnswer: "Final Answer:",
    text2number: "Text 2 Number:",
    HTMLParser: "HTML Parser:",
    some_ID: "Some ID:",
    q1: "Q 1:",
    answerURL: "Answer URL:",
  };
  expect(Object.fromEntries(Object.keys(expected).map((name) => [name, prefixOf(name)]))).toEqual(expected);
});

test("a text or a signature is taken as a signature, anything else is refused", () => {
  expect(String(asSignature("a -> b"))).toBe("a: string -> b: string");
  expect(asSignature(QA)).toBe(QA);
  for (const wrong of [undefined, null, 1, {}, []]) {
    expect(said(() => asSignature(wrong as never))).toMatch(/^expected a signature, or a text like/);
    expect(said(() => signature(wrong as never))).toMatch(/^signature: expected a text like/);
  }
});
