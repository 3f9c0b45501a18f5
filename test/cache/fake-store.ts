import type { Store } from "../../src/cache/store.ts";

/** A store that keeps nothing, but for what a test gives it. */
export function fakeStore(over: Partial<Store>): Store {
  return {
    name: "fake",
    get: () => undefined,
    set() {},
    clear() {},
    entries: () => [],
    stats: () => ({ entries: 0, bytes: 0 }),
    flush: async () => {},
    close: async () => {},
    ...over,
  };
}
