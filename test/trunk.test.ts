import { describe, expect, test } from "vitest";
import { Registry } from "../src/clients/registry.ts";
import type { CallEvent } from "../src/core/call.ts";
import { completion } from "../src/core/completion.ts";
import { TrunklineError } from "../src/core/errors.ts";
import type { Driver } from "../src/drivers/driver.ts";
import { usualSequences } from "../src/drivers/llama-cpp.ts";
import { LM } from "../src/lm/lm.ts";
import { FakeClock } from "../src/testing/fake-clock.ts";
import { scriptedDriver } from "../src/testing/index.ts";
import { Transport } from "../src/transport/transport.ts";
import { Trunk } from "../src/trunk.ts";

function setUp() {
  const clock = new FakeClock();
  const warnings: string[] = [];
  const registry = new Registry({ clock, transport: new Transport({ clock }) });
  registry.configure({ logger: { debug() {}, info() {}, warn: (text) => warnings.push(text) } });
  const trunk = new Trunk(registry);
  const lmOf = (driver: Driver, options = {}) => new LM(trunk.driverTarget(driver, "m", options), {});
  return { clock, registry, trunk, warnings, lmOf };
}

const deaf: Driver = {
  name: "deaf",
  abilities: { images: false, files: false, tools: false, responseFormat: "text", choices: false },
  chat: () => new Promise(() => {}),
};

test("a model in this process runs as many calls as it has sequences, unless told; others 2,000", () => {
  const { trunk } = setUp();
  const slotsOf = (name: string, options = {}) => trunk.target(name, options).config.maxParallelRequests;
  expect(slotsOf("llama-cpp/a.gguf")).toBe(usualSequences);
  expect(usualSequences).toBe(4);
  expect(slotsOf("llama-cpp/a.gguf", { maxParallelRequests: 2 })).toBe(2);
  expect(slotsOf("simulated/a")).toBe(2_000);
  expect(slotsOf("ollama/llama3.2")).toBe(2_000);
});

describe("the layers in their order", () => {
  test("one event a call, with its attempts; the retry is paced anew and waits outside the slot", async () => {
    const { clock, registry, trunk, lmOf } = setUp();
    const driver = scriptedDriver([
      new TrunklineError("server_error", "down"),
      completion("up", { inputTokens: 2 }),
    ]);
    const events: CallEvent[] = [];
    trunk.events.subscribe((event) => events.push(event));
    const answer = lmOf(driver).call("x");
    await driver.saw((calls) => calls[0]?.state === "failed");
    await clock.advance(0);
    expect(registry.stats().inFlight).toBe(0);
    await clock.advance(60_000);
    expect((await answer).text).toBe("up");
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      model: "m",
      provider: "driver",
      attempts: 2,
      cache: "miss",
      streamed: false,
    });
    expect(clock.pending).toBe(0);
  });

  test("a driver that ignores the abort keeps its slot until it is written off, once, with one warning", async () => {
    const { clock, registry, warnings, lmOf } = setUp();
    const lm = lmOf(deaf);
    const controller = new AbortController();
    const calls = [lm.call("a", { signal: controller.signal }), lm.call("b", { signal: controller.signal })];
    const settled = Promise.allSettled(calls);
    await clock.advance(0);
    controller.abort();
    for (const outcome of await settled) expect(outcome).toMatchObject({ reason: { code: "aborted" } });
    expect(registry.stats()).toMatchObject({ inFlight: 2, abandoned: 0 });
    await clock.advance(30_000);
    expect(registry.stats()).toMatchObject({ inFlight: 0, abandoned: 2 });
    expect(warnings.filter((text) => text.includes("deaf"))).toHaveLength(1);
  });

  test("the deadline holds for queue, retries and work together", async () => {
    const { clock, lmOf } = setUp();
    const call = lmOf(deaf).call("x", { deadline: 5_000 });
    const outcome = call.catch((error) => error);
    await clock.advance(4_999);
    await clock.advance(1);
    expect(await outcome).toMatchObject({ code: "timeout", phase: "total" });
  });

  test("a Client that goes closes its driver", async () => {
    const { registry, lmOf } = setUp();
    let closed = 0;
    const close = async () => {
      await null;
      closed++;
    };
    const driver: Driver = { ...scriptedDriver(["a"]), close };
    await lmOf(driver).call("x");
    await registry.close();
    expect(closed).toBe(1);
  });

  test("LMs of one driver are one Client; their configuration decides, not their number", async () => {
    const { registry, lmOf } = setUp();
    const driver = scriptedDriver(() => "a");
    await Promise.all([1, 2, 3].map(() => lmOf(driver).call("x")));
    expect(registry.stats().clients).toBe(1);
    await lmOf(driver, { timeout: 5_000 }).call("x");
    expect(registry.stats().clients).toBe(2);
  });
});
