import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { asHit, freeze } from "../../cache/storable.ts";
import type { Entry, Store } from "../../cache/store.ts";
import { type CompletionDetails, completion } from "../../core/completion.ts";
import type { FakeClock } from "../fake-clock.ts";

/** A store, and what the suite may know of it. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Another store over the same place, as another process would open it. Left out where nothing outlives the process. */
  readonly reopen?: () => Store | Promise<Store>;
  readonly close?: () => unknown;
}

/** A store with hands: what a test does with it. */
export interface StoreBench extends StoreUnderTest {
  readonly clock: FakeClock;
}

interface Case {
  readonly title: string;
  readonly run: (bench: StoreBench) => Promise<void>;
}

const day = 86_400_000;

/** An answer for somebody who does not keep to its type. */
interface Changeable {
  text: string;
  readonly choices: { readonly message: { content: string } }[];
}

/** A key of a scope, as the cache makes them. */
function keyOf(n: number, scope = 0): string {
  return `v1:${scope.toString(16).padStart(16, "0")}:${(n * 0x9e3779b1).toString(16).padStart(64, "0")}`;
}

function entryOf(text: string, over: Partial<Entry> = {}, details: CompletionDetails = {}): Entry {
  const answer = asHit(freeze(completion(text, { inputTokens: 3, outputTokens: 2, model: "m", ...details })));
  return Object.freeze({ answer, bytes: Buffer.byteLength(JSON.stringify(answer)), givenAt: 0, ...over });
}

async function textAt(store: Store, key: string): Promise<string | undefined> {
  return (await store.get(key))?.answer.text;
}

async function keysOf(store: Store): Promise<string[]> {
  const keys: string[] = [];
  for await (const [key] of store.entries()) keys.push(key);
  return keys.sort();
}

