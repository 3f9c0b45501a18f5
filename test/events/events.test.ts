import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Call, type CallEvent, type CallOptions, newRecord } from "../../src/core/call.ts";
import { completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { makeRequest } from "../../src/core/request.ts";
import { Events } from "../../src/events/events.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

const answer = completion("Hi.", {
  inputTokens: 1_000_000,
  outputTokens: 100_000,
  cachedInputTokens: 400_000,
  model: "gpt-4o-mini-2024-07-18",
});

function setUp(inner: Call = async () => answer) {
  const clock = new FakeClock();
  const warnings: string[] = [];
  const logger = { debug() {}, info() {}, warn: (line: string) => void warnings.push(line) };
  const events = new Events({ clock, logger: () => logger });
  const line = { provider: "openai", clientId: "openai#1" };
  const call = events.layer()((request, options) => {
    options.record.line = line;
    return inner(request, options);
  });
  const request = makeRequest("gpt-4o-mini", "Say hi.", {}, {});
  const options = (given: Partial<CallOptions> = {}): CallOptions => ({
    deadlineAt: Number.POSITIVE_INFINITY,
    timeout: 1,
    firstByteTimeout: 1,
    idleTimeout: 1,
    queueTimeout: 1,
    maxQueue: 1,
    maxRetries: 0,
    abandonAfter: 1,
    priority: "interactive",
    fairnessKey: "",
    prefixSharing: "auto",
    watch: {},
    record: newRecord(clock.now()),
    ...given,
  });
  return { clock, events, warnings, call: (given?: Partial<CallOptions>) => call(request, options(given)) };
}

describe("one event a call", () => {
  test("it says what happened to the call, and is frozen", async () => {
    const heard: CallEvent[] = [];
    const { call, clock, events } = setUp(async (_, { record }) => {
      Object.assign(record, {
        attempts: 2,
        queueMs: 30,
        providerMs: 500,
        firstByteMs: 90,
        possiblyPaid: 1,
        cache: "miss",
      });
      await clock.advance(600);
      return answer;
    });
    events.subscribe((event) => heard.push(event));
    await call({ onDelta() {} });
    expect(heard).toEqual([
      {
        model: "gpt-4o-mini",
        provider: "openai",
        clientId: "openai#1",
        attempts: 2,
        queueMs: 30,
        providerMs: 500,
        firstByteMs: 90,
        totalMs: 600,
        possiblyPaid: 1,
        cache: "miss",
        streamed: true,
        usage: answer.usage,
        cost: { usd: expect.closeTo(0.15 * 0.6 + 0.075 * 0.4 + 0.06), saved: expect.closeTo(0.4 * 0.075) },
      },
    ]);
    expect(Object.isFrozen(heard[0])).toBe(true);
  });

  test("a failed call has its code, and what had arrived is counted", async () => {
    const heard: CallEvent[] = [];
    const error = new TrunklineError("incomplete", "cut", { partial: answer });
    const { call, events } = setUp(() => Promise.reject(error));
    events.subscribe((event) => heard.push(event));
    await expect(call()).rejects.toBe(error);
    expect(heard).toMatchObject([{ errorCode: "incomplete", streamed: false, usage: answer.usage }]);
    expect(heard[0]!.cost!.usd).toBeGreaterThan(0);
  });

  test("an error of no code has none", async () => {
    const heard: CallEvent[] = [];
    const { call, events } = setUp(() => Promise.reject(new Error("foreign")));
    events.subscribe((event) => heard.push(event));
    await expect(call()).rejects.toThrow("foreign");
    expect(heard).toHaveLength(1);
    expect(heard[0]).not.toHaveProperty("errorCode");
    expect(heard[0]).not.toHaveProperty("usage");
  });

  test("no prompt, header or key is in it", async () => {
    const heard: CallEvent[] = [];
    const { call, events } = setUp();
    events.subscribe((event) => heard.push(event));
    await call({ headers: { authorization: "secret-word" } });
    expect(JSON.stringify(heard)).not.toMatch(/Say hi|Hi\.|secret-word/);
  });
});

describe("listeners", () => {
  test("each hears every call until it ends its subscription", async () => {
    const { call, events } = setUp();
    const [one, two] = [vi.fn(), vi.fn()];
    const stop = events.subscribe(one);
    events.subscribe(two);
    await call();
    stop();
    stop();
    await call();
    expect([one.mock.calls.length, two.mock.calls.length]).toEqual([1, 2]);
  });

  test("the same function subscribed twice is heard twice and ended one by one", async () => {
    const { call, events } = setUp();
    const listener = vi.fn();
    const stop = events.subscribe(listener);
    events.subscribe(listener);
    await call();
    expect(listener).toHaveBeenCalledTimes(2);
    stop();
    await call();
    expect(listener).toHaveBeenCalledTimes(3);
  });

  test("one that ends its subscription while it listens disturbs no other", async () => {
    const { call, events } = setUp();
    const last = vi.fn();
    const stop = events.subscribe(() => stop());
    events.subscribe(last);
    await call();
    await call();
    expect(last).toHaveBeenCalledTimes(2);
  });

  test("P28: one that throws or rejects fails nobody's call, and is reported once", async () => {
    const { call, events, warnings } = setUp();
    const after = vi.fn();
    events.subscribe(() => {
      throw new Error("no disk");
    });
    events.subscribe(async () => {
      throw new Error("no network");
    });
    events.subscribe(after);
    for (let i = 0; i < 5; i++) expect((await call()).text).toBe("Hi.");
    await new Promise(setImmediate);
    expect(after).toHaveBeenCalledTimes(5);
    expect(warnings).toEqual([
      "trunkline: a listener of call events failed: no disk",
      "trunkline: a listener of call events failed: no network",
    ]);
  });

  test("with nobody listening no event is made: the record is not even read", async () => {
    const { call } = setUp();
    const record = new Proxy(newRecord(0), {
      get(target, name) {
        if (!["cache", "line", "model"].includes(String(name))) throw new Error(`${String(name)} was read`);
        return target.cache;
      },
    });
    expect((await call({ record })).text).toBe("Hi.");
  });
});

describe("diagnostics_channel", () => {
  const heard: unknown[] = [];
  const listener = (message: unknown): void => void heard.push(message);
  afterEach(() => {
    unsubscribe("trunkline:call", listener);
    heard.length = 0;
  });

  test("trunkline:call brings the same events", async () => {
    const { call, events } = setUp();
    const own: unknown[] = [];
    subscribe("trunkline:call", listener);
    await call();
    events.subscribe((event) => own.push(event));
    await call();
    expect(heard).toHaveLength(2);
    expect(own).toEqual([heard[1]]);
    expect(own[0]).toBe(heard[1]);
  });
});

describe("the cost of an answer", () => {
  test("comes from the table, by the model that answered", async () => {
    const { cost } = await setUp().call();
    expect(cost).toEqual({ usd: expect.closeTo(0.18), saved: expect.closeTo(0.03) });
  });

  test("comes from the model that was asked where the answer names none or an unknown one", async () => {
    for (const model of ["", "my-deployment"]) {
      const { call } = setUp(async () => ({ ...answer, model }));
      expect((await call()).cost?.usd).toBeCloseTo(0.18);
    }
  });

  test("comes from the price that the call brings, if it brings one", async () => {
    const { call } = setUp();
    expect((await call({ price: { input: 1, output: 10 } })).cost).toEqual({ usd: 2, saved: 0 });
  });

  test("R123: is undefined where no price is known, and the answer is the one that came", async () => {
    const { call, events } = setUp();
    const table = vi.fn(() => undefined);
    events.usePrices(table);
    for (let i = 0; i < 3; i++) expect(await call()).toBe(answer);
    expect(table.mock.calls).toEqual([
      ["openai", "gpt-4o-mini-2024-07-18"],
      ["openai", "gpt-4o-mini"],
    ]);
  });

  test("comes from a table of one's own, which is asked once a model", async () => {
    const { call, events } = setUp();
    await call();
    const table = vi.fn((provider: string, model: string) =>
      provider === "openai" && model === "gpt-4o-mini-2024-07-18" ? { input: 3, output: 0 } : undefined,
    );
    events.usePrices(table);
    for (let i = 0; i < 3; i++) expect((await call()).cost?.usd).toBe(3);
    expect(table).toHaveBeenCalledTimes(1);
  });

  test("a table that throws costs the price, not the answer", async () => {
    const { call, events, warnings } = setUp();
    events.usePrices(() => {
      throw new Error("no such row");
    });
    expect(await call()).toBe(answer);
    expect(warnings).toEqual(["trunkline: the price table failed: no such row"]);
  });

  test.each([[{ input: 1 }], [{ input: Number.NaN, output: 1 }], [{ input: 1, output: -1 }], [7], [null]])(
    "a table that brings %j costs the price, not the answer",
    async (price) => {
      const { call, events, warnings } = setUp();
      events.usePrices(() => price as never);
      expect(await call()).toBe(answer);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(
        /the price table failed: expected { input, output } in USD per million tokens/,
      );
    },
  );

  test.each([null, undefined, 5, {}])("what is no function cannot be asked or told: %j", (given) => {
    const { events } = setUp();
    expect(() => events.usePrices(given as never)).toThrow(
      /^events.usePrices: expected a function of provider/,
    );
    expect(() => events.subscribe(given as never)).toThrow(/^events.subscribe: expected a function, got/);
  });

  test("what a table or a listener throws may be anything", async () => {
    const { call, events } = setUp();
    const fail = (): never => {
      throw Object.create(null);
    };
    events.usePrices(fail);
    events.subscribe(fail);
    expect(await call()).toBe(answer);
  });

  test("a hit of our cache, or a joined call, is saved and not spent", async () => {
    const hit = setUp(async () => ({ ...answer, cacheHit: true }));
    expect((await hit.call()).cost).toEqual({ usd: 0, saved: expect.closeTo(0.18) });
    const joined = setUp();
    expect((await joined.call({ record: { ...newRecord(0), cache: "join" } })).cost).toEqual({
      usd: 0,
      saved: expect.closeTo(0.18),
    });
  });

  test("the answer itself is never changed: it may be shared", async () => {
    const shared = Object.freeze({ ...answer });
    const { call } = setUp(async () => shared);
    const priced = await call();
    expect(shared).not.toHaveProperty("cost");
    expect(priced).toEqual({ ...shared, cost: priced.cost });
  });
});
