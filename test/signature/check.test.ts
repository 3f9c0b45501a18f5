import { describe, expect, test } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { checkInputs, checkOutputs } from "../../src/signature/check.ts";
import { signature } from "../../src/signature/make.ts";

const said = (run: () => unknown): string => {
  try {
    return `no error, but ${String(run())}`;
  } catch (error) {
    if (error instanceof TrunklineError && error.code === "signature") return error.message;
    throw error;
  }
};

describe("inputs", () => {
  const one = signature("question, facts: string[], n?: int -> answer");

  test("those that are named are picked, others are left out", () => {
    const given = { question: "q", facts: [], more: 1, n: undefined };
    expect(checkInputs(one, given)).toEqual({ question: "q", facts: [] });
    expect(Object.keys(checkInputs(one, given))).toEqual(["question", "facts"]);
  });

  test("a missing one is an error that names it", () => {
    expect(said(() => checkInputs(one, { qestion: "q", facts: [] }))).toBe(
      'inputs: "question" is missing; given: qestion, facts',
    );
    expect(said(() => checkInputs(one, {}))).toBe(
      'inputs: "question" is missing; "facts" is missing; given: nothing',
    );
    expect(said(() => checkInputs(one, { question: undefined, facts: [] }))).toContain(
      '"question" is missing',
    );
  });

  test("a wrong one is an error with field, place, expected and got, and without the value", () => {
    const secret = "the secret of the prompt";
    expect(said(() => checkInputs(one, { question: { secret }, facts: ["a", { secret }] }))).toBe(
      "inputs: question: expected a string, got an object; facts[1]: expected a string, got an object",
    );
    expect(said(() => checkInputs(one, { question: Promise.resolve(secret), facts: [] }))).toBe(
      "inputs: question: expected a string, got a Promise (an `await` is missing)",
    );
    expect(said(() => checkInputs(one, { question: secret, facts: secret }))).toBe(
      "inputs: facts: expected a list (string[]), got a string",
    );
    expect(said(() => checkInputs(one, { question: secret, facts: [], n: 1.5 }))).toBe(
      "inputs: n: expected a whole number, got a number with a fraction",
    );
  });

  test.each([[null], [undefined], ["a question"], [["a"]], [1]])("%j is no set of inputs", (inputs) => {
    expect(said(() => checkInputs(one, inputs))).toMatch(
      /^inputs: expected an object \(question, facts, n\), got /,
    );
  });

  test("what every object has is no input; a getter of the caller's class is one", () => {
    const odd = signature("constructor, toString -> valueOf");
    expect(said(() => checkInputs(odd, {}))).toContain('"constructor" is missing; "toString" is missing');
    expect(checkInputs(odd, { constructor: "a", toString: "b" })).toEqual({
      constructor: "a",
      toString: "b",
    });
    class Example {
      facts: string[] = [];
      get question(): string {
        return "q";
      }
    }
    expect(checkInputs(one, new Example())).toEqual({ question: "q", facts: [] });
  });

  test("objects of another realm count, Maps and dates do not", async () => {
    const { runInNewContext } = await import("node:vm");
    const any = signature("a: object -> b");
    expect(checkInputs(any, { a: runInNewContext("({ x: 1 })") })).toEqual({ a: { x: 1 } });
    expect(checkInputs(any, { a: Object.create(null) })).toEqual({ a: {} });
    expect(said(() => checkInputs(any, { a: new Map() }))).toBe("inputs: a: expected an object, got a Map");
    expect(said(() => checkInputs(any, { a: new (class Row {})() }))).toContain("got a Row");
  });
});

describe("outputs", () => {
  const one = signature("a -> b: { c: int[] }[], d?: string, e: Optional[str], f: 'x' | 'y'");

  test("the right ones are given beside what is wrong with the others", () => {
    expect(checkOutputs(one, { b: [{ c: [1] }, { c: [2, "3"] }], d: "x", f: "z", more: 1 })).toEqual({
      values: { d: "x", e: null },
      problems: [
        { field: "b", message: "b[1].c[1]: expected a whole number, got a string", missing: false },
        { field: "f", message: "f: expected 'x' | 'y', got a string", missing: false },
      ],
    });
  });

  test("an absent one is null where it may be, missing where it may not", () => {
    expect(checkOutputs(one, { b: [], f: "x" })).toEqual({
      values: { b: [], e: null, f: "x" },
      problems: [],
    });
    expect(checkOutputs(one, { f: "x" })).toMatchObject({
      problems: [{ field: "b", message: '"b" is missing', missing: true }],
    });
  });

  test("null for one that may be left out is one left out", () => {
    expect(checkOutputs(one, { b: [], d: null, e: null, f: "x" })).toEqual({
      values: { b: [], e: null, f: "x" },
      problems: [],
    });
  });

  test("a member that is missing, and one of a union, are told at their place", () => {
    const nested = signature("a -> b: Optional[{ c: { d: int } }], e: int[] | string");
    expect(checkOutputs(nested, { b: { c: {} }, e: [true] })).toMatchObject({
      problems: [
        { message: "b.c.d: expected int, got nothing" },
        { message: "e: expected int[] | string, got a list of 1" },
      ],
    });
    const odd = signature("a -> b: dict[str, int]");
    expect(checkOutputs(odd, { b: { "two words": "x" } })).toMatchObject({
      problems: [{ message: 'b["two words"]: expected a whole number, got a string' }],
    });
  });
});
