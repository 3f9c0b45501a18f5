import { expect, test } from "vitest";
import { Rig } from "./rig.ts";

test("smoke", async () => {
  const rig = new Rig();
  const a = rig.ask();
  const b = rig.ask({ stream: true });
  rig.works[0]!.answer("hi");
  expect((await a.promise).cacheHit).toBe(false);
  expect((await b.promise).text).toBe("hi");
  expect(b.text()).toBe("hi");
  expect((await rig.get()).cacheHit).toBe(true);
  expect(rig.works.length).toBe(1);
  expect(rig.cache.stats()).toMatchObject({ hits: 1, misses: 1, joins: 1, entries: 1 });
  const s = rig.ask({ stream: true });
  await s.promise;
  expect(s.text()).toBe("hi");
});
