import { hash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { answer, job } from "../lib/worker.ts";
import type { Job, Report } from "./job.ts";
import { Sqlite } from "./peers.ts";
import { rooms } from "./rooms.ts";

const { store, folder, number, calls, answers } = job<Job>();
const { DiskStore, systemClock, completion } = await rooms();

interface Place {
  get(key: string): unknown;
  set(key: string, text: string): void;
  flush(): Promise<void>;
}

const textOf = (n: number): string => `The answer to question ${n}. `.repeat(20);
const keyOf = (n: number): string => `v1:0123456789abcdef:${hash("sha256", `${n}`)}`;

function open(): Place {
  mkdirSync(folder, { recursive: true });
  if (store === "sqlite") {
    const sqlite = new Sqlite(join(folder, "answers.sqlite"));
    return {
      get(key) {
        const found = sqlite.get(key);
        return found && JSON.parse(found).text;
      },
      set: (key, text) => sqlite.set(key, JSON.stringify(completion(text))),
      flush: async () => {},
    };
  }
  const disk = new DiskStore({ clock: systemClock, directory: folder });
  return {
    async get(key) {
      return (await disk.get(key))?.answer.text;
    },
    set(key, text) {
      const made = { ...completion(text), cacheHit: true };
      disk.set(key, { answer: made, bytes: 2 * text.length + 400, givenAt: systemClock.now() });
    },
    flush: () => disk.flush(),
  };
}

answer(async (): Promise<Report> => {
  const place = open();
  let [found, wrong, readMs] = [0, 0, 0];
  const started = performance.now();
  for (let i = 0; i < calls; i++) {
    const n = (i * 7 + number * 1_237) % answers;
    const before = performance.now();
    const text = await place.get(keyOf(n));
    readMs += performance.now() - before;
    if (text === undefined) place.set(keyOf(n), textOf(n));
    else if (text === textOf(n)) found++;
    else wrong++;
    // As a program does that waits for a provider between its calls.
    if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
  }
  const flushing = performance.now();
  await place.flush();
  const ended = performance.now();
  return { ms: ended - started, found, wrong, readUs: (readMs * 1_000) / calls, flushMs: ended - flushing };
});
