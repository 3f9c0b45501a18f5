import { describe, expect, test } from "vitest";
import type { Entry, Store } from "../../src/cache/store.ts";
import { completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { fakeStore } from "./fake-store.ts";
import { ask, Rig, settled } from "./rig.ts";

const entry = (text = "stored"): Entry => ({
  answer: { ...completion(text), cacheHit: true },
  bytes: 9,
  givenAt: 0,
});

function rigWith(over: Partial<Store>, storeTimeout?: number): Rig {
  return new Rig({ options: { tiers: ["memory", fakeStore(over)], ...(storeTimeout && { storeTimeout }) } });
}

describe("a store that never answers", () => {
  test("is a miss after storeTimeout: one warning, counted, and left alone for half a minute", async () => {
    let asked = 0;
    const rig = rigWith({
      get() {
        asked++;
        return new Promise(() => {});
      },
    });
    const calls = [rig.ask(), rig.ask({ stream: true })];
    await rig.clock.advance(999);
    expect(rig.works).toHaveLength(0);
    await rig.clock.advance(1);
    expect(rig.works).toHaveLength(1);
    rig.works[0]!.answer("asked");
    for (const { promise } of calls) expect((await promise).text).toBe("asked");
    expect(rig.warnings).toEqual([expect.stringContaining('store "fake" failed: no answer within 1000 ms')]);
    expect(rig.cache.stats()).toMatchObject({ failures: 1, misses: 1, joins: 1 });
    // Nobody else waits for it meanwhile.
    rig.ask({ request: ask("b") });
    expect([asked, rig.works.length]).toEqual([1, 2]);
    await rig.clock.advance(30_000);
    rig.ask({ request: ask("c") });
    expect([asked, rig.works.length]).toEqual([2, 2]);
    await rig.clock.advance(1_000);
    expect(rig.works).toHaveLength(3);
    expect(rig.cache.stats().failures).toBe(2);
    expect(rig.warnings).toHaveLength(1);
  });

  test("what it brings too late is nobody's, and no timer is left", async () => {
    const late = Promise.withResolvers<Entry>();
    const rig = rigWith({ get: () => late.promise }, 50);
    const given = rig.ask();
    await rig.clock.advance(50);
    late.resolve({ ...entry("late"), answer: {} as Entry["answer"] });
    await settled();
    rig.works[0]!.answer("asked");
    expect((await given.promise).text).toBe("asked");
    expect(rig.cache.stats().failures).toBe(1);
    expect(rig.clock.pending).toBe(0);
  });

  test("the bound may be changed at any time", async () => {
    const rig = rigWith({ get: () => new Promise(() => {}) });
    rig.cache.configure({ storeTimeout: 20 });
    rig.ask();
    await rig.clock.advance(20);
    expect(rig.works).toHaveLength(1);
  });

  test("one that answers in time leaves no timer", async () => {
    const rig = rigWith({ get: async () => entry() });
    expect((await rig.ask().promise).text).toBe("stored");
    expect(rig.clock.pending).toBe(0);
  });

  test("a write that never ends keeps nobody waiting", async () => {
    const rig = rigWith({ set: () => new Promise<void>(() => {}) as unknown as undefined });
    expect((await rig.get()).text).toBe("An answer.");
    expect((await rig.get()).cacheHit).toBe(true);
  });
});

test("what one store has not, the next is asked for, whichever of them must be waited for", async () => {
  const none = { sync: () => undefined, async: async () => undefined };
  const one = { sync: () => entry(), async: async () => entry() };
  for (const first of ["sync", "async"] as const) {
    for (const second of ["sync", "async"] as const) {
      const tiers = [fakeStore({ get: none[first] }), fakeStore({ name: "next", get: one[second] })];
      const rig = new Rig({ options: { tiers } });
      expect((await rig.ask().promise).text).toBe("stored");
      expect(rig.works).toHaveLength(0);
    }
  }
});

describe("a store that fails", () => {
  test.each<[string, Partial<Store>]>([
    ["get throws", { get: () => fail() }],
    ["get rejects", { get: async () => fail() }],
    ["set throws", { set: () => fail() }],
    ["set turns out to be async, and rejects", { set: (async () => fail()) as () => void }],
  ])("%s: the call is answered, one warning names the store, it is counted", async (_, over) => {
    const rig = rigWith(over);
    for (const row of ["a", "b"]) expect((await rig.get({ request: ask(row) })).text).toBe("An answer.");
    await settled();
    expect(rig.warnings).toEqual(['trunkline: the cache\'s store "fake" failed: broken']);
    expect(rig.cache.stats().failures).toBe(2);
  });

  test("stats, flush and close that fail fail nothing", async () => {
    const rig = rigWith({ stats: () => fail(), flush: async () => fail(), close: async () => fail() });
    expect(rig.cache.stats()).toMatchObject({ entries: 0, bytes: 0 });
    await rig.cache.flush();
    await rig.cache.close();
    expect(rig.warnings).toHaveLength(1);
  });

  test("what is asked for by name and cannot be done is an error that names the store; the others are cleared", async () => {
    const cleared: string[] = [];
    const rig = new Rig({
      options: {
        tiers: [
          fakeStore({ name: "mine", clear: () => fail(), entries: () => fail() }),
          "memory",
          fakeStore({ clear: (prefix) => void cleared.push(prefix) }),
        ],
      },
    });
    await rig.get();
    await expect(rig.cache.clear()).rejects.toMatchObject({
      code: "cache",
      message: 'the cache\'s store "mine" could not be cleared: broken',
    });
    expect([cleared, rig.cache.stats().entries]).toEqual([[""], 0]);
    await expect(rig.cache.export().next()).rejects.toMatchObject({ code: "cache" });
  });
});

describe("a store that brings rubbish", () => {
  test.each<[string, unknown]>([
    ["a text", "hi"],
    ["a number", 5],
    ["nothing that is an answer", {}],
    ["an answer of another form", { ...entry(), answer: { text: "hi" } }],
    ["an answer cut short", { ...entry(), answer: completion("ha", { finishReason: "length" }) }],
    ["negative usage", { ...entry(), answer: { ...completion("hi"), usage: { inputTokens: -1 } } }],
    ["no time", { ...entry(), givenAt: undefined }],
    ["no size", { ...entry(), bytes: -1 }],
    ["a wrong time to live", { ...entry(), ttl: "soon" }],
  ])("%s: it is a miss, told once and counted", async (_, found) => {
    for (const get of [() => found, async () => found]) {
      const rig = rigWith({ get: get as Store["get"] });
      expect((await rig.get()).text).toBe("An answer.");
      expect(rig.warnings).toEqual([expect.stringContaining("it brought what is no entry")]);
      expect(rig.cache.stats()).toMatchObject({ failures: 1, hits: 0, misses: 1 });
    }
  });

  test("null is a miss like undefined", async () => {
    const rig = rigWith({ get: () => null as unknown as undefined });
    expect((await rig.get()).cacheHit).toBe(false);
    expect(rig.cache.stats().failures).toBe(0);
  });

  test("C18: what it brings is frozen and marked as a hit, though its own answer was neither", async () => {
    const rig = rigWith({ get: () => ({ ...entry(), answer: completion("stored") }) });
    const hit = await rig.ask().promise;
    expect(hit.cacheHit).toBe(true);
    expect(Object.isFrozen(hit.choices[0]!.message)).toBe(true);
  });
});

test("R108: what is found while everything is cleared answers who asked before, and is not remembered", async () => {
  const found = Promise.withResolvers<Entry | undefined>();
  let lookups: Promise<Entry | undefined> = found.promise;
  const rig = rigWith({ get: () => lookups });
  const before = rig.ask();
  await rig.cache.clear();
  lookups = Promise.resolve(undefined);
  found.resolve(entry("of the first run"));
  expect((await before.promise).text).toBe("of the first run");
  expect((await rig.get({}, rig.main, "of the second run")).text).toBe("of the second run");
});

test.each([[5], [null], [{}]])("clear(%j) is a config error that says what came", async (scope) => {
  const rig = new Rig();
  await rig.get();
  await expect(rig.cache.clear(scope as never)).rejects.toMatchObject({
    code: "config",
    message: expect.stringMatching(/^cache\.clear: expected the name of a scope, or nothing, got /),
  });
  expect(rig.cache.stats().entries).toBe(1);
});

function fail(): never {
  throw new Error("broken");
}

describe("a question that is asked anew while it is looked up", () => {
  const slow = (): { rig: Rig; found: (entry?: Entry) => void } => {
    const { promise, resolve } = Promise.withResolvers<Entry | undefined>();
    return { rig: rigWith({ get: () => promise }), found: resolve };
  };
  const refresh = { cache: { mode: "refresh", scope: "" } } as const;

  test("and answered is not paid a second time", async () => {
    const { rig, found } = slow();
    const plain = rig.ask();
    await rig.get(refresh, rig.main, "new");
    found();
    expect(await plain.promise).toMatchObject({ text: "new", cacheHit: true });
    expect(rig.works).toHaveLength(1);
  });

  test("keeps the new answer, whatever older one is found", async () => {
    const { rig, found } = slow();
    const plain = rig.ask();
    await rig.get(refresh, rig.main, "new");
    found(entry("old"));
    expect((await plain.promise).text).toBe("new");
    expect((await rig.get()).text).toBe("new");
  });

  test("and not yet answered is joined, by all who are left of those who waited", async () => {
    const { rig, found } = slow();
    const plain = [rig.ask(), rig.ask({ stream: true, deadlineAt: 5_000 }), rig.ask()];
    const anew = rig.ask({ ...refresh, priority: "batch" });
    plain[2]!.abort();
    found();
    await settled();
    expect(rig.works).toHaveLength(1);
    expect(rig.works[0]!.options.priority).toBe("interactive");
    anew.abort();
    plain[0]!.abort();
    expect(rig.works[0]!.options.signal!.aborted).toBe(false);
    expect(rig.works[0]!.options.deadlineAt).toBe(5_000);
    rig.works[0]!.answer("new");
    expect((await plain[1]!.promise).text).toBe("new");
    expect(plain[1]!.text()).toBe("new");
    expect(rig.clock.pending).toBe(0);
  });

  test("is answered from memory for whom another's failure does not concern", async () => {
    const rig = new Rig();
    const other = rig.line({ client: "other#1" });
    const [leader, waiter] = [rig.ask(), rig.ask({}, other)];
    await rig.get(refresh, other, "new");
    rig.works[0]!.fail(new TrunklineError("auth", "no"));
    await expect(leader.promise).rejects.toMatchObject({ code: "auth" });
    expect(await waiter.promise).toMatchObject({ text: "new", cacheHit: true });
    expect(rig.works).toHaveLength(2);
  });
});
