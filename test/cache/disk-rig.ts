import { join } from "node:path";
import { afterEach } from "vitest";
import { DiskStore, type DiskStoreOptions } from "../../src/cache/disk-store.ts";
import { asHit, freeze } from "../../src/cache/storable.ts";
import type { Entry } from "../../src/cache/store.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { completion } from "../../src/core/completion.ts";
import { folder } from "./folders.ts";

const stores: DiskStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

export function make(options: Partial<DiskStoreOptions>): DiskStore & { warnings: string[] } {
  const warnings: string[] = [];
  const store = new DiskStore({ clock: systemClock, warn: (message) => warnings.push(message), ...options });
  stores.push(store);
  return Object.assign(store, { warnings });
}

export function keyOf(n: number): string {
  return `v1:0123456789abcdef:${(n * 0x9e3779b1).toString(16).padStart(64, "0")}`;
}

export function entryOf(text: string, clock: Clock = systemClock, ttl?: number): Entry {
  const answer = asHit(freeze(completion(text)));
  return {
    answer,
    bytes: Buffer.byteLength(JSON.stringify(answer)),
    givenAt: clock.now(),
    ...(ttl && { ttl }),
  };
}

export async function textAt(store: DiskStore, n: number): Promise<string | undefined> {
  return (await store.get(keyOf(n)))?.answer.text;
}

/** A folder with a store's file of so many answers in it, closed. */
export async function filled(
  count: number,
  text = (n: number) => `answer ${n} `.repeat(30),
): Promise<string> {
  const directory = folder();
  const store = make({ directory });
  for (let i = 0; i < count; i++) store.set(keyOf(i), entryOf(text(i)));
  await store.close();
  return directory;
}

export const dataOf = (directory: string): string => join(directory, "answers-v1", "data.mdb");
