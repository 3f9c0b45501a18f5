import { describe, expect, test } from "vitest";
import { Clears } from "../../src/cache/clears.ts";
import { ask, Rig, settled } from "./rig.ts";

describe("clearing one scope", () => {
  const use = (scope: string) => ({ cache: { mode: "use", scope } }) as const;

  test("R103, R108: leaves the work of other scopes joined and stored", async () => {
    const rig = new Rig();
    const [one, two] = [rig.ask(use("one")), rig.ask(use("two"))];
    await rig.cache.clear("one");
    const [again, joined] = [rig.ask(use("one")), rig.ask(use("two"))];
    expect(rig.works).toHaveLength(3);
    rig.works[0]!.answer("of the first run");
    rig.works[1]!.answer("of two");
    rig.works[2]!.answer("of the second run");
    const texts = await Promise.all(
      [one, two, again, joined].map(async ({ promise }) => (await promise).text),
    );
    expect(texts).toEqual(["of the first run", "of two", "of the second run", "of two"]);
    expect((await rig.get(use("two"))).cacheHit).toBe(true);
    expect((await rig.get(use("one"))).text).toBe("of the second run");
  });

  test("C19: the end of work from before a clear takes nothing of the same question out of the table", async () => {
    const rig = new Rig();
    const before = rig.ask();
    await rig.cache.clear();
    const after = rig.ask();
    rig.works[0]!.answer("of the first run");
    await before.promise;
    const joined = rig.ask();
    expect(rig.works).toHaveLength(2);
    rig.works[1]!.answer("of the second run");
    for (const { promise } of [after, joined]) expect((await promise).text).toBe("of the second run");
  });

  test("R108: an answer that comes after a clear of its scope, or of everything, is not stored", async () => {
    for (const cleared of ["one", undefined]) {
      const rig = new Rig();
      const given = rig.ask(use("one"));
      await rig.cache.clear("another");
      await rig.cache.clear(cleared);
      rig.works[0]!.answer("late");
      await given.promise;
      await settled();
      expect(rig.cache.stats().entries).toBe(0);
    }
  });

  test("more scopes than are told apart: what was asked before is not stored, never the reverse", () => {
    const clears = new Clears();
    for (let i = 0; i < 1_000; i++) clears.add(`scope ${i}`);
    expect(clears.reached("untouched", 0)).toBe(false);
    expect(clears.reached("scope 7", 7)).toBe(true);
    expect(clears.reached("scope 7", 8)).toBe(false);
    clears.add("one more");
    expect(clears.reached("untouched", 1_000)).toBe(true);
    expect(clears.reached("scope 7", 1_000)).toBe(true);
    expect(clears.reached("scope 7", 1_001)).toBe(false);
  });
});

test("a scope's clear is no other scope's, whatever their names", async () => {
  const rig = new Rig();
  for (const scope of ["a", "ab", ""]) await rig.get({ cache: { mode: "use", scope }, request: ask("x") });
  await rig.cache.clear("a");
  expect(rig.cache.stats().entries).toBe(2);
  await rig.cache.clear("");
  expect(rig.cache.stats().entries).toBe(1);
});