/** Everything a store must hold, by the names that `skip` uses. */
export const storeCases = {
  unknown: {
    title: "an unknown key brings undefined",
    async run({ store }) {
      strictEqual(await store.get(keyOf(1)), undefined);
    },
  },
  roundTrip: {
    title: "what was set is what is got, whatever is in it",
    async run({ store }) {
      const details: CompletionDetails = {
        reasoning: "Because.",
        finishReason: "tool_calls",
        rawFinishReason: "tool_calls",
        rawUsage: { nested: [1, null, { deep: true }] },
        toolCalls: [
          {
            id: "1",
            name: "look",
            arguments: JSON.parse('{"__proto__":{"a":1},"10":0,"9":[]}'),
            argumentsText: '{"__proto__":{"a":1},"10":0,"9":[]}',
          },
        ],
        id: "answer-1",
      };
      const entry = entryOf("é e\u0301 \ud83d\ude00 \ud800 \u0000 \u2028 日本", { ttl: day }, details);
      store.set(keyOf(1), entry);
      const found = await store.get(keyOf(1));
      deepStrictEqual(found?.answer, entry.answer);
      strictEqual(found?.ttl, day);
      ok(found !== undefined && found.bytes > 0, "bytes says how large it is");
    },
  },
  vectors: {
    title: "vectors come back number for number",
    async run({ store }) {
      const answer = { ...entryOf("").answer, choices: [], vectors: [[0.1, -2.5e-7, 1 / 3], [0]] };
      store.set(keyOf(1), entryOf("", { answer }));
      deepStrictEqual((await store.get(keyOf(1)))?.answer.vectors, answer.vectors);
    },
  },
  unchangeable: {
    title: "what one reader does to an answer, no other sees",
    async run({ store }) {
      store.set(keyOf(1), entryOf("as it was"));
      const first = (await store.get(keyOf(1)))!.answer as unknown as Changeable;
      for (const spoil of [
        () => (first.text = "spoilt"),
        () => (first.choices[0]!.message.content = "spoilt"),
        () => first.choices.pop(),
      ]) {
        try {
          spoil();
        } catch {}
      }
      deepStrictEqual((await store.get(keyOf(1)))?.answer, entryOf("as it was").answer);
    },
  },
  replace: {
    title: "a later entry takes the place of an earlier one",
    async run({ store }) {
      store.set(keyOf(1), entryOf("first, and quite a bit longer"));
      await store.flush();
      store.set(keyOf(1), entryOf("second"));
      await store.flush();
      strictEqual(await textAt(store, keyOf(1)), "second");
      deepStrictEqual(await keysOf(store), [keyOf(1)]);
    },
  },
  apart: {
    title: "many entries keep apart",
    async run({ store }) {
      const all = Array.from({ length: 300 }, (_, i) => i);
      for (const i of all) store.set(keyOf(i), entryOf(`answer ${i} `.repeat(1 + (i % 50))));
      await store.flush();
      for (const i of all) strictEqual(await textAt(store, keyOf(i)), `answer ${i} `.repeat(1 + (i % 50)));
    },
  },
  expiry: {
    title: "an entry is given until its time to live has passed, counted from when it was given",
    async run({ store, clock }) {
      store.set(keyOf(1), entryOf("fresh", { givenAt: clock.now(), ttl: 1_000 }));
      store.set(keyOf(2), entryOf("older", { givenAt: clock.now() - 600, ttl: 1_000 }));
      await store.flush();
      await clock.advance(399);
      strictEqual(await textAt(store, keyOf(2)), "older");
      await clock.advance(1);
      strictEqual(await textAt(store, keyOf(2)), undefined);
      strictEqual(await textAt(store, keyOf(1)), "fresh");
      await clock.advance(600);
      strictEqual(await textAt(store, keyOf(1)), undefined);
    },
  },
  forEver: {
    title: "an entry without a time to live does not age",
    async run({ store, clock }) {
      store.set(keyOf(1), entryOf("old", { givenAt: clock.now() }));
      await store.flush();
      await clock.advance(3_650 * day);
      strictEqual(await textAt(store, keyOf(1)), "old");
    },
  },
  age: {
    title: "an entry tells when it was given",
    async run({ store, clock }) {
      await clock.advance(10_000);
      store.set(keyOf(1), entryOf("aged", { givenAt: 4_000 }));
      await store.flush();
      await clock.advance(5_000);
      const age = clock.now() - (await store.get(keyOf(1)))!.givenAt;
      ok(Math.abs(age - 11_000) <= 1, `it is 11,000 ms old, and says ${age}`);
    },
  },
  clear: {
    title: "clear forgets everything, and what is set after it stays",
    async run({ store }) {
      for (let i = 0; i < 20; i++) store.set(keyOf(i), entryOf(`${i}`));
      await store.clear("");
      strictEqual(await textAt(store, keyOf(3)), undefined);
      deepStrictEqual(await keysOf(store), []);
      store.set(keyOf(3), entryOf("new"));
      await store.flush();
      strictEqual(await textAt(store, keyOf(3)), "new");
    },
  },
  clearScope: {
    title: "clear with a prefix forgets that scope and no other",
    async run({ store }) {
      for (let i = 0; i < 20; i++) {
        for (const scope of [1, 2]) store.set(keyOf(i, scope), entryOf(`${scope}`));
      }
      await store.flush();
      await store.clear(keyOf(0, 1).slice(0, 20));
      deepStrictEqual(await keysOf(store), Array.from({ length: 20 }, (_, i) => keyOf(i, 2)).sort());
      strictEqual(await textAt(store, keyOf(7, 1)), undefined);
      strictEqual(await textAt(store, keyOf(7, 2)), "2");
    },
  },
  entries: {
    title: "entries brings every entry once",
    async run({ store }) {
      const keys = Array.from({ length: 700 }, (_, i) => keyOf(i)).sort();
      for (const key of keys) store.set(key, entryOf(key));
      await store.flush();
      const found: string[] = [];
      for await (const [key, { answer }] of store.entries()) {
        strictEqual(answer.text, key);
        found.push(key);
      }
      deepStrictEqual(found.sort(), keys);
    },
  },
  stats: {
    title: "stats counts entries and bytes",
    async run({ store }) {
      await store.get(keyOf(0));
      const empty = store.stats();
      strictEqual(empty.entries, 0);
      for (let i = 0; i < 10; i++) store.set(keyOf(i), entryOf("x".repeat(5_000)));
      await store.flush();
      const { entries, bytes } = store.stats();
      strictEqual(entries, 10);
      ok(bytes - empty.bytes >= 50_000, `ten answers of 5,000 bytes take ${bytes - empty.bytes}`);
    },
  },
  closed: {
    title: "close can be called twice, and a closed store can be used again",
    async run({ store }) {
      store.set(keyOf(1), entryOf("before"));
      await Promise.all([store.close(), store.close()]);
      await store.close();
      store.set(keyOf(2), entryOf("after"));
      await store.flush();
      strictEqual(await textAt(store, keyOf(2)), "after");
    },
  },
  shared: {
    title: "what was flushed, another that opens the same place has",
    async run({ store, reopen }) {
      if (reopen === undefined) return;
      for (let i = 0; i < 50; i++) store.set(keyOf(i), entryOf(`answer ${i}`, { ttl: day }));
      await store.flush();
      const beside = await reopen();
      strictEqual(await textAt(beside, keyOf(49)), "answer 49");
      beside.set(keyOf(50), entryOf("from beside"));
      await beside.close();
      await store.close();
      const after = await reopen();
      strictEqual(await textAt(after, keyOf(50)), "from beside");
      strictEqual((await after.get(keyOf(0)))?.ttl, day);
      await after.close();
    },
  },
} satisfies Record<string, Case>;

export type StoreCase = keyof typeof storeCases;
