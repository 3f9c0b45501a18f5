import { describe, expect, test } from "vitest";
import { Registry } from "../../src/clients/registry.ts";
import { LM } from "../../src/lm/lm.ts";
import { FakeClock, simulatedDriver, simulatedModel } from "../../src/testing/index.ts";
import { Transport } from "../../src/transport/transport.ts";
import { Trunk } from "../../src/trunk.ts";

describe("2,000 agents, each with an LM of its own, on a provider of 600 requests a minute", () => {
  test.each([
    ["R4, R27, L12: the limit is told by headers", {}],
    ["L13: the configured rate is ten times too high", { requestsPerMinute: 6_000 }],
  ])("%s: every call is answered, and hardly any is refused", async (_, options) => {
    const clock = new FakeClock();
    const trunk = new Trunk(new Registry({ clock, transport: new Transport({ clock }) }));
    const model = simulatedModel({
      clock,
      requestsPerMinute: 600,
      latency: { firstTokenMs: 300, perTokenMs: 5 },
    });
    const driver = simulatedDriver({ clock, model });
    const calls = Promise.allSettled(
      Array.from({ length: 2_000 }, (_, i) =>
        new LM(trunk.driverTarget(driver, "sim", options), {}).call(`row ${i}`),
      ),
    );
    for (let minute = 0; minute < 10 && model.stats.requests < 2_000; minute++) await clock.advance(60_000);
    await clock.advance(60_000);
    const outcomes = await calls;
    expect(outcomes.filter((outcome) => outcome.status === "rejected")).toEqual([]);
    expect(model.stats.rateLimited / 2_000).toBeLessThan(0.08);
    expect(trunk.registry.stats()).toMatchObject({ inFlight: 0, queued: 0 });
  });
});
