import { seededRandom } from "../../src/testing/fake-clock.ts";

/** Mixes whole numbers into one seed, so that every call, attempt and lane draws from a stream of its own. */
export function mix(...parts: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    hash = Math.imul(hash ^ (part >>> 0), 0x01000193);
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}

/** Seeded draws. Two equal seeds draw the same for ever. */
export class Chance {
  readonly next: () => number;

  constructor(...seed: readonly number[]) {
    this.next = seededRandom(mix(...seed));
  }

  /** True with probability `p`. */
  yes(p: number): boolean {
    return this.next() < p;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** A whole number whose size is spread evenly over the orders of magnitude from `low` to `high`. */
  size(low: number, high: number): number {
    return Math.round(low * (high / low) ** this.next());
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)]!;
  }

  /** One of `[weight, value]` pairs. */
  weighted<T>(list: readonly (readonly [number, T])[]): T {
    let rest = this.next() * list.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of list) {
      rest -= weight;
      if (rest < 0) return value;
    }
    return list.at(-1)![1];
  }
}
