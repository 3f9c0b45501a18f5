import { type Bench, type BenchResult, target } from "../../lib/bench.ts";
import { Child } from "../../lib/child.ts";
import { count, fixed, type Table } from "../../lib/table.ts";
import { type Answers, answersCome, type Job, type Outcome } from "./job.ts";

/** From here to the end the heap must not grow. */
const settledAt = 100_000;
const limitMs = 900_000;

interface Run extends Job, Outcome {}

export const bench: Bench = {
  title: "Programs: `each` over very many rows",
  async run({ quick, say }): Promise<BenchResult> {
    const rows = quick ? 300_000 : 1_000_000;
    const runs: Run[] = [];
    for (const answers of Object.keys(answersCome) as Answers[]) {
      say(`${count(rows)} rows, answers come ${answersCome[answers]}`);
      runs.push(await runOne({ rows, weighEvery: settledAt, answers }));
    }
    return {
      tables: [tableOf(runs)],
      targets: [
        ...runs.map((run) =>
          target(
            `MB that the heap grew by, from row ${count(settledAt)} to ${count(rows)}, answers ${answersCome[run.answers]}`,
            growth(run),
            { most: 20 },
          ),
        ),
        target(
          "rows that failed",
          runs.reduce((sum, { failed }) => sum + failed, 0),
          { most: 0 },
        ),
      ],
      data: { runs },
    };
  },
};

async function runOne(job: Job): Promise<Run> {
  await using child = new Child(new URL("./worker.ts", import.meta.url), { job, execArgv: ["--expose-gc"] });
  return { ...job, ...(await child.ask<Outcome>({ go: true }, limitMs)) };
}

/** Of all later weights the largest: at the very end no row is in work. */
function growth({ weights }: Outcome): number {
  const later = weights.filter(({ row }) => row > settledAt).map(({ heapBytes }) => heapBytes);
  return (Math.max(...later) - heapAt(weights, settledAt)) / 2 ** 20;
}

const heapAt = (weights: Outcome["weights"], row: number): number =>
  weights.find((weight) => weight.row === row)!.heapBytes;

function tableOf(runs: readonly Run[]): Table {
  const megabytes = (bytes: number): string => fixed(bytes / 2 ** 20, 2);
  const rows = runs.map((run) => {
    const { weights } = run;
    return [
      answersCome[run.answers],
      count(run.rows / (run.ms / 1_000)),
      fixed(run.cpuUs / run.rows, 1),
      count(run.inWork),
      count(run.ahead),
      megabytes(heapAt(weights, 0)),
      megabytes(heapAt(weights, settledAt)),
      fixed(growth(run), 2),
      megabytes(heapAt(weights, run.rows)),
    ];
  });
  return {
    title: `Predict.each over ${count(runs[0]!.rows)} rows from an async iterable`,
    head: [
      "answers come",
      "rows/s",
      "CPU us/row",
      "calls at once",
      "rows ahead",
      "MB at first",
      `at row ${count(settledAt)}`,
      "most grown then",
      "at the end",
    ],
    rows,
    notes: [
      `Four demos, chat adapter, a scripted LM, cache off, 2,000 rows at once allowed. Collected heap, weighed every ${count(settledAt)} rows; the time is without that.`,
      "Rows ahead: the most that were read from the source and not yet taken.",
    ],
  };
}
