import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkOutputs } from "../../src/signature/check.ts";
import { signature } from "../../src/signature/make.ts";
import { type WeakAnswer, weakAnswers } from "./corpus/index.ts";

const keys = ["id", "kind", "adapter", "signature", "answer", "expect", "why", "link"];
const links = weakAnswers.flatMap(({ link }) => link ?? []);

describe("the corpus of weak answers", () => {
  test("is large, and much of it follows public reports", () => {
    expect(weakAnswers.length).toBeGreaterThanOrEqual(220);
    expect(links.length).toBeGreaterThanOrEqual(110);
    expect(new Set(links).size).toBeGreaterThanOrEqual(60);
  });

  test("names each case once and asks each answer of a format once", () => {
    const ids = weakAnswers.map(({ id }) => id);
    const asked = weakAnswers.map((one) => `${one.adapter} ${one.signature} ${one.answer}`);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
    expect(asked.filter((one, at) => asked.indexOf(one) !== at)).toEqual([]);
  });

  test("is the one that DSPy's adapters were run on", () => {
    const folder = new URL("./corpus/", import.meta.url);
    const hash = createHash("sha256");
    for (const name of readdirSync(folder).toSorted()) {
      if (name.endsWith(".json")) hash.update(readFileSync(new URL(name, folder)));
    }
    const file = new URL("../fixtures/dspy-adapters/results.json", import.meta.url);
    const results = JSON.parse(readFileSync(file, "utf8"));
    expect(results.corpus, "run test/fixtures/dspy-adapters/run.py again").toBe(hash.digest("hex"));
    expect(Object.keys(results.cases)).toEqual(weakAnswers.map(({ id }) => id));
  });

  test("covers every adapter, values and errors", () => {
    for (const adapter of ["chat", "json", "xml"]) {
      const own = weakAnswers.filter((one) => one.adapter === adapter);
      expect(own.filter(({ expect }) => "values" in expect).length).toBeGreaterThanOrEqual(10);
      expect(own.filter(({ expect }) => "error" in expect).length).toBeGreaterThanOrEqual(1);
    }
  });

  test.each(weakAnswers.map((one) => [one.id, one] as const))("%s is well-formed", async (_, one) => {
    expect(keys).toEqual(expect.arrayContaining(Object.keys(one)));
    expect(one.id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(one.why).toMatch(/^[^\n]{10,120}[.!]$/);
    if (one.link !== undefined) expect(one.link).toMatch(/^https:\/\/\S+$/);
    await checkExpectation(one);
  });
});

async function checkExpectation(one: WeakAnswer): Promise<void> {
  const asked = signature(one.signature);
  const names = asked.outputs.map(({ name }) => name);
  if ("error" in one.expect) {
    expect(names).toEqual(expect.arrayContaining([...one.expect.error]));
    return;
  }
  const { values, problems } = await checkOutputs(asked, one.expect.values);
  expect(problems).toEqual([]);
  expect(values).toEqual(one.expect.values);
}
