import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../src/cache/memory-store.ts";
import type { Entry } from "../../src/cache/store.ts";
import { completion } from "../../src/core/completion.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

const clock = new FakeClock();

function entry(bytes = 100, text = "x"): Entry {
  return { answer: completion(text), bytes, givenAt: 0 };
}

describe("bounds", () => {
  test("C25: bytes and entries stay within their bounds, whatever is set", () => {
    const operation = fc.record({ key: fc.nat(30), bytes: fc.nat(4_000), read: fc.boolean() });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const store = new MemoryStore({ clock, maxBytes: 20_000, maxEntries: 12 });
        for (const { key, bytes, read } of operations) {
          if (read) store.get(`${key}`);
          else store.set(`${key}`, entry(bytes));
          const stats = store.stats();
          expect(stats.bytes).toBeLessThanOrEqual(20_000);
          expect(stats.entries).toBeLessThanOrEqual(12);
          expect(stats.entries).toBe([...store.entries()].length);
        }
        store.clear("");
        expect(store.stats()).toEqual({ entries: 0, bytes: 0 });
      }),
    );
  });

  test("C25: the longest unused leaves first", () => {
    const store = new MemoryStore({ clock, maxEntries: 3 });
    for (const key of ["a", "b", "c"]) store.set(key, entry());
    store.get("a");
    store.set("d", entry());
    expect([...store.entries()].map(([key]) => key)).toEqual(["c", "a", "d"]);
  });

  test("one huge answer does not push out the others", () => {
    const store = new MemoryStore({ clock, maxBytes: 40_000 });
    for (let i = 0; i < 5; i++) store.set(`${i}`, entry());
    store.set("huge", entry(30_000));
    expect(store.get("huge")).toBeUndefined();
    expect(store.stats().entries).toBe(5);
    // Nor does it leave what it was to replace.
    store.set("0", entry(30_000));
    expect(store.get("0")).toBeUndefined();
  });

  test("memory of nothing keeps nothing", () => {
    const store = new MemoryStore({ clock, maxBytes: 0 });
    store.set("a", entry(0));
    expect(store.stats().entries).toBe(0);
  });
});
