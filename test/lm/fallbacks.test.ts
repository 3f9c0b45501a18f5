import { afterEach, describe, expect, test } from "vitest";
import { cache, clients, events, LM, TrunklineError } from "../../src/index.ts";
import { type DriverScript, scriptedDriver } from "../../src/testing/index.ts";
import { trunk } from "../../src/trunk.ts";

afterEach(async () => {
  await clients.close({ mode: "abort" });
  await cache.clear();
});

const down = (code: ConstructorParameters<typeof TrunklineError>[0]) =>
  new TrunklineError(code, `it said ${code}`, { retryable: false });

function model(name: string, script: DriverScript) {
  const driver = scriptedDriver(script, { name });
  const names = { identity: name, lane: name };
  return { driver, target: trunk().driverTarget(driver, name, {}, names), asked: () => driver.calls.length };
}

function pair(first: DriverScript, second: DriverScript) {
  const [a, b] = [model("a", first), model("b", second)];
  return { a, b, lm: new LM(a.target, { fallbacks: [new LM(b.target, {})] }) };
}

describe("fallbacks", () => {
  test.each(["auth", "not_found", "rate_limit", "quota", "overloaded", "network", "bad_response"] as const)(
    "a %s failure is answered by the next model, under its own name",
    async (code) => {
      const { a, b, lm } = pair(
        () => down(code),
        ({ model }) => `I am ${model}`,
      );
      const heard: unknown[] = [];
      const stop = events.subscribe(({ model, errorCode, attempts }) =>
        heard.push([model, errorCode, attempts]),
      );
      expect((await lm.call("x")).text).toBe("I am b");
      stop();
      expect([a.asked(), b.asked()]).toEqual([1, 1]);
      expect(heard).toEqual([["b", undefined, 2]]);
    },
  );

  test.each(["bad_request", "context_length", "content_filter"] as const)(
    "a %s failure is the request's own: nobody else is asked",
    async (code) => {
      const { b, lm } = pair(
        () => down(code),
        () => "never",
      );
      await expect(lm.call("x")).rejects.toMatchObject({ code });
      expect(b.asked()).toBe(0);
    },
  );

  test("C12: an answer is cached under the model that gave it", async () => {
    let broken = true;
    const { a, b, lm } = pair(
      () => (broken ? down("overloaded") : "from a"),
      () => "from b",
    );
    expect((await lm.call("x")).text).toBe("from b");
    expect((await lm.call("x")).text).toBe("from b");
    expect(b.asked()).toBe(1);
    broken = false;
    expect((await lm.call("x")).text).toBe("from a");
    expect(a.asked()).toBe(3);
  });

  test("after a delta that the caller saw, nobody else is asked", async () => {
    const { b, lm } = pair(
      () => ["half a ", down("network")],
      () => "whole",
    );
    let text = "";
    await expect(lm.call("x", { onDelta: (delta) => (text += delta.text) })).rejects.toMatchObject({
      code: "network",
    });
    expect(text).toBe("half a ");
    expect(b.asked()).toBe(0);
  });

  test("an abort asks nobody else", async () => {
    const controller = new AbortController();
    const { b, lm } = pair(
      () => {
        controller.abort();
        return down("network");
      },
      () => "never",
    );
    await expect(lm.call("x", { signal: controller.signal })).rejects.toMatchObject({ code: "aborted" });
    expect(b.asked()).toBe(0);
  });

  test("when all fail, the last one's error tells of the others", async () => {
    const { lm } = pair(
      () => down("overloaded"),
      () => down("quota"),
    );
    await expect(lm.call("x")).rejects.toMatchObject({
      code: "quota",
      message: "it said quota (the last of all models; before it a: overloaded)",
    });
  });

  test("vectors of different models do not compare: an embedding has no fallback", async () => {
    const embedding = { ...scriptedDriver(["never"]), embed: async () => Promise.reject(down("overloaded")) };
    const other = model("b", () => "never");
    const lm = new LM(trunk().driverTarget(embedding, "e"), { fallbacks: [new LM(other.target, {})] });
    await expect(lm.embed(["x"])).rejects.toMatchObject({ code: "overloaded" });
  });

  test("a wrong list says what is expected", () => {
    const options = { apiKey: "sk-test-0123456789abcdef", fallbacks: [7] as never };
    expect(() => new LM("openai/x", options)).toThrow(/fallbacks: expected a list of LMs or of names/);
    expect(() => new LM("openai/x", { ...options, fallbacks: ["opnai/y"] })).toThrow(/did you mean "openai"/);
  });
});
