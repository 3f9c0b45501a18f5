import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Entry, Store } from "../../src/cache/store.ts";
import { completion } from "../../src/core/completion.ts";
import { fakeStore } from "./fake-store.ts";
import { Rig, settled } from "./rig.ts";

const stored: Entry = { answer: { ...completion("stored"), cacheHit: true }, bytes: 9, givenAt: 0 };

const rigWith = (over: Partial<Store>): Rig => new Rig({ options: { tiers: ["memory", fakeStore(over)] } });

/** Nothing that can be made a text. */
const thrown: unknown = Object.create(null);
const fail = (): never => {
  throw thrown;
};
const failSoon = (): Promise<never> => Promise.reject(thrown);

/** An entry that fails while it is read. */
const trap = {
  bytes: 9,
  givenAt: 0,
  get answer(): Entry["answer"] {
    throw new Error("a getter");
  },
};

const unheard: unknown[] = [];
const hear = (reason: unknown): void => void unheard.push(reason);
beforeEach(() => {
  unheard.length = 0;
  process.on("unhandledRejection", hear);
});
afterEach(() => {
  process.off("unhandledRejection", hear);
  expect(unheard).toEqual([]);
});

test.each<[string, Partial<Store>]>([
  ["get throws what has no text", { get: fail }],
  ["get rejects with what has no text", { get: failSoon }],
  ["set throws what has no text", { set: fail }],
  ["set rejects with what has no text", { set: failSoon as () => never }],
  ["an entry that throws when it is read", { get: () => trap }],
  ["an entry that throws when it is read, brought later", { get: async () => trap }],
])("%s: the call is answered, and the failure counted", async (_, over) => {
  const rig = rigWith(over);
  expect((await rig.get()).text).toBe("An answer.");
  await settled();
  expect(rig.cache.stats().failures).toBe(1);
  expect(rig.warnings).toHaveLength(1);
  expect(rig.clock.pending).toBe(0);
});

test("stats, flush and close that throw what has no text fail nothing", async () => {
  const rig = rigWith({ stats: fail, flush: failSoon, close: failSoon });
  expect(rig.cache.stats().entries).toBe(0);
  await rig.cache.flush();
  await rig.cache.close();
});

test("clear and export that throw what has no text are errors of the cache", async () => {
  const rig = rigWith({ clear: fail, entries: fail });
  await expect(rig.cache.clear()).rejects.toMatchObject({ code: "cache" });
  await expect(rig.cache.export().next()).rejects.toMatchObject({ code: "cache" });
});

describe("an answer whose parts have another form is a miss", () => {
  const choice = stored.answer.choices[0]!;
  const withMessage = (message: object) => ({
    choices: [{ ...choice, message: { ...choice.message, ...message } }],
  });
  const call = { id: "1", name: "look", arguments: {}, argumentsText: "{}" };
  test.each<[string, object, string]>([
    ["vectors that are none", { vectors: "x" }, "vectors"],
    ["vectors of words", { vectors: [["a"]] }, "vectors"],
    ["vectors with a hole", { vectors: [[1, null]] }, "vectors"],
    ["tool calls that are no list", withMessage({ toolCalls: 5 }), "toolCalls"],
    ["a tool call that is nothing", withMessage({ toolCalls: [null] }), "toolCalls"],
    ["a tool call without a name", withMessage({ toolCalls: [{ ...call, name: 5 }] }), "toolCalls"],
    [
      "a tool call without arguments",
      withMessage({ toolCalls: [{ ...call, arguments: "{}" }] }),
      "toolCalls",
    ],
    ["reasoning that is no text", withMessage({ reasoning: 5 }), "reasoning"],
    ["a text that is not the first choice's", { text: "another" }, "text"],
  ])("%s", async (_, over, named) => {
    for (const stream of [false, true]) {
      const rig = rigWith({ get: () => ({ ...stored, answer: { ...stored.answer, ...over } }) });
      expect((await rig.get({ stream })).text).toBe("An answer.");
      expect(rig.warnings).toEqual([expect.stringContaining(named)]);
    }
  });

  test("one with tool calls and reasoning as they should be is a hit", async () => {
    const answer = { ...stored.answer, ...withMessage({ toolCalls: [call], reasoning: "hm" }) };
    const rig = rigWith({ get: () => ({ ...stored, answer }) });
    expect((await rig.ask({ stream: true }).promise).choices[0]!.message.toolCalls).toEqual([call]);
  });
});

test.each(Object.keys(fakeStore({})))("a store without %s is a config error when it is given", (member) => {
  const { [member as keyof Store]: _, ...rest } = fakeStore({});
  expect(() => new Rig().cache.configure({ tiers: [rest as Store] })).toThrow(
    /stores \(name, get, set, clear/,
  );
});
