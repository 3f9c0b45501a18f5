import { describe, expect, test } from "vitest";
import { type Entry, isFresh, type Store } from "../../src/cache/store.ts";
import { type StoreCase, storeCases } from "../../src/testing/contract/store-cases.ts";
import type { FakeClock } from "../../src/testing/fake-clock.ts";
import { storeContract } from "../../src/testing/store-contract.ts";

/** A store in a map, right in everything but what `over` changes. */
function inMap(clock: FakeClock, over: (map: Map<string, Entry>) => Partial<Store> = () => ({})): Store {
  const map = new Map<string, Entry>();
  return {
    name: "map",
    get(key) {
      const entry = map.get(key);
      return entry && isFresh(entry, clock.now()) ? entry : undefined;
    },
    set: (key, entry) => void map.set(key, entry),
    clear(prefix) {
      for (const key of map.keys()) if (key.startsWith(prefix)) map.delete(key);
    },
    entries: () => [...map],
    stats: () => ({ entries: map.size, bytes: [...map.values()].reduce((sum, { bytes }) => sum + bytes, 0) }),
    flush: async () => {},
    close: async () => {},
    ...over(map),
  };
}

storeContract("a map", inMap, { describe, test });
storeContract(
  "a store that is waited for",
  (clock) => {
    const store = inMap(clock);
    return { ...store, get: async (key) => store.get(key), clear: async (prefix) => store.clear(prefix) };
  },
  { describe, test },
);

describe("the suite finds", () => {
  const faults: [StoreCase, string, (map: Map<string, Entry>, clock: FakeClock) => Partial<Store>][] = [
    ["roundTrip", "an answer that lost something", (map) => ({
      set: (key, entry) => map.set(key, { ...entry, answer: JSON.parse(JSON.stringify(entry.answer).replace("\\ud800", "?")) }),
    })],
    ["unchangeable", "one object for all readers", (map) => ({ set: (key, entry) => map.set(key, structuredClone(entry)) })],
    ["replace", "a first entry that stays", (map) => ({ set: (key, entry) => void (map.has(key) || map.set(key, entry)) })],
    ["apart", "keys cut short", (map) => ({
      set: (key, entry) => map.set(key.slice(0, -9), entry),
      get: (key) => map.get(key.slice(0, -9)),
    })],
    ["expiry", "entries that never age", (map) => ({ get: (key) => map.get(key) })],
    ["expiry", "an age counted from the writing", (map, clock) => ({
      set: (key, entry) => map.set(key, { ...entry, givenAt: clock.now() }),
    })],
    ["forEver", "a time to live where none was given", (map, clock) => ({
      get: (key) => (clock.now() > 86_400_000 ? undefined : map.get(key)),
    })],
    ["clear", "a clear that does nothing", () => ({ clear() {} })],
    ["clearScope", "a clear that takes all", (map) => ({ clear: () => map.clear() })],
    ["entries", "entries of one page", (map) => ({ entries: () => [...map].slice(0, 256) })],
    ["stats", "stats that count nothing", () => ({ stats: () => ({ entries: 0, bytes: 0 }) })],
    ["closed", "a store that is closed for good", (map) => {
      let closed = false;
      return {
        set: (key, entry) => void (closed || map.set(key, entry)),
        close: async () => {
          closed = true;
        },
      };
    }],
  ]; // biome-ignore format: a list to read across

  test.each(faults)("%s: %s", async (name, _, over) => {
    const failed: string[] = [];
    const running: Promise<unknown>[] = [];
    storeContract("broken", (clock) => inMap(clock, (map) => over(map, clock)), {
      describe: (_, body) => body(),
      test: (title, body) => running.push(body().catch(() => failed.push(title))),
    });
    await Promise.all(running);
    expect(failed).toContain(storeCases[name].title);
  });
});

test("a case that is left out shows its reason", () => {
  const titles: string[] = [];
  storeContract("any", (clock) => inMap(clock), {
    describe: (_, body) => body(),
    test: (title) => titles.push(title),
    skip: { age: "it has no clock" },
  });
  expect(titles).toHaveLength(Object.keys(storeCases).length);
  expect(titles).toContain("an entry tells when it was given (left out: it has no clock)");
});
