import { describe, expect, test } from "vitest";
import { invariants } from "./invariants.ts";
import { faults } from "./mutations.ts";
import { type Outcome, simulate } from "./simulate.ts";

/** What a failing run says: enough to play it again. */
function verdict({ seed, violation, trace }: Outcome): string | undefined {
  if (violation === undefined) return undefined;
  const { invariant, message, at } = violation;
  return `seed ${seed} breaks ${invariant} at ${at} ms: ${message}\n${trace.slice(-25).join("\n")}`;
}

describe("the line on virtual time", () => {
  const block = 25;
  for (let from = 1; from <= 300; from += block) {
    test(`seeds ${from} to ${from + block - 1} keep every invariant`, { timeout: 60_000 }, async () => {
      for (let seed = from; seed < from + block; seed++)
        expect(verdict(await simulate(seed))).toBeUndefined();
    });
  }

  test("a seed replays exactly", async () => {
    for (const seed of [3, 17, 101]) {
      const once = await simulate(seed, { trace: true });
      const again = await simulate(seed, { trace: true });
      expect(again).toEqual(once);
      expect(once.trace.length).toBeGreaterThan(10);
    }
  });
});

/** Seeds that failed once, with what they showed. */
const lessons: readonly (readonly [seed: number, lesson: string])[] = [
  [15, "a limit that only a header claimed let a lane sleep for years"],
  [34, "a learnt limit of one token a minute held every call for a day"],
  [49, "the rate found under a wrong header outlived the trust in it"],
  [91, "a hint without end paused a lane for an hour"],
  [214, "a provider's larger account refilled the bucket of a smaller configured rate"],
  [242, "a call was sent after its deadline, because the deadline's timer was late"],
  [278, "a stream's late answer was delivered without its deltas"],
  [949, "an adapted rate without a limit had debts without a bound"],
];

describe("seeds that failed once", () => {
  test.each(lessons)("seed %i: %s", async (seed) => {
    expect(verdict(await simulate(seed))).toBeUndefined();
  });
});

describe("the invariants can fail", () => {
  test.each(faults)("$breaks notices $what", async ({ breaks, mutation }) => {
    for (let seed = 1; seed <= 300; seed++) {
      const { violation } = await simulate(seed, { mutation, only: [breaks] });
      if (violation?.invariant === breaks) return;
    }
    expect.unreachable(`${breaks} noticed nothing in 300 seeds`);
  });

  test("there is a fault for each of them", () => {
    const broken = new Set(faults.map(({ breaks }) => breaks));
    expect(invariants.map(({ name }) => name).filter((name) => !broken.has(name))).toEqual([]);
  });
});
