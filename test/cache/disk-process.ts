import { DiskStore } from "../../src/cache/disk-store.ts";
import { systemClock } from "../../src/core/clock.ts";
import { completion } from "../../src/core/completion.ts";

/** Works on a cache folder as a process of its own, and prints what came of it. */
const [what, directory = "", from = "0"] = process.argv.slice(2);
const first = Number(from);
const warnings: string[] = [];
const store = new DiskStore({ clock: systemClock, directory, warn: (message) => warnings.push(message) });

function keyOf(n: number): string {
  return `v1:0123456789abcdef:${(n * 0x9e3779b1).toString(16).padStart(64, "0")}`;
}

function set(n: number, text: string): void {
  const answer = { ...completion(text), cacheHit: true };
  store.set(keyOf(n), {
    answer,
    bytes: Buffer.byteLength(JSON.stringify(answer)),
    givenAt: systemClock.now(),
  });
}

/** Each process asks for the same answers in another order, and sets what it does not find. */
async function share(): Promise<void> {
  let wrong = 0;
  for (let i = 0; i < 200; i++) {
    const n = (i * 7 + first * 53) % 200;
    const found = await store.get(keyOf(n));
    if (found === undefined) set(n, `${n} `.repeat(100));
    else if (found.answer.text !== `${n} `.repeat(100)) wrong++;
    if (i % 10 === 0) await store.flush();
  }
  await store.close();
  console.log(`wrong ${wrong}`);
}

/** Writes until it is ended from outside; tells how many answers were flushed. */
async function write(): Promise<void> {
  for (let n = 0; ; n += 10) {
    for (let i = n; i < n + 10; i++) set(first + i, `${i} `.repeat(100));
    await store.flush();
    console.log(n + 10);
  }
}

/** Opens the folder again and again for some seconds, and reads one answer each time. */
async function reopen(): Promise<void> {
  const until = performance.now() + 4_000;
  while (performance.now() < until) {
    await store.get(keyOf(0));
    await store.close();
  }
}

/** Writes more than the process may, and reads what was there before. */
async function full(): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    set(1_000 + i, "x".repeat(2_000));
    if (i % 100 === 0) await store.flush();
  }
  await store.flush();
  let kept = 0;
  for (let i = 0; i < 5; i++) if ((await store.get(keyOf(i))) !== undefined) kept++;
  await store.close();
  console.log(`warnings ${warnings.length}`);
  console.log(`kept ${kept}`);
}

await { share, write, reopen, full }[what as "share"]();
for (const warning of warnings) console.log(`warning: ${warning}`);
