import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Demand } from "../../src/cache/demand.ts";
import type { Entry } from "../../src/cache/store.ts";
import { priorities } from "../../src/core/call.ts";
import { completion } from "../../src/core/completion.ts";
import { fakeStore } from "./fake-store.ts";
import { Rig, settled } from "./rig.ts";

test("whoever comes and goes, it is the latest deadline and the highest priority of those who are there", () => {
  const wants = fc.record({
    deadlineAt: fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY),
    priority: fc.constantFrom(...priorities),
  });
  const step = fc.record({ wants, leaves: fc.option(fc.nat(20)) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const waiting: { ask: { options: typeof wants extends fc.Arbitrary<infer W> ? W : never } }[] = [];
      const demand = new Demand(waiting);
      let told = { deadlineAt: demand.deadlineAt, priority: demand.priority };
      for (const { wants: options, leaves } of steps) {
        let moved: boolean;
        if (leaves === null || waiting.length === 0) {
          waiting.push({ ask: { options } });
          moved = demand.add(options);
        } else {
          const [gone] = waiting.splice(leaves % waiting.length, 1);
          moved = demand.remove(gone!.ask.options);
        }
        if (moved) told = { deadlineAt: demand.deadlineAt, priority: demand.priority };
        const all = waiting.map(({ ask: { options: each } }) => each);
        const truth = {
          deadlineAt: Math.max(...all.map(({ deadlineAt }) => deadlineAt)),
          priority: priorities.find((each) => all.some(({ priority }) => priority === each)) ?? "batch",
        };
        // Who asks again only when told so knows it too.
        expect(told).toEqual(truth);
        expect({ deadlineAt: demand.deadlineAt, priority: demand.priority }).toEqual(truth);
      }
    }),
  );
});

describe("work that waits for its turn", () => {
  test("is for those alone whom what was found did not answer", async () => {
    const found = Promise.withResolvers<Entry>();
    const rig = new Rig({ options: { tiers: ["memory", fakeStore({ get: () => found.promise })] } });
    await rig.clock.advance(1_000);
    const content = rig.ask({ priority: "interactive", deadlineAt: 9_000 });
    const choosy = { mode: "use", scope: "", ttl: 10 } as const;
    rig.ask({ priority: "batch", deadlineAt: 5_000, cache: choosy });
    found.resolve({ answer: { ...completion("old"), cacheHit: true }, bytes: 3, givenAt: 0 });
    expect((await content.promise).text).toBe("old");
    await settled();
    const { deadlineAt, priority } = rig.works[0]!.options;
    expect([deadlineAt, priority]).toEqual([5_000, "batch"]);
  });

  test("a listener that throws at what was found ends its own call, and none is asked for", async () => {
    const found = Promise.withResolvers<Entry>();
    const rig = new Rig({ options: { tiers: ["memory", fakeStore({ get: () => found.promise })] } });
    const throwing = rig.ask({
      onDelta: () => {
        throw new Error("enough");
      },
    });
    found.resolve({ answer: { ...completion("old"), cacheHit: true }, bytes: 3, givenAt: 0 });
    await expect(throwing.promise).rejects.toMatchObject({ code: "aborted" });
    await settled();
    expect(rig.works).toHaveLength(0);
  });

  test("hears that somebody more urgent or more patient joined, or left", () => {
    const rig = new Rig();
    rig.ask({ deadlineAt: 100, priority: "batch" });
    const { options } = rig.works[0]!;
    const heard: unknown[] = [];
    options.moves!.onMoved = () => heard.push([options.deadlineAt, options.priority]);
    expect(options.deadlineAt).toBe(100);
    rig.ask({ deadlineAt: 50, priority: "batch" });
    expect(heard).toEqual([]);
    const urgent = rig.ask({ deadlineAt: 50, priority: "interactive" });
    const patient = rig.ask({ deadlineAt: 900, priority: "batch" });
    urgent.abort();
    patient.abort();
    expect(heard).toEqual([
      [100, "interactive"],
      [900, "interactive"],
      [900, "batch"],
      [100, "batch"],
    ]);
  });
});
