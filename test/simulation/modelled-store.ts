import type { Tier } from "../../src/cache/options.ts";
import type { Entry, Soon, Store, StoreStats } from "../../src/cache/store.ts";
import { Chance } from "./chance.ts";
import type { StorePlan } from "./scenario.ts";
import type { Witness } from "./stack.ts";
import type { World } from "./world.ts";

/** A store on virtual time, with the manners that are planned for it. */
export class ModelledStore implements Store {
  readonly name = "modelled";
  readonly #plan: StorePlan;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #entries = new Map<string, Entry>();

  constructor(plan: StorePlan, world: World, seed: number) {
    this.#plan = plan;
    this.#world = world;
    this.#chance = new Chance(seed, 8);
  }

  get(key: string): Soon<Entry | undefined> {
    const found = this.#entries.get(key);
    switch (this.#manner()) {
      case "sound":
        return this.#chance.yes(0.5) ? found : Promise.resolve(found);
      case "slow":
        return new Promise((resolve) =>
          this.#world.script(this.#chance.int(0, this.#plan.ms), "found", () => resolve(found)),
        );
      case "failing":
        if (this.#chance.yes(0.5)) throw new Error("the store is broken");
        return Promise.reject(new Error("the store is away"));
      case "silent":
        return new Promise(() => {});
      default:
        return this.#chance.pick([{}, "no entry", { ...found, answer: undefined }]) as Entry;
    }
  }

  set(key: string, entry: Entry): void {
    if (this.#manner() === "failing") throw new Error("the store is full");
    this.#entries.set(key, entry);
  }

  clear(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  entries(): Iterable<readonly [string, Entry]> {
    return [...this.#entries];
  }

  stats(): StoreStats {
    return { entries: this.#entries.size, bytes: 0 };
  }

  async flush(): Promise<void> {}
  async close(): Promise<void> {}

  #manner(): Exclude<StorePlan["manner"], "moody"> {
    const { manner } = this.#plan;
    if (manner !== "moody") return manner;
    return this.#chance.pick(["sound", "slow", "failing", "silent", "rubbish"] as const);
  }
}

/** The tiers of a scenario's cache. */
export function tiersOf({ scenario, world }: Pick<Witness, "scenario" | "world">): readonly Tier[] {
  const { store } = scenario.cache;
  return store === undefined ? ["memory"] : ["memory", new ModelledStore(store, world, scenario.seed)];
}
