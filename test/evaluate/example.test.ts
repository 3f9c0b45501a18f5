import { expect, expectTypeOf, test } from "vitest";
import { markedInputs } from "../../src/evaluate/example.ts";
import { Example } from "../../src/index.ts";

const row = { question: "1+1", hint: "add", answer: "2" };

test("its fields are its members, and nobody can change them", () => {
  const example = new Example(row);
  expectTypeOf(example.answer).toBeString();
  expect(example.answer).toBe("2");
  expect({ ...example }).toEqual(row);
  expect(JSON.stringify(example)).toBe(JSON.stringify(row));
  expect(() => Object.assign(example, { answer: "3" })).toThrow(TypeError);
  expect(example).toBeInstanceOf(Example);
});

test("withInputs tells inputs from labels, and gives a new example", () => {
  const plain = new Example(row);
  const example = plain.withInputs("question", "hint");
  expect(example.inputs()).toEqual({ question: "1+1", hint: "add" });
  expect(example.labels()).toEqual({ answer: "2" });
  expectTypeOf(example.inputs()).toEqualTypeOf<Readonly<Pick<typeof row, "question" | "hint">>>();
  expectTypeOf(example.labels()).toEqualTypeOf<Readonly<Omit<typeof row, "question" | "hint">>>();
  // @ts-expect-error: there is no such field
  plain.withInputs("questoin");
  expect(() => plain.inputs()).toThrow(/withInputs/);
  expect(markedInputs(plain)).toBeUndefined();
});

test("copy and without keep the marks", () => {
  const example = new Example(row).withInputs("question", "hint");
  const copied = example.copy({ answer: 2, source: "a book" });
  expectTypeOf(copied.answer).toBeNumber();
  expect({ ...copied }).toEqual({ ...row, answer: 2, source: "a book" });
  expect(copied.inputs()).toEqual({ question: "1+1", hint: "add" });
  const less = example.without("hint");
  expect({ ...less }).toEqual({ question: "1+1", answer: "2" });
  expect([less.inputs(), less.labels()]).toEqual([{ question: "1+1" }, { answer: "2" }]);
  // @ts-expect-error: it is gone
  expect(less.hint).toBeUndefined();
});

test("one that is marked fits where one is asked for", () => {
  const list: Example<typeof row>[] = [new Example(row), new Example(row).withInputs("question")];
  expect(list).toHaveLength(2);
  const loose: Example[] = [new Example(row as Record<string, unknown>).withInputs("anything")];
  expect(loose[0]!.inputs()).toEqual({});
});

test("a field may be named like a method, which it hides, or like anything else", () => {
  const odd = new Example({ inputs: "wires", labels: ["a"], copy: 1, constructor: 2 });
  expectTypeOf(odd.labels).toEqualTypeOf<string[]>();
  expect([odd.inputs, odd.labels, odd.copy]).toEqual(["wires", ["a"], 1]);
  const marked = odd.withInputs("inputs");
  expect(markedInputs(marked)).toEqual(["inputs"]);
  const proto = new Example(JSON.parse('{ "__proto__": { "polluted": true }, "a": 1 }'));
  expect(Object.keys(proto)).toEqual(["__proto__", "a"]);
  expect((proto as { polluted?: boolean }).polluted).toBeUndefined();
});

test.each([["a text"], [null], [[1, 2]]])("%j is no row", (fields) => {
  expect(() => new Example(fields as object)).toThrow(/Example: expected an object of fields/);
});

test("marks are names", () => {
  expect(() => new Example(row).withInputs(...([["question"]] as never[]))).toThrow(/withInputs/);
});
