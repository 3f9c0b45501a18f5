import { describe, expect, test } from "vitest";
import { drawPlain } from "./draw-scenario.ts";
import { invariants } from "./invariants.ts";
import { faults } from "./mutations.ts";
import { type Outcome, simulate } from "./simulate.ts";

/** What a failing run says: enough to play it again. */
function verdict({ seed, violation, trace }: Outcome): string | undefined {
  if (violation === undefined) return undefined;
  const { invariant, message, at } = violation;
  return `seed ${seed} breaks ${invariant} at ${at} ms: ${message}\n${trace.slice(-25).join("\n")}`;
}

/** Processor time, not waiting: however busy the machine is, a block ends. */
const patient = { timeout: 120_000 };

describe("the line on virtual time", patient, () => {
  const block = 20;
  for (let from = 1; from <= 200; from += block) {
    test(`seeds ${from} to ${from + block - 1} keep every invariant`, async () => {
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

/** Seeds that failed once, with what they showed, before there was a cache. */
const lessons: readonly (readonly [seed: number, lesson: string])[] = [
  [5, "a listener's throw went through an outside driver's callback and out of the process"],
  [17, "a limit that only a header claimed held every call of a lane for days"],
  [20, "a call was sent although its deadline had passed before it came"],
  [43, "a call was sent after its deadline, because the deadline's timer was late"],
  [58, "a provider's larger account refilled the bucket of a smaller configured rate"],
  [91, "refusals in a storm cut the rate again and again, until the lane stood for minutes after it"],
  [100, "the late answer of a driver that hears no abort came without its deltas"],
  [104, "a driver whose start never ends held its calls for ever"],
  [243, "a hint that is none paused a lane for an hour"],
  [504, "a call waited for its driver's start and was sent after its deadline"],
  [540, "one caller's short prefixWait sent all others off with a cold prefix"],
  [5217, "a call waited for its key and was sent after its deadline"],
];

/** The same, of the cache, of joins and of models that stand in for each other. */
const laterLessons: readonly (readonly [seed: number, lesson: string])[] = [
  [34, "a clear of one scope had the questions of all others in flight paid a second time"],
  [12, "a question that was asked anew while it was looked up was paid a second time"],
  [6302, "small calls in a storm cut the rate, and behind large ones the lane waited longer each time"],
];

describe("seeds that failed once", patient, () => {
  test.each(laterLessons)("seed %i: %s", async (seed) => {
    expect(verdict(await simulate(seed))).toBeUndefined();
  });

  test.each(lessons)("seed %i: %s", async (seed) => {
    expect(verdict(await simulate(seed, { shape: () => drawPlain(seed) }))).toBeUndefined();
  });
});

describe("the invariants can fail", patient, () => {
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
