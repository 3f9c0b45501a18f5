import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { runInScope } from "../../../src/lm/scope.ts";
import { unlessLeft } from "../../../src/program/leaving.ts";
import { FakeClock } from "../../../src/testing/fake-clock.ts";

test("what ends before the run around it leaves neither a listener nor a timer", async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const under = { signals: [signal], deadlineAt: 1000 };
  expect(await runInScope(under, () => unlessLeft(clock, async () => "done"))).toBe("done");
  await expect(
    runInScope(under, () => unlessLeft(clock, () => Promise.reject(new Error("failed")))),
  ).rejects.toThrowError("failed");
  expect(getEventListeners(signal, "abort")).toEqual([]);
  expect(clock.pending).toBe(0);
});

test("inside a run that is over nothing is begun", async () => {
  const clock = new FakeClock();
  let begun = 0;
  const begin = async () => ++begun;
  const aborted = runInScope({ signals: [AbortSignal.abort()] }, () => unlessLeft(clock, begin));
  await expect(aborted).rejects.toMatchObject({ code: "aborted" });
  const late = runInScope({ deadlineAt: 0 }, () => unlessLeft(clock, begin));
  await expect(late).rejects.toMatchObject({ code: "timeout" });
  expect(begun).toBe(0);
});
