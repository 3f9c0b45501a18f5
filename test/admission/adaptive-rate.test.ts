import { describe, expect, test } from "vitest";
import { retry } from "../../src/admission/retry.ts";
import { compose } from "../../src/core/call.ts";
import { Slots } from "../../src/core/slots.ts";
import { type Model, ModelledProvider } from "./modelled-provider.ts";
import { Rig, request } from "./rig.ts";

interface Outcome {
  readonly seconds: number;
  readonly lost: number;
  readonly wasted: number;
  readonly refused: number;
}

/** Runs 3,000 jobs of one Client against a provider of 10 a second. */
async function run(
  requestsPerMinute: number | undefined,
  model: Partial<Model> = {},
  jobs = 3_000,
  parallel = 256,
): Promise<Outcome> {
  const rig = new Rig();
  const provider = new ModelledProvider(rig.clock, model);
  const facts = rig.facts({ slots: [new Slots(parallel)], requestsPerMinute });
  const layers = [
    retry({ clock: rig.clock, budget: rig.admission.budget(facts.origin) }),
    rig.admission.layer(facts),
  ];
  const call = compose(layers, provider.call);
  let lost = 0;
  let done = 0;
  const job = request("a");
  const all = Array.from({ length: jobs }, () =>
    call(job, rig.options()).then(
      () => void done++,
      () => void lost++,
    ),
  );
  while (done + lost < jobs) await rig.clock.advance(1_000);
  await Promise.all(all);
  expect(rig.clock.pending).toBe(0);
  return { seconds: rig.clock.now() / 1_000, lost, wasted: provider.wasted, refused: provider.refused };
}

describe("against a provider of 10 requests a second, burst 20, 3,000 jobs (ideal 298 s)", () => {
  test.each([
    ["exact", 600, 0.02, 310],
    ["twice too high", 1_200, 0.04, 320],
    ["ten times too high", 6_000, 0.08, 320],
    ["unknown", undefined, 0.1, 330],
  ])("L13: a limit that is %s", async (_name, limit, mostWasted, mostSeconds) => {
    const outcome = await run(limit);
    expect(outcome.lost).toBe(0);
    expect(outcome.wasted).toBeLessThan(mostWasted);
    expect(outcome.seconds).toBeLessThan(mostSeconds);
  });

  test("L13: the true limit halves at 100 s (ideal 498 s)", async () => {
    const outcome = await run(600, { perSecond: (now) => (now < 100_000 ? 10 : 5) });
    expect(outcome.lost).toBe(0);
    expect(outcome.wasted).toBeLessThan(0.03);
    expect(outcome.seconds).toBeLessThan(530);
  });

  test.each([
    [2_000, true],
    [2_000, false],
    [256, true],
  ])(
    "%i at once, nothing configured, a provider of 600 a minute that reports it (hints %s)",
    async (parallel, hints) => {
      const outcome = await run(undefined, { headers: true, burst: 600, hints }, 2_000, parallel);
      expect(outcome.lost).toBe(0);
      // The first 600 may go at once, the rest at ten a second: 140 s.
      expect(outcome.seconds).toBeLessThan(1.3 * 140);
    },
  );

  test("2,000 at once, nothing configured and nothing reported", async () => {
    const outcome = await run(undefined, { burst: 600 }, 2_000, 2_000);
    expect(outcome.lost).toBe(0);
    expect(outcome.seconds).toBeLessThan(1.3 * 140);
  });

  test.each([true, false])("a storm of refusals for 25 s leaves no lane behind (hints %s)", async (hints) => {
    const storm = (now: number): number => (now > 20_000 && now < 45_000 ? 1e-9 : 10);
    const outcome = await run(600, { perSecond: storm, hints, longestHintMs: 3_000 }, 1_000);
    expect(outcome.lost).toBeLessThan(20);
    // Ideal: 98 s and the storm.
    expect(outcome.seconds).toBeLessThan(1.5 * 123);
  });

  test("a limit ten times too high, and no hints", async () => {
    const outcome = await run(6_000, { hints: false });
    expect(outcome.lost).toBe(0);
    expect(outcome.wasted).toBeLessThan(0.08);
    expect(outcome.seconds).toBeLessThan(400);
  });
});
