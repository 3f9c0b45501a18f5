import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DiskStore } from "../../src/cache/disk-store.ts";
import { systemClock } from "../../src/core/clock.ts";
import { keyOf, textOf } from "./answers.ts";

/**
 * Processes that write and read one cache folder and are killed at random, until the time is up:
 *
 *     node bench/soak/main.ts [--minutes 5] [--processes 8]
 *
 * Nothing that a process was told is flushed may be lost, no answer may be another's, and nothing may be warned of.
 */
const { values } = parseArgs({
  options: { minutes: { type: "string", default: "5" }, processes: { type: "string", default: "8" } },
});
const until = performance.now() + Number(values.minutes) * 60_000;
const folder = mkdtempSync(join(tmpdir(), "trunkline-soak-"));

/** Answers that some process said were flushed, by their numbers. */
const flushed = new Set<number>();
const tally = { starts: 0, kills: 0, reads: 0, hits: 0, wrong: 0, lost: 0, failures: 0 };
const said: string[] = [];
const running = new Set<ChildProcess>();
let next = 0;

function start(): Promise<void> {
  tally.starts++;
  const first = next;
  next += 1_000_000;
  const program = join(import.meta.dirname, "worker.ts");
  const child = spawn(process.execPath, [program, folder, `${first}`], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  running.add(child);
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    if (!text.includes("ExperimentalWarning") && said.length < 20) said.push(text);
  });
  let known = 0;
  child.on("message", ({ upTo, reads, hits, wrong }: Told) => {
    for (; known < upTo; known++) flushed.add(first + known);
    tally.reads += reads;
    tally.hits += hits;
    tally.wrong += wrong;
    // What others have flushed is what this one should find.
    const some = [...flushed].slice(-200);
    if (child.connected) child.send(some, () => {});
  });
  // At any moment: while it opens the file, in the middle of a commit, or after a while.
  const kill = setTimeout(
    () => {
      tally.kills++;
      child.kill("SIGKILL");
    },
    Math.random() ** 2 * 8_000,
  );
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(kill);
      running.delete(child);
      if (signal !== "SIGKILL") {
        tally.failures++;
        said.push(`a process ended by itself: ${signal ?? `exit code ${code}`}`);
      }
      resolve();
    });
  });
}

interface Told {
  readonly upTo: number;
  readonly reads: number;
  readonly hits: number;
  readonly wrong: number;
}

async function keepOneRunning(): Promise<void> {
  while (performance.now() < until) await start();
}

const progress = setInterval(() => {
  const left = Math.max(0, Math.round((until - performance.now()) / 1_000));
  process.stderr.write(`${left} s left: ${flushed.size} flushed, ${JSON.stringify(tally)}\n`);
}, 10_000);
await Promise.all(Array.from({ length: Number(values.processes) }, keepOneRunning));
clearInterval(progress);

const warnings: string[] = [];
/** The first of those that are gone: a million numbers belong to one process. */
const lost: number[] = [];
const store = new DiskStore({
  clock: systemClock,
  directory: folder,
  warn: (message) => warnings.push(message),
});
for (const n of flushed) {
  const found = await store.get(keyOf(n));
  if (found === undefined) {
    tally.lost++;
    if (lost.length < 100) lost.push(n);
  } else if (found.answer.text !== textOf(n)) tally.wrong++;
}
const { entries } = store.stats();
await store.close();
const megabytes = Math.round(statSync(join(folder, "answers-v1", "data.mdb")).size / 2 ** 20);
rmSync(folder, { recursive: true, force: true });

console.log(
  JSON.stringify(
    { ...tally, flushed: flushed.size, entries, megabytes, lost, said: [...said, ...warnings] },
    undefined,
    2,
  ),
);
process.exitCode = tally.wrong + tally.lost + tally.failures + said.length + warnings.length === 0 ? 0 : 1;
