import { describe, expect, test } from "vitest";
import { Cache } from "../../src/cache/cache.ts";
import { compose } from "../../src/core/call.ts";
import { type Completion, type CompletionDetails, completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { Events } from "../../src/events/events.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { fakeStore } from "./fake-store.ts";
import { ask, Rig, settled } from "./rig.ts";

describe("an answer that was paid", () => {
  test("R102, R103, R116: is given again without a call", async () => {
    const rig = new Rig();
    const first = await rig.get();
    expect(first.cacheHit).toBe(false);
    for (let i = 0; i < 100; i++) expect((await rig.get()).text).toBe(first.text);
    expect(rig.works).toHaveLength(1);
    expect(rig.cache.stats()).toMatchObject({ hits: 100, misses: 1, joins: 0, entries: 1 });
  });

  test("R101, R104, R118: is kept as the finished answer, in the shape the caller gets", async () => {
    const rig = new Rig();
    const details: CompletionDetails = {
      inputTokens: 9,
      outputTokens: 4,
      cachedInputTokens: 2,
      reasoning: "Because.",
      rawFinishReason: "stop",
      rawUsage: { prompt_tokens: 9 },
      id: "x1",
    };
    const given = rig.ask();
    rig.works[0]!.answer("hi", details);
    const first = await given.promise;
    expect(await rig.get()).toEqual({ ...first, cacheHit: true });
  });

  test("C31: a hit keeps its usage, costs nothing and says what it saved; events tell hits, misses and joins", async () => {
    const clock = new FakeClock();
    const events = new Events({ clock });
    const cache = new Cache({ clock, options: { tiers: ["memory"] } });
    const rig = new Rig();
    const call = compose([events.layer(), cache.layer({ identity: "p", client: "p#1" })], async () =>
      completion("hi", { inputTokens: 1_000_000, outputTokens: 0 }),
    );
    const seen: [string, number | undefined, number | undefined][] = [];
    events.subscribe(({ cache: state, cost }) => seen.push([state, cost?.usd, cost?.saved]));
    const options = () => ({ ...rig.ask({ price: { input: 2, output: 1 } }).options, signal: undefined });
    const answers = await Promise.all([call(ask(), options()), call(ask(), options())]);
    answers.push(await call(ask(), options()));
    expect(seen).toEqual([
      ["miss", 2, 0],
      ["join", 0, 2],
      ["hit", 0, 2],
    ]);
    expect(answers.map(({ cacheHit }) => cacheHit)).toEqual([false, false, true]);
    for (const { usage } of answers) expect(usage.inputTokens).toBe(1_000_000);
  });

  test("C18: nobody can change what others get, whether they asked, joined or hit", async () => {
    const rig = new Rig();
    const [asked, joined] = [rig.ask(), rig.ask()];
    const own = JSON.parse(
      JSON.stringify(completion("hi", { rawUsage: { a: [1] }, toolCalls: [toolCall()] })),
    );
    rig.works[0]!.resolve(own);
    const whole = JSON.stringify(await asked.promise);
    own.text = "spoilt by the driver";
    own.choices[0].message.toolCalls[0].arguments.a.b = "spoilt";
    const answers = [await asked.promise, await joined.promise, await rig.get()];
    for (const answer of answers) {
      expect(isFrozen(answer)).toBe(true);
      expect(() => {
        (answer as { text: string }).text = "spoilt";
      }).toThrow(TypeError);
    }
    expect(JSON.stringify({ ...(await rig.get()), cacheHit: false })).toBe(JSON.stringify(JSON.parse(whole)));
  });

  test("C4: a member called __proto__ survives", async () => {
    const rig = new Rig();
    const args = JSON.parse('{"__proto__":{"a":1}}');
    const given = rig.ask();
    rig.works[0]!.answer("", { toolCalls: [{ ...toolCall(), arguments: args }] });
    await given.promise;
    const hit = await rig.get();
    expect(JSON.stringify(hit.choices[0]!.message.toolCalls![0]!.arguments)).toBe('{"__proto__":{"a":1}}');
  });

  test("vectors are kept, and each reader has lists of its own", async () => {
    const rig = new Rig();
    const given = rig.ask();
    rig.works[0]!.resolve({ ...completion(""), choices: [], vectors: [[1, 2]] });
    const first = (await given.promise).vectors as number[][];
    first[0]![0] = 99;
    const second = (await rig.get()).vectors as number[][];
    second[0]![0] = 98;
    expect((await rig.get()).vectors).toEqual([[1, 2]]);
    expect(rig.works).toHaveLength(1);
  });

  test("C30: an answer that is no plain data is given and not kept, with one warning", async () => {
    const rig = new Rig();
    for (let i = 0; i < 2; i++) {
      const given = rig.ask();
      rig.works[i]!.resolve({ ...completion("hi"), usage: { ...completion("hi").usage, raw: 1n } });
      expect((await given.promise).text).toBe("hi");
    }
    expect(rig.cache.stats().entries).toBe(0);
    expect(rig.warnings).toHaveLength(1);
  });
});

describe("what is not kept", () => {
  test.each<[string, Completion]>([
    ["C14: a truncated answer", completion("half of", { finishReason: "length" })],
    ["C14: a filtered answer", completion("", { finishReason: "content_filter" })],
    ["C13: one that ended in an error", completion("sorry", { finishReason: "error" })],
    ["C14: one that ended for a reason nobody knows", completion("half", { finishReason: "other" })],
    ["C15: an empty answer", completion("")],
    ["C15: an answer of spaces", completion(" \n")],
    ["C15: reasoning without an answer", completion("", { reasoning: "Hm." })],
    ["C15: no choices", { ...completion("x"), choices: [] }],
    ["C15: no vectors", { ...completion(""), choices: [], vectors: [] }],
    [
      "C14: one of several choices cut short",
      {
        ...completion("whole"),
        choices: [
          completion("whole").choices[0]!,
          { ...completion("ha", { finishReason: "length" }).choices[0]!, index: 1 },
        ],
      },
    ],
  ])("%s", async (_, answer) => {
    const rig = new Rig();
    for (let i = 0; i < 2; i++) {
      const given = rig.ask();
      rig.works[i]!.resolve(answer);
      expect((await given.promise).cacheHit).toBe(false);
    }
    expect(rig.works).toHaveLength(2);
    expect(rig.cache.stats().entries).toBe(0);
  });

  test("an answer that is only tool calls is kept", async () => {
    const rig = new Rig();
    const given = rig.ask();
    rig.works[0]!.answer("", { toolCalls: [toolCall()] });
    await given.promise;
    expect((await rig.get()).cacheHit).toBe(true);
  });

  test("C13, R127: an error", async () => {
    const rig = new Rig();
    const given = rig.ask();
    rig.works[0]!.fail(new TrunklineError("server_error", "down", { partial: completion("half") }));
    await expect(given.promise).rejects.toMatchObject({ code: "server_error" });
    expect((await rig.get()).cacheHit).toBe(false);
    expect(rig.works).toHaveLength(2);
  });

  test("C16: an aborted stream; but an answer that still came whole was paid, and is kept", async () => {
    const rig = new Rig();
    const given = rig.ask({ stream: true });
    rig.works[0]!.say("half");
    given.abort();
    await expect(given.promise).rejects.toMatchObject({ code: "aborted" });
    expect(rig.cache.stats().entries).toBe(0);
    const line = rig.line({});
    const stubborn = compose([rig.cache.layer({ identity: "deaf", client: "x" })], () => late.promise);
    const late = Promise.withResolvers<Completion>();
    const controller = new AbortController();
    const left = stubborn(ask(), { ...given.options, onDelta: undefined, signal: controller.signal });
    controller.abort(new TrunklineError("aborted", "left"));
    await expect(left).rejects.toMatchObject({ code: "aborted" });
    late.resolve(completion("late"));
    await settled();
    expect(rig.cache.stats().entries).toBe(1);
    expect(line.open.size).toBe(0);
  });
});

describe("modes", () => {
  test("cache: false neither reads, writes nor joins", async () => {
    const rig = new Rig();
    const off = { cache: { mode: "off", scope: "" } } as const;
    await rig.get();
    const calls = [rig.ask(off), rig.ask(off)];
    expect(rig.works).toHaveLength(3);
    for (const work of rig.works.slice(1)) work.answer("other");
    for (const { promise, options } of calls) {
      expect((await promise).text).toBe("other");
      expect(options.record.cache).toBe("off");
    }
    expect((await rig.get()).text).toBe("An answer.");
    expect(rig.cache.stats()).toMatchObject({ hits: 1, misses: 1, bypassed: 0 });
  });

  test("refresh asks anew and replaces; it joins another refresh and no older question", async () => {
    const rig = new Rig();
    const refresh = { cache: { mode: "refresh", scope: "" } } as const;
    await rig.get({}, rig.main, "old");
    const plain = rig.ask({ request: ask("Other.") });
    const fresh = rig.ask({ ...refresh, request: ask("Other.") });
    expect(rig.works).toHaveLength(3);
    rig.works[1]!.answer("plain");
    rig.works[2]!.answer("fresh");
    expect([(await plain.promise).text, (await fresh.promise).text]).toEqual(["plain", "fresh"]);
    const pair = [rig.ask(refresh), rig.ask(refresh)];
    expect(rig.works).toHaveLength(4);
    rig.works[3]!.answer("new");
    for (const { promise } of pair) expect((await promise).text).toBe("new");
    expect((await rig.get()).text).toBe("new");
  });

  test("a question that is not known joins a refresh of itself", async () => {
    const rig = new Rig();
    rig.ask({ cache: { mode: "refresh", scope: "" } });
    const plain = rig.ask();
    rig.works[0]!.answer("fresh");
    expect((await plain.promise).text).toBe("fresh");
    expect(rig.works).toHaveLength(1);
  });

  test("C17: a rolloutId has an entry of its own, and n is no other n", async () => {
    const rig = new Rig();
    await rig.get({}, rig.main, "plain");
    await rig.get({ rolloutId: 1 }, rig.main, "one");
    expect((await rig.get({ rolloutId: 1 })).text).toBe("one");
    expect((await rig.get({ rolloutId: 2 }, rig.main, "two")).text).toBe("two");
    expect((await rig.get()).text).toBe("plain");
    await rig.get({ request: ask("Say hi.", { n: 3 }) });
    expect(rig.works).toHaveLength(4);
  });

  test("C8, R108: scopes do not feed each other, and are forgotten one by one", async () => {
    const rig = new Rig();
    const one = { cache: { mode: "use", scope: rig.cache.scope("run-1").scope } } as const;
    const two = { cache: { mode: "use", scope: "run-2" } } as const;
    await rig.get(one, rig.main, "of one");
    expect((await rig.get(two, rig.main, "of two")).text).toBe("of two");
    await rig.cache.scope("run-1").clear();
    expect((await rig.get(one, rig.main, "again")).text).toBe("again");
    expect((await rig.get(two)).text).toBe("of two");
    expect(() => rig.cache.scope("")).toThrow(/cache\.scope: expected a name/);
  });

  test("C6: two endpoints share nothing; C7: replicas do", async () => {
    const rig = new Rig();
    const other = rig.line({ identity: "openai https://other.test" });
    await rig.get({}, rig.main, "here");
    expect((await rig.get({}, other, "there")).text).toBe("there");
    const replicas = { cache: { mode: "use", scope: "", replicas: "group" } } as const;
    await rig.get(replicas, rig.main, "of the group");
    expect((await rig.get(replicas, other)).text).toBe("of the group");
  });

  test("C12: an answer is filed under the model that was asked for it, not under the one it stands in for", async () => {
    const rig = new Rig();
    const first = rig.ask({ request: ask("Hi.", {}, "big") });
    rig.works[0]!.fail(new TrunklineError("overloaded", "busy"));
    await expect(first.promise).rejects.toMatchObject({ code: "overloaded" });
    await rig.get({ request: ask("Hi.", {}, "cheap") }, rig.main, "cheap");
    expect((await rig.get({ request: ask("Hi.", {}, "big") }, rig.main, "big")).text).toBe("big");
  });

  test("C9: two lines that differ in their key alone never file an answer under another question", async () => {
    const rig = new Rig();
    const rotated = rig.line({ client: "openai#2" });
    const [a, b] = [rig.ask({ request: ask("a") }), rig.ask({ request: ask("b") }, rotated)];
    rig.works[1]!.answer("to b");
    rig.works[0]!.answer("to a");
    expect([(await a.promise).text, (await b.promise).text]).toEqual(["to a", "to b"]);
    expect((await rig.get({ request: ask("a") }, rotated)).text).toBe("to a");
  });

  test("C28: what was found is found by content, in whatever order it is asked for", async () => {
    const rig = new Rig();
    for (const row of ["a", "b", "c"]) await rig.get({ request: ask(row) }, rig.main, `to ${row}`);
    for (const row of ["c", "a", "b"]) expect((await rig.get({ request: ask(row) })).text).toBe(`to ${row}`);
  });

  test("a nameless backend's answers stay in memory: neither written nor exported", async () => {
    const written: string[] = [];
    const store = fakeStore({ set: (key) => void written.push(key) });
    const rig = new Rig({ options: { tiers: ["memory", store] } });
    const nameless = rig.line({ identity: "function 3", memoryOnly: true });
    await rig.get({}, nameless);
    expect((await rig.get({}, nameless)).cacheHit).toBe(true);
    expect(written).toEqual([]);
    expect(await collect(rig.cache.export())).toEqual([]);
    await rig.get();
    expect(written).toHaveLength(1);
  });
});

describe("time to live", () => {
  test("C26: in memory the monotonic clock counts, whatever the wall clock does", async () => {
    const rig = new Rig();
    rig.cache.configure({ ttl: 1_000 });
    await rig.get();
    rig.clock.wall = () => Date.UTC(2090, 0, 1);
    await rig.clock.advance(999);
    expect((await rig.get()).cacheHit).toBe(true);
    rig.clock.wall = () => 0;
    await rig.clock.advance(1);
    expect((await rig.get()).cacheHit).toBe(false);
  });

  test("a call's own ttl holds for what it stores and for what it takes", async () => {
    const rig = new Rig();
    const brief = { cache: { mode: "use", scope: "", ttl: 500 } } as const;
    await rig.get();
    await rig.clock.advance(600);
    expect((await rig.get()).cacheHit).toBe(true);
    expect((await rig.get(brief)).cacheHit).toBe(false);
    await rig.clock.advance(499);
    expect((await rig.get()).cacheHit).toBe(true);
    await rig.clock.advance(1);
    expect((await rig.get()).cacheHit).toBe(false);
  });
});

describe("clear", () => {
  test("R108, R119: forgets everything; what was asked before it is answered and not stored", async () => {
    const rig = new Rig();
    await rig.get({ request: ask("done") });
    const running = rig.ask();
    await rig.cache.clear();
    expect(rig.cache.stats().entries).toBe(0);
    const after = rig.ask();
    expect(rig.works).toHaveLength(3);
    rig.works[1]!.answer("of the first run");
    rig.works[2]!.answer("of the second run");
    expect((await running.promise).text).toBe("of the first run");
    expect((await after.promise).text).toBe("of the second run");
    expect((await rig.get()).text).toBe("of the second run");
  });

  test("resetMemory forgets what is in memory, and a slower tier brings it back", async () => {
    const kept = new Map();
    const store = fakeStore({ get: (key) => kept.get(key), set: (key, entry) => void kept.set(key, entry) });
    const rig = new Rig({ options: { tiers: ["memory", store] } });
    await rig.get();
    rig.cache.resetMemory();
    expect(rig.cache.stats().entries).toBe(0);
    expect((await rig.get()).cacheHit).toBe(true);
    kept.clear();
    expect((await rig.get()).cacheHit).toBe(true);
  });
});

describe("stores of others", () => {
  test("one that must be waited for is asked once for all who join, and a failing one is a miss", async () => {
    let asked = 0;
    const found = Promise.withResolvers<never>();
    const store = fakeStore({
      get() {
        asked++;
        return found.promise;
      },
    });
    const rig = new Rig({ options: { tiers: ["memory", store] } });
    const calls = [rig.ask(), rig.ask({ stream: true })];
    found.reject(new Error("away"));
    await settled();
    expect(asked).toBe(1);
    rig.works[0]!.answer("hi");
    for (const { promise } of calls) expect((await promise).text).toBe("hi");
    expect(rig.warnings).toHaveLength(1);
  });

  test("what it brings is a hit for all who waited, streamed to those who listen", async () => {
    const entry = { answer: { ...completion("stored"), cacheHit: true }, bytes: 9, givenAt: 0 };
    const rig = new Rig({ options: { tiers: ["memory", fakeStore({ get: async () => entry })] } });
    const calls = [rig.ask(), rig.ask({ stream: true })];
    for (const { promise, options } of calls) {
      expect(await promise).toMatchObject({ text: "stored", cacheHit: true });
      expect(options.record.cache).toBe("hit");
    }
    expect(calls[1]!.text()).toBe("stored");
    expect(rig.cache.stats()).toMatchObject({ hits: 2, misses: 0, joins: 0 });
  });

  test("a caller who leaves while it is looked up starts no work", async () => {
    const found = Promise.withResolvers<undefined>();
    const rig = new Rig({ options: { tiers: [fakeStore({ get: () => found.promise })] } });
    const given = rig.ask();
    given.abort();
    await expect(given.promise).rejects.toMatchObject({ code: "aborted" });
    found.resolve(undefined);
    await settled();
    expect(rig.works).toHaveLength(0);
    expect(rig.cache.stats().misses).toBe(0);
  });
});

test.each<[object, RegExp]>([
  [{ memoryBytes: -1 }, /memoryBytes/],
  [{ diskBytes: 0 }, /diskBytes/],
  [{ directory: "" }, /directory: expected the path of a folder/],
  [{ ttl: 0 }, /ttl/],
  [{ tiers: ["memory", "memory"] }, /tiers/],
  [{ tiers: ["redis"] }, /tiers: expected a list of "memory", "disk" or stores/],
  [{ size: 1 }, /unknown option "size"/],
])("configure(%j) names what is wrong", (options, message) => {
  expect(() => new Rig().cache.configure(options)).toThrow(message);
});

test("configure keeps what it is not told, and a smaller memory takes effect at once", async () => {
  const rig = new Rig();
  for (let i = 0; i < 20; i++) await rig.get({ request: ask(`${i}`) });
  rig.cache.configure();
  rig.cache.configure({ ttl: 5 });
  expect(rig.cache.stats().entries).toBe(20);
  rig.cache.configure({ memoryBytes: 6_000 });
  expect(rig.cache.stats().entries).toBeLessThan(7);
  expect(rig.cache.stats().bytes).toBeLessThanOrEqual(6_000);
});

function toolCall() {
  return { id: "1", name: "look", arguments: { a: { b: 1 } }, argumentsText: '{"a":{"b":1}}' };
}

function isFrozen(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isFrozen);
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}
