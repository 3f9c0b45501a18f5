import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Bucket } from "../../src/admission/bucket.ts";

describe("the bucket", () => {
  test("over any stretch of time no more passes than rate and one burst or one largest cost", () => {
    const costs = fc.array(fc.double({ min: 0.1, max: 50, noNaN: true }), { minLength: 2, maxLength: 60 });
    const rates = fc.double({ min: 0.001, max: 5, noNaN: true });
    const bursts = fc.double({ min: 1, max: 30, noNaN: true });
    const idle = fc.array(fc.nat(200), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(costs, rates, bursts, idle, (list, rate, burst, pauses) => {
        let now = 0;
        const bucket = new Bucket(rate, burst, burst, now);
        const passed: { at: number; cost: number }[] = [];
        for (const [i, cost] of list.entries()) {
          now += pauses[i]!;
          now += bucket.waitMs(cost, now);
          expect(bucket.waitMs(cost, now)).toBe(0);
          bucket.take(cost, now);
          passed.push({ at: now, cost });
        }
        const beyond = Math.max(burst, ...list);
        for (let from = 0; from < passed.length; from++) {
          let sum = 0;
          for (let to = from; to < passed.length; to++) {
            sum += passed[to]!.cost;
            const span = passed[to]!.at - passed[from]!.at;
            // The last start may go into debt by its own cost.
            expect(sum).toBeLessThanOrEqual(span * rate + beyond + 1e-6 * (1 + sum));
          }
        }
      }),
    );
  });

  test("the wait it names suffices, and two milliseconds less do not", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: -10_000, max: 0 }),
        (perSecond, cost, level) => {
          const rate = perSecond / 1_000;
          const bucket = new Bucket(rate, 10, level, 0);
          const wait = bucket.waitMs(cost, 0);
          expect(bucket.waitMs(cost, wait)).toBe(0);
          const early = new Bucket(rate, 10, level, 0);
          if (wait > 2) expect(early.waitMs(cost, wait - 2)).toBeGreaterThan(0);
        },
      ),
    );
  });

  test("what was taken before it was full again is not given back: it would be no fuller without", () => {
    const bucket = new Bucket(0.01, 5, 5, 0);
    bucket.take(4, 0);
    bucket.give(1, 0, 100);
    expect(bucket.level(100)).toBe(3);
    expect(bucket.level(1_000)).toBe(5);
    bucket.take(2, 1_000);
    bucket.give(3, 0, 1_000);
    expect(bucket.level(1_000)).toBe(3);
    bucket.give(1, 1_000, 1_000);
    bucket.give(-2, 0, 1_000);
    expect(bucket.level(1_000)).toBe(2);
  });

  test("what is given back never fills it beyond the burst, and a clock that steps back changes nothing", () => {
    const bucket = new Bucket(1, 10, 10, 100);
    bucket.give(1_000, 100, 100);
    expect(bucket.level(100)).toBe(10);
    bucket.take(5, 100);
    expect(bucket.level(50)).toBe(5);
    bucket.retune(1, 3, 100);
    expect(bucket.level(100)).toBe(3);
  });
});
