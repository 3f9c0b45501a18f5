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
