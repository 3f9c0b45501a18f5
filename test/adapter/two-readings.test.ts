import { expect, test } from "vitest";
import { adapterOf } from "../../src/adapter/adapters.ts";
import { asSignature } from "../../src/signature/make.ts";
import type { Name } from "./cases.ts";

const section = (name: string, value: string): string => `[[ ## ${name} ## ]]\n${value}\n\n`;

async function read(adapter: Name, signature: string, answer: string) {
  return adapterOf(adapter).plan(asSignature(signature), []).read(answer);
}

test.each<readonly [why: string, adapter: Name, signature: string, answer: string]>([
  ["a decimal comma is no thousands sign", "chat", "q -> n: number", section("n", "0,500")],
  ["nor below zero", "chat", "q -> n: number", section("n", "-0,125")],
  ["nor in JSON", "json", "q -> n: number", '{"n": 0,500}'],
  ["thousands in a list are no items", "chat", "q -> n: number[]", section("n", "[1,000, 2]")],
  ["nor in a list in JSON", "json", "q -> n: int[]", '{"n": [2,000]}'],
  ["a grade with a minus is another grade", "chat", "q -> n: 'A' | 'B'", section("n", "B-")],
  ["a name with two dashes is another name", "chat", "q -> n: 'C' | 'C++'", section("n", "C--")],
  ["one member twice", "json", "q -> n: { a: int }", '{"n": {"a": 1, "a": 2}}'],
  ["one member twice in a section", "chat", "q -> n: { a: int }", section("n", '{"a": 1, "a": 2}')],
  ["one member in two spellings", "chat", "q -> n: { a: int }", section("n", '{"a": 1, "A": 2}')],
  ["one member of an item twice", "json", "q -> n: { a: int }[]", '{"n": [{"a": 1, "a": 2}]}'],
  ["one key of a map twice", "json", "q -> n: dict[str, int]", '{"n": {"a": 1, "a": 2}}'],
  ["one tag of a map twice", "xml", "q -> n: dict[str, int]", "<n><k>1</k><k>2</k></n>"],
  ["two texts with a plus", "json", "q -> n", '{"n": "x" + "y"}'],
  ["two texts side by side", "json", "q -> n", '{"n": "x" "y"}'],
  ["two texts on two lines", "json", "q -> n", '{"n": "x"\n"y"}'],
  ["more than a number can hold, anywhere", "json", "q -> n: object", '{"n": {"a": 1e999}}'],
  ["a start tag inside a field of its name", "xml", "q -> n", "<n>if (x<n>y) z</n>"],
  ["items and an empty tag", "xml", "q -> n: string[]", "<n>a</n><n></n>"],
  ["bullets below bullets", "chat", "q -> n: string[]", section("n", "- a\n- b\n  - c")],
  ["bullets below a heading", "chat", "q -> n: string[]", section("n", "- Animals:\n  - cat\n  - dog")],
  ["a source in brackets", "chat", "q -> n: string[]", section("n", "Paris is the capital [1].")],
  ["a source behind a sentence", "json", "q -> n: string[]", "It is Paris. [citation needed]"],
  ["an index", "chat", "q -> n: int[]", section("n", "arr[0]")],
  ["a link", "chat", "q -> n: string[]", section("n", "[a](http://x)")],
  ["a list that is denied", "chat", "q -> n: string[]", section("n", "not ['x', 'y'] any more")],
  ["an empty tag and items", "xml", "q -> n: string[]", "<n></n><n>a</n>"],
])("%s: no value where there are two readings", async (_, adapter, signature, answer) => {
  const { problems } = await read(adapter, signature, answer);
  expect(problems.map(({ field }) => field)).toEqual(["n"]);
});

test.each<readonly [why: string, adapter: Name, signature: string, answer: string, value: unknown]>([
  ["thousands", "chat", "q -> n: number", section("n", "-1,234,567.5"), -1234567.5],
  ["a bullet before a choice", "chat", "q -> n: 'A' | 'B'", section("n", "- B"), "B"],
  ["a list behind a colon", "chat", "q -> n: int[]", section("n", "Here it is [1]: [2, 3]"), [2, 3]],
  ["a list on a line of its own", "json", "q -> n: int[]", "Here it is.\n[2, 3]\nDone.", [2, 3]],
  ["a heading alone", "chat", "q -> n: string[]", section("n", "- Animals:"), ["Animals:"]],
  ["bullets that are all indented", "chat", "q -> n: string[]", section("n", "  - a\n  - b"), ["a", "b"]],
  ["numbers of two lengths", "chat", "q -> n: string[]", section("n", " 9. a\n10. b"), ["a", "b"]],
  ["no items between tags", "xml", "q -> n: string[]", "<n></n>", []],
  ["no items in a tag alone", "xml", "q -> n: string[]", "<n/>", []],
  ["a formula in JSON in a section", "chat", "q -> n: string[]", section("n", '["\\frac12"]'), ["\\frac12"]],
  ["equal members twice", "json", "q -> n: { a: int }", '{"n": {"a": 1, "a": 1}}', { a: 1 }],
  [
    "colons and quotes in texts",
    "json",
    "q -> n: { a }",
    '{"n": {"a": "x: \\"a\\": y"}}',
    { a: 'x: "a": y' },
  ],
])("%s: a value", async (_, adapter, signature, answer, value) => {
  expect(await read(adapter, signature, answer)).toEqual({ values: { n: value }, problems: [] });
});

test.each<readonly [signature: string, answer: string, says: string]>([
  ["q -> n: 'yes' | 'no'", '{"n": "perhaps"}', 'n: expected "yes" or "no", got a string'],
  [
    "q -> n: 'yes' | 'no' | int",
    '{"n": "perhaps"}',
    'n: expected "yes" or "no" or a whole number, got a string',
  ],
  ["q -> n: int", '{"n": true}', "n: expected a whole number, got true"],
  ["q -> n: int", '{"n": null}', "n: expected a whole number, got null"],
  ["q -> n", '{"n": null}', "n: expected a text, got null"],
  [
    "q -> n: int",
    '{"n": 9007199254740993}',
    "n is beyond the whole numbers that are exact here (9007199254740991)",
  ],
  [
    "q -> n: { a: int, b: int }",
    '{"n": {"a": 1, "b": 1, "b": 2}}',
    "n.b is there twice, with different values",
  ],
])("%s from %s says what was expected and what came", async (signature, answer, says) => {
  const { problems } = await read("json", signature, answer);
  expect(problems.map(({ message }) => message)).toEqual([says]);
});
