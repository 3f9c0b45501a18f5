import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { adapterNames, answerOf, hostileText, type Name, read, words } from "./cases.ts";

/** Outputs of every sort, and values that fit them. */
const signature =
  "text -> reasoning, label: 'in stock' | 'sold_out', count: int, ratio: number, sure: boolean, tags: string[], box: { id: string, size?: int }, note?: string";
const values = fc.record(
  {
    reasoning: words,
    label: fc.constantFrom("in stock", "sold_out"),
    count: fc.integer(),
    ratio: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
    sure: fc.boolean(),
    tags: fc.array(words, { maxLength: 4 }),
    box: fc.record({ id: words, size: fc.integer() }, { requiredKeys: ["id"] }),
    note: words,
  },
  { requiredKeys: ["reasoning", "label", "count", "ratio", "sure", "tags", "box"] },
);
type Values = typeof values extends fc.Arbitrary<infer V> ? V : never;

/** Sentences without any sign of structure. */
const prose = fc.array(words, { maxLength: 3 }).map((lines) => lines.join(".\n"));
const thoughts = fc.tuple(hostileText, hostileText).map((texts) => texts.join("").replaceAll("</think>", ""));

/**
 * Noise that changes nothing: around an answer there may be prose, a fence, thoughts (with whole drafts in them) and
 * the end tokens of a template; line ends may be those of Windows; the whole may be there twice.
 */
const around: Readonly<Record<string, (answer: string, text: string, hidden: string) => string>> = {
  "prose before and behind": (answer, text) => `${text}\n\n${answer}\n\n${text}`,
  "a fence": (answer) => `\`\`\`\n${answer}\n\`\`\``,
  thoughts: (answer, _, hidden) => `<think>${hidden}</think>\n\n${answer}`,
  "thoughts and a draft": (answer, text, hidden) => `<think>${hidden}\n${answer}\n${text}</think>\n${answer}`,
  "end tokens": (answer) => `${answer}\n<|im_end|>\n`,
  "line ends of Windows": (answer) => answer.replaceAll("\n", "\r\n"),
  "a byte order mark": (answer) => `\ufeff${answer}`,
  "the same twice": (answer, text) => `${answer}\n\n${text}\n\n${answer}`,
};

async function reads(name: Name, answer: string, wanted: Values): Promise<void> {
  const got = await read(name, signature, answer);
  expect(got.problems).toEqual([]);
  expect(got.values).toEqual(wanted);
}

/** Either everything is right, or there is a problem: never a wrong value without a word. */
async function neverWrong(name: Name, answer: string, wanted: Values): Promise<void> {
  const got = await read(name, signature, answer);
  if (got.problems.length === 0) expect({ answer, values: got.values }).toEqual({ answer, values: wanted });
}

describe.each(adapterNames)("%s", (name) => {
  test.each(Object.entries(around))("P1: %s around an answer changes nothing", async (_, noise) => {
    await fc.assert(
      fc.asyncProperty(values, prose, thoughts, async (wanted, text, hidden) => {
        await reads(name, noise(answerOf(name, signature, wanted), text, hidden), wanted);
      }),
      { numRuns: 150 },
    );
  });

  test("P4: a second block with other values is the answer, or a problem", async () => {
    await fc.assert(
      fc.asyncProperty(values, values, async (first, second) => {
        const answer = `${answerOf(name, signature, first)}\n${answerOf(name, signature, second)}`;
        await neverWrong(name, answer, second);
      }),
      { numRuns: 150 },
    );
  });
});
