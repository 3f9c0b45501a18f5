import { describe, expect, test } from "vitest";
import { newRecord } from "../../src/core/call.ts";
import { completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { makeRequest } from "../../src/core/request.ts";
import type { DriverOptions } from "../../src/drivers/driver.ts";
import { gate } from "../../src/testing/gate.ts";
import { scriptedDriver } from "../../src/testing/scripted-driver.ts";

const request = makeRequest("m", "Say hi.", {}, {});
const never = Number.POSITIVE_INFINITY;
const options = (more: Partial<DriverOptions> = {}): DriverOptions => ({
  deadlineAt: never,
  timeout: never,
  firstByteTimeout: never,
  idleTimeout: never,
  queueTimeout: never,
  maxQueue: never,
  maxRetries: 0,
  abandonAfter: never,
  priority: "interactive",
  fairnessKey: "test",
  prefixSharing: false,
  watch: {},
  record: newRecord(0),
  ...more,
});

describe("steps", () => {
  test("are used in order: a text, a completion, an error", async () => {
    const exact = completion("exactly", { inputTokens: 9 });
    const driver = scriptedDriver(["a text", exact, new TrunklineError("overloaded", "busy")]);
    expect(await driver.chat(request, options())).toMatchObject({
      text: "a text",
      model: "m",
      usage: { inputTokens: 4, outputTokens: 2 },
    });
    expect(await driver.chat(request, options())).toBe(exact);
    await expect(driver.chat(request, options())).rejects.toMatchObject({ code: "overloaded" });
    expect(driver.calls.map((call) => call.state)).toEqual(["answered", "answered", "failed"]);
  });

  test("that have run out are an error that counts them", async () => {
    const driver = scriptedDriver(["one"]);
    await driver.chat(request, options());
    await expect(driver.chat(request, options())).rejects.toThrow(
      "call 2 has no step, for the script has only 1",
    );
  });

  test("may be decided by the request", async () => {
    const driver = scriptedDriver((asked, { number }) => `${asked.model}${number}`);
    expect((await driver.chat(request, options())).text).toBe("m1");
    expect((await driver.chat(request, options())).text).toBe("m2");
    expect(driver.calls[1]!.request).toBe(request);
  });

  test("of a list are handed out one by one, and gates hold them", async () => {
    const more = gate();
    const driver = scriptedDriver([["Once ", more, { text: "upon", reasoning: "hm" }]]);
    const seen: string[] = [];
    let firstBytes = 0;
    const pending = driver.chat(
      request,
      options({ onDelta: (delta) => seen.push(delta.text), watch: { onFirstByte: () => firstBytes++ } }),
    );
    await driver.saw((calls) => calls.length === 1);
    await expect.poll(() => seen.length).toBe(1);
    expect(seen).toEqual(["Once "]);
    more.open();
    expect(await pending).toMatchObject({ text: "Once upon", choices: [{ message: { reasoning: "hm" } }] });
    expect([seen, firstBytes]).toEqual([["Once ", "upon"], 1]);
  });

  test("of a list may be tool calls in pieces, and may end in an error", async () => {
    const piece = (argumentsText: string, head = {}) => ({
      text: "",
      toolCall: { index: 0, argumentsText, ...head },
    });
    const driver = scriptedDriver([
      [piece('{"a":', { id: "c1", name: "look" }), piece("1}")],
      ["half", new TrunklineError("network", "cut")],
    ]);
    const { choices } = await driver.chat(request, options());
    expect(choices[0]).toMatchObject({
      finishReason: "tool_calls",
      message: { toolCalls: [{ id: "c1", name: "look", arguments: { a: 1 }, argumentsText: '{"a":1}' }] },
    });
    const seen: string[] = [];
    await expect(
      driver.chat(request, options({ onDelta: (delta) => seen.push(delta.text) })),
    ).rejects.toThrow("cut");
    expect(seen).toEqual(["half"]);
  });
});

test("an abort settles the call with the reason and is seen", async () => {
  const controller = new AbortController();
  const driver = scriptedDriver([[gate()]]);
  const pending = driver.chat(request, options({ signal: controller.signal }));
  const reason = new TrunklineError("aborted", "enough");
  controller.abort(reason);
  await expect(pending).rejects.toBe(reason);
  expect(driver.calls[0]!.state).toBe("aborted");
  await expect(driver.chat(request, options({ signal: controller.signal }))).rejects.toBe(reason);
  expect(driver.calls).toHaveLength(1);
});

test("calls are remembered up to a bound", async () => {
  const driver = scriptedDriver(() => "x", { keepCalls: 2 });
  for (let i = 0; i < 5; i++) await driver.chat(request, options());
  expect(driver.calls.map((call) => call.number)).toEqual([1, 2]);
});
