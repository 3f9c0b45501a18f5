import { type Bench, type BenchResult, target } from "../../lib/bench.ts";
import { Child } from "../../lib/child.ts";
import { count, fixed, type Table } from "../../lib/table.ts";
import type { Job, Outcome } from "./job.ts";

/** From here to the end the heap must not grow. */
const settledAt = 100_000;
const limitMs = 900_000;

export const bench: Bench = {
  title: "Programs: `each` over very many rows",
  async run({ quick, say }): Promise<BenchResult> {
    const job: Job = { rows: quick ? 300_000 : 1_000_000, weighEvery: settledAt };
    say(`${count(job.rows)} rows from an async iterable`);
    await using child = new Child(new URL("./worker.ts", import.meta.url), {
      job,
      execArgv: ["--expose-gc"],
    });
    const outcome = await child.ask<Outcome>({ go: true }, limitMs);
    return {
      tables: [tableOf(job, outcome)],
      targets: [
        target(`MB that the heap grew by, from row ${count(settledAt)} to the end`, growth(outcome), {
          most: 20,
        }),
        target("rows that failed", outcome.failed, { most: 0 }),
      ],
      data: { job, outcome },
    };
  },
};

/** Of all weights after the first rows, the largest above the one there: at the very end no row is in work. */
function growth({ weights }: Outcome): number {
  const settled = weights.find(({ row }) => row === settledAt)!.heapBytes;
  const later = weights.filter(({ row }) => row > settledAt).map(({ heapBytes }) => heapBytes);
  return (Math.max(...later) - settled) / 2 ** 20;
}

function tableOf({ rows }: Job, { weights, ms, cpuUs, ahead }: Outcome): Table {
  return {
    title: `Predict.each over ${count(rows)} rows: ${count(rows / (ms / 1_000))} rows/s, ${fixed(cpuUs / rows, 1)} us of CPU a row`,
    head: ["rows taken", "MB of heap"],
    rows: weights.map(({ row, heapBytes }) => [count(row), fixed(heapBytes / 2 ** 20, 2)]),
    notes: [
      `Four demos, chat adapter, a scripted LM that answers at once, cache off, 2,000 rows at once; at most ${count(ahead)} rows were read and not yet taken.`,
      "Collected heap; the time is without the weighing.",
    ],
  };
}
