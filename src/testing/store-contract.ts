import type { Store } from "../cache/store.ts";
import { type StoreCase, type StoreUnderTest, storeCases } from "./contract/store-cases.ts";
import type { Runner } from "./driver-contract.ts";
import { FakeClock } from "./fake-clock.ts";

export interface StoreContractOptions extends Runner {
  /** Cases that this store cannot hold, each with the reason, which is shown in the test's title. */
  readonly skip?: Readonly<Partial<Record<StoreCase, string>>>;
}

/**
 * The contract of a cache store as a suite that any test runner can run. `makeStore` is called for each case and
 * returns an empty store that lives by the clock it is given.
 *
 * ```ts
 * import { describe, test } from "node:test";
 * import { storeContract, type Entry, type Store } from "trunkline/testing";
 *
 * const inMap = (clock: { now(): number }): Store => {
 *   const map = new Map<string, Entry>();
 *   return {
 *     name: "map",
 *     get(key) {
 *       const entry = map.get(key);
 *       const age = entry && clock.now() - entry.givenAt;
 *       return age !== undefined && age < (entry?.ttl ?? Number.POSITIVE_INFINITY) ? entry : undefined;
 *     },
 *     set: (key, entry) => void map.set(key, entry),
 *     clear(prefix) {
 *       for (const key of map.keys()) if (key.startsWith(prefix)) map.delete(key);
 *     },
 *     entries: () => [...map],
 *     stats: () => ({ entries: map.size, bytes: [...map.values()].reduce((sum, { bytes }) => sum + bytes, 0) }),
 *     flush: async () => {},
 *     close: async () => {},
 *   };
 * };
 * storeContract("a map", inMap, { describe, test });
 * ```
 */
export function storeContract(
  name: string,
  makeStore: (clock: FakeClock) => Store | StoreUnderTest | Promise<Store | StoreUnderTest>,
  { describe, test, skip = {} }: StoreContractOptions,
): void {
  describe(`store contract: ${name}`, () => {
    for (const key of Object.keys(storeCases) as StoreCase[]) {
      const { title, run } = storeCases[key];
      const why = skip[key];
      if (why !== undefined) {
        test(`${title} (left out: ${why})`, async () => {});
        continue;
      }
      test(title, async () => {
        const clock = new FakeClock();
        const made = await makeStore(clock);
        const under: StoreUnderTest = "store" in made ? made : { store: made };
        try {
          await run({ ...under, clock });
        } finally {
          await under.store.close();
          await under.close?.();
        }
      });
    }
  });
}
