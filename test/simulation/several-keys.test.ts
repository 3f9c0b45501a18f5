import { describe, expect, test } from "vitest";
import type { Layer } from "../../src/core/call.ts";
import { type Instead, severalKeys } from "./several-keys.ts";

describe("an outage of one key costs no call and no second payment", () => {
  for (let from = 1; from <= 200; from += 50) {
    test(`seeds ${from} to ${from + 49}`, { timeout: 120_000 }, async () => {
      for (let seed = from; seed < from + 50; seed++)
        expect(await severalKeys(seed), `seed ${seed}`).toEqual([]);
    });
  }
});

let turn = 0;

/** One key after another, whatever each said before. */
const blindly = (places: readonly Layer[]): Layer => {
  return (next) => {
    const calls = places.map((place) => place(next));
    return async (request, options) => {
      for (let tries = 1; ; tries++) {
        const key = turn++ % calls.length;
        try {
          return await calls[key]!(request, { ...options, key });
        } catch (error) {
          if (tries === 2 * calls.length) throw error;
        }
      }
    };
  };
};

describe("each of it can fail", () => {
  test.each<[string, string, Instead]>([
    ["failed", "a Client that uses its first key alone", { keys: ([first]) => first! }],
    ["paid twice", "a cache that is not there", { cache: (next) => next }],
    ["asked again", "keys asked in turn, blindly", { keys: blindly }],
    ["lost", "a call that is forgotten", { keys: () => () => () => new Promise(() => {}) }],
  ])("%s: %s", async (says, _, instead) => {
    for (let seed = 1; seed <= 50; seed++) {
      if ((await severalKeys(seed, instead)).some((flaw) => flaw.startsWith(says))) return;
    }
    expect.unreachable(`nothing said "${says}" in 50 seeds`);
  });
});
