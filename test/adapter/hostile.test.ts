import { describe, expect, test } from "vitest";
import { adapterOf } from "../../src/adapter/adapters.ts";
import { asSignature } from "../../src/signature/make.ts";
import { adapterNames, type Name } from "./cases.ts";

/** Pieces that start something and end nothing, over and over. */
const pieces = [
  "[[ ##",
  "[[ ## answer ## ]]",
  "[[ ## answer ## ]]\n",
  "[[ ## text ## ]]\n",
  "[[ ## completed ## ]] ",
  "[[",
  "[[ \\",
  "{",
  "[",
  "{{[",
  '{"',
  '{"answer":',
  '{"answer":{',
  '{"answer": "x',
  '{"answer": "x"',
  '"answer": "x",\n',
  '{"a": [1, 0) ',
  '["',
  '"',
  "'",
  '" "',
  '{"answer": "x",\n"',
  "{//",
  "{/*",
  "{#",
  "\\",
  "\\u",
  "<answer>",
  "</answer>",
  "<answer>x</answer>",
  "<",
  "< answer",
  "<answer ",
  "&lt;",
  "&#",
  "<think>",
  "</think>",
  "```\n",
  "answer: ",
  "## ",
  "> ",
  "-",
  " ",
  "\n",
  "1,",
  "- x\n",
] as const;

const signature = asSignature("text -> answer, items?: string[], box?: { a: string }");
const inside: Readonly<Record<Name, string>> = {
  chat: "[[ ## items ## ]]\n",
  json: '{"items": ',
  xml: "<box>",
};

// What took time by the square of the length would run into the runner's own limit; nothing is timed.
describe.each(adapterNames)("%s: much of", (name) => {
  test.each(pieces)("P1: %j", async (piece) => {
    const text = piece.repeat(Math.ceil(40_000 / piece.length));
    const plan = adapterOf(name).plan(signature, []);
    for (const answer of [text, inside[name] + text]) {
      expect((await plan.read(answer)).problems).toBeDefined();
    }
    const reader = plan.reader();
    for (let at = 0; at < text.length; at += 5_000) reader.push(text.slice(at, at + 5_000));
    reader.end();
  });
});

test.each(["[[ ##", "{", "[", "<answer>", "<items>x</items>", '"'])("P1: a megabyte of %j", async (piece) => {
  for (const name of adapterNames) {
    const { problems } = await adapterOf(name)
      .plan(signature, [])
      .read(piece.repeat(1_000_000 / piece.length));
    expect(problems).not.toEqual([]);
  }
});
