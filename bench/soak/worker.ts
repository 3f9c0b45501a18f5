import { writeSync } from "node:fs";
import { DiskStore } from "../../src/cache/disk-store.ts";
import { systemClock } from "../../src/core/clock.ts";
import { completion } from "../../src/core/completion.ts";
import { keyOf, textOf } from "./answers.ts";

/** Writes answers from a number on and reads those it is told of, until it is killed. */
const [folder = "", from = "0"] = process.argv.slice(2);
const first = Number(from);
let others: readonly number[] = [];
const store = new DiskStore({
  clock: systemClock,
  directory: folder,
  // At once: who is killed in the next moment tells it all the same.
  warn: (message) => void writeSync(2, `${message}\n`),
});

process.on("message", (numbers: readonly number[]) => {
  others = numbers;
});
process.on("disconnect", () => process.exit(0));

for (let upTo = 0; ; ) {
  for (const end = upTo + 1 + Math.floor(Math.random() * 40); upTo < end; upTo++) {
    const answer = { ...completion(textOf(first + upTo)), cacheHit: true };
    const bytes = Buffer.byteLength(JSON.stringify(answer));
    store.set(keyOf(first + upTo), { answer, bytes, givenAt: systemClock.now() });
  }
  await store.flush();
  let [reads, hits, wrong] = [0, 0, 0];
  for (const n of [...others, first + Math.floor(Math.random() * upTo)]) {
    reads++;
    const found = await store.get(keyOf(n));
    if (found === undefined) continue;
    if (found.answer.text === textOf(n)) hits++;
    else wrong++;
  }
  process.send!({ upTo, reads, hits, wrong });
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
}
