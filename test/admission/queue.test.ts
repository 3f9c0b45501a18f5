import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FairQueue, headStartMs, type Queued } from "../../src/admission/queue.ts";
import { Shares } from "../../src/admission/shares.ts";
import { type Priority, priorities } from "../../src/core/call.ts";
import { Heap } from "../../src/core/heap.ts";

interface Entry extends Queued {
  readonly name: string;
  rank: number;
}

let entered = 0;

function entry(key: string, options: { arrived?: number; priority?: Priority; cost?: number } = {}): Entry {
  const { arrived = 0, priority = "interactive", cost = 1 } = options;
  return {
    name: `${key}${entered}`,
    fairnessKey: key,
    rank: arrived + headStartMs[priority],
    entered: entered++,
    cost,
    place: -1,
  };
}

function drain(queue: FairQueue<Entry>): Entry[] {
  const order: Entry[] = [];
  for (let next = queue.first; next !== undefined; next = queue.first) {
    queue.start(next);
    order.push(next);
  }
  return order;
}

const keys = (order: readonly Entry[]): string => order.map(({ fairnessKey }) => fairnessKey).join("");

describe("the queue", () => {
  test("within one key: by priority, then by arrival", () => {
    const queue = new FairQueue<Entry>(new Shares());
    const late = entry("a", { arrived: 5 });
    const early = entry("a", { arrived: 1 });
    const batch = entry("a", { arrived: 0, priority: "batch" });
    const evaluation = entry("a", { arrived: 3, priority: "evaluation" });
    for (const each of [batch, late, evaluation, early]) queue.add(each);
    expect(drain(queue)).toEqual([early, late, evaluation, batch]);
  });

  test("waiting work ages: after its head start is used up, batch goes before what came later", () => {
    const queue = new FairQueue<Entry>(new Shares());
    const old = entry("a", { arrived: 0, priority: "batch" });
    const fresh = entry("a", { arrived: 59_999 });
    const fresher = entry("a", { arrived: 60_001 });
    for (const each of [fresher, fresh, old]) queue.add(each);
    expect(drain(queue)).toEqual([fresh, old, fresher]);
  });

  test("a rank that changed while its call waited holds from then on, between keys too", () => {
    const queue = new FairQueue<Entry>(new Shares());
    const [one, two, three] = [
      entry("a", { arrived: 1 }),
      entry("a", { arrived: 2 }),
      entry("b", { arrived: 3 }),
    ];
    for (const each of [one, two, three]) queue.add(each);
    two.rank = -5;
    queue.update(two);
    expect(queue.first).toBe(two);
    two.rank = 10;
    queue.update(two);
    expect(queue.first).toBe(one);
    one.rank = 20;
    queue.update(one);
    expect(queue.first).toBe(three);
  });

  test("a workflow of 10,000 rows does not starve a chat", () => {
    const queue = new FairQueue<Entry>(new Shares());
    for (let i = 0; i < 10_000; i++) queue.add(entry("w"));
    for (let i = 0; i < 100; i++) queue.start(queue.first!);
    for (let i = 0; i < 3; i++) queue.add(entry("c"));
    expect(keys(drain(queue)).indexOf("ccc")).toBe(-1);
    expect(keys(drain(queue))).toBe("");
    const again = new FairQueue<Entry>(new Shares());
    for (let i = 0; i < 100; i++) again.add(entry("w"));
    for (let i = 0; i < 50; i++) again.start(again.first!);
    for (let i = 0; i < 3; i++) again.add(entry("c"));
    expect(keys(drain(again)).slice(0, 6).match(/c/g)).toHaveLength(3);
  });

  test("between keys that have had as much, the first of their calls decides, whenever it came", () => {
    const queue = new FairQueue<Entry>(new Shares());
    const slow = entry("a", { priority: "batch" });
    const other = entry("b", { arrived: 10 });
    const urgent = entry("a", { arrived: 5 });
    for (const each of [slow, other, urgent]) queue.add(each);
    expect(queue.first).toBe(urgent);
    queue.remove(urgent);
    expect(queue.first).toBe(other);
  });

  test("shares go by cost: a key with calls ten times as large gets a tenth as many", () => {
    const queue = new FairQueue<Entry>(new Shares());
    for (let i = 0; i < 100; i++) queue.add(entry("L", { cost: 1_000 }));
    for (let i = 0; i < 100; i++) queue.add(entry("s", { cost: 100 }));
    const first = keys(drain(queue)).slice(0, 88);
    expect(first.match(/L/g)!.length).toBeGreaterThanOrEqual(7);
    expect(first.match(/L/g)!.length).toBeLessThanOrEqual(9);
  });

  test("a key that was away banks no credit", () => {
    const queue = new FairQueue<Entry>(new Shares());
    for (let i = 0; i < 100; i++) queue.add(entry("a"));
    queue.add(entry("b"));
    for (let i = 0; i < 80; i++) queue.start(queue.first!);
    for (let i = 0; i < 20; i++) queue.add(entry("b"));
    const rest = keys(drain(queue));
    expect(rest.slice(0, 10).match(/a/g)!.length).toBeGreaterThanOrEqual(4);
  });

  test("a key that uses several Clients has one share", () => {
    const shares = new Shares();
    const one = new FairQueue<Entry>(shares);
    const two = new FairQueue<Entry>(shares);
    for (let i = 0; i < 50; i++) {
      one.add(entry("a"));
      two.add(entry("a"));
      two.add(entry("b"));
    }
    let a = 0;
    for (let i = 0; i < 60; i++) {
      const queue = one.firstTag < two.firstTag ? one : two;
      const next = queue.first!;
      queue.start(next);
      if (next.fairnessKey === "a") a++;
    }
    expect(a).toBeGreaterThanOrEqual(29);
    expect(a).toBeLessThanOrEqual(31);
  });

  test("100,000 calls enter and leave in time that grows no faster than they", () => {
    let compared = 0;
    const heap = new Heap<{ place: number; value: number }>((a, b) => {
      compared++;
      return a.value < b.value;
    });
    const entries = Array.from({ length: 100_000 }, (_, i) => ({ place: -1, value: (i * 7_919) % 100_003 }));
    for (const each of entries) heap.add(each);
    for (const each of entries) heap.remove(each);
    expect(heap.size).toBe(0);
    expect(compared).toBeLessThan(100_000 * 2 * 3 * 17);
  });

  const spec = fc.record({
    key: fc.constantFrom("a", "b", "c", "d"),
    arrived: fc.nat(100_000),
    priority: fc.constantFrom(...priorities),
    cost: fc.integer({ min: 1, max: 1_000 }),
  });

  const nats = fc.array(fc.nat(), { maxLength: 20 });

  test("whatever is added, removed, reranked and started: nothing is lost, each key keeps its order, and no waiting key falls behind by more than two calls", () => {
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 80 }), nats, nats, (specs, gone, lifted) => {
        const shares = new Shares();
        const queue = new FairQueue<Entry>(shares);
        const all = specs.map(({ key, ...options }) => entry(key, options));
        for (const each of all) queue.add(each);
        const left = new Set(all);
        for (const index of gone) {
          const each = all[index % Math.max(1, all.length)];
          if (each === undefined || !left.delete(each)) continue;
          queue.remove(each);
        }
        for (const index of lifted) {
          const each = all[index % Math.max(1, all.length)];
          if (each === undefined || !left.has(each)) continue;
          each.rank += (index % 7) * 20_000 - 60_000;
          queue.update(each);
        }
        expect(queue.size).toBe(left.size);
        const had = new Map<string | object, number>();
        const waiting = Map.groupBy(left, ({ fairnessKey }) => fairnessKey);
        const largest = Math.max(0, ...all.map(({ cost }) => cost));
        const order: Entry[] = [];
        for (let next = queue.first; next !== undefined; next = queue.first) {
          queue.start(next);
          order.push(next);
          had.set(next.fairnessKey, (had.get(next.fairnessKey) ?? 0) + next.cost);
          const open = [...waiting].filter(([, list]) => list.some((each) => !order.includes(each)));
          const costs = open.map(([key]) => had.get(key) ?? 0);
          if (costs.length > 1) {
            expect(Math.max(...costs) - Math.min(...costs)).toBeLessThanOrEqual(2 * largest);
          }
        }
        expect(new Set(order)).toEqual(left);
        for (const [, list] of Map.groupBy(order, ({ fairnessKey }) => fairnessKey)) {
          const sorted = list.toSorted((x, y) => x.rank - y.rank || x.entered - y.entered);
          expect(list).toEqual(sorted);
        }
      }),
    );
  });
});
