import type { Prefixes } from "./prefix-key.ts";
import { usualLifetimeMs } from "./prefix-size.ts";

/** How many prefixes are remembered. */
const mostPrefixes = 4_096;

/** By which keys each prefix was sent lately, so that calls that share it can stay together. */
export class Homes {
  /** By prefix: until when each key, by its place, is believed to have it. */
  readonly #until = new Map<number, number[]>();

  /** Tokens of the longest beginning of a prompt that `place` has seen lately. */
  known({ keys, tokens }: Prefixes, place: number, now: number): number {
    for (let i = keys.length - 1; i >= 0; i--) {
      const until = this.#until.get(keys[i]!)?.[place];
      if (until !== undefined && until > now) return tokens[i]!;
    }
    return 0;
  }

  /** A prompt goes by the key at `place`. */
  note({ keys }: Prefixes, place: number, now: number): void {
    for (const key of keys) {
      const until = this.#until.get(key) ?? [];
      until[place] = now + usualLifetimeMs;
      // The end of a Map is its youngest entry.
      this.#until.delete(key);
      this.#until.set(key, until);
    }
    for (const oldest of this.#until.keys()) {
      if (this.#until.size <= mostPrefixes) return;
      this.#until.delete(oldest);
    }
  }
}
