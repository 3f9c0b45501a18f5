import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { adapterOf } from "../../src/adapter/adapters.ts";
import { asSignature } from "../../src/signature/make.ts";
import { weakAnswers } from "./corpus/index.ts";

test.each(weakAnswers)(
  "P1 P2 P3 P5: $adapter $id: $why",
  async ({ adapter, signature, answer, expect: wanted }) => {
    const parsed = asSignature(signature);
    const { values, problems } = await adapterOf(adapter).plan(parsed, []).read(answer);
    const wrong = [...new Set(problems.map(({ field }) => field))].sort();
    if ("values" in wanted) {
      expect({ values, wrong }).toEqual({ values: wanted.values, wrong: [] });
      return;
    }
    const required = parsed.outputs.filter(({ optional, nullable }) => !optional && !nullable);
    const names = wanted.error.length > 0 ? wanted.error : required.map(({ name }) => name);
    expect(wrong).toEqual([...names].sort());
  },
);

test("docs/adapters.md shows the counts of both", () => {
  const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  const { total } = JSON.parse(read("test/fixtures/dspy-adapters/results.json"));
  const page = read("docs/adapters.md");
  const theirs = [total.right, total["wrong value"], total["wrongly accepted"], total.error].join(" | ");
  expect(page).toContain(`| trunkline | ${weakAnswers.length} | 0 | 0 | 0 |`);
  expect(page).toContain(`| DSPy 3.4.1 | ${theirs} |`);
});
