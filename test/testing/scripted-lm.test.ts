import { expect, test } from "vitest";
import { scriptedLM } from "../../src/testing/scripted-lm.ts";

test("keepCalls: 0 keeps no call", async () => {
  const lm = scriptedLM(["one"], { keepCalls: 0 });
  expect((await lm.call("Say one.")).text).toBe("one");
  expect(lm.calls).toEqual([]);
});
