import { type Bench, type BenchResult, target } from "../lib/bench.ts";
import { Child } from "../lib/child.ts";
import { count, fixed, type Table } from "../lib/table.ts";
import type { Job, Outcome } from "./job.ts";

const sizes = [1_000, 10_000, 100_000];
const configurations = [1, 10, 1_000];
const limitMs = 60_000;

interface Run extends Job, Outcome {}

export const bench: Bench = {
  title: "Agents: what an LM weighs",
  async run({ quick, say }): Promise<BenchResult> {
    const runs: Run[] = [];
    for (const agents of quick ? [sizes.at(-1)!] : sizes) {
      for (const kinds of configurations) {
        say(`${count(agents)} LMs of ${count(kinds)} configurations`);
        runs.push(await runOne({ agents, configurations: kinds }));
      }
    }
    const most = runs.filter(({ agents }) => agents === sizes.at(-1));
    return {
      tables: [tableOf(runs)],
      targets: [
        ...most.map((run) =>
          target(
            `bytes each of ${count(run.agents)} LMs of ${count(run.configurations)} configurations`,
            Math.round(bytesEach(run)),
            {
              most: 512,
            },
          ),
        ),
        target(
          "descriptors more than before",
          Math.max(...runs.map((run) => run.descriptorsAlive - run.descriptorsBefore)),
          {
            most: 0,
          },
        ),
      ],
      data: { runs },
    };
  },
};

async function runOne(job: Job): Promise<Run> {
  await using child = new Child(new URL("./worker.ts", import.meta.url), {
    job,
    execArgv: ["--expose-gc"],
  });
  return { ...job, ...(await child.ask<Outcome>({ go: true }, limitMs)) };
}

const bytesEach = ({ aliveBytes, agents }: Run): number => aliveBytes / agents;

function tableOf(runs: readonly Run[]): Table {
  const rows = runs.map((run) => [
    `${count(run.agents)} of ${count(run.configurations)}`,
    count(bytesEach(run)),
    fixed(run.aliveBytes / 2 ** 20, 2),
    fixed(run.releasedBytes / 2 ** 20, 2),
    count(run.sockets),
    count(run.descriptorsAlive - run.descriptorsBefore),
  ]);
  return {
    title: "LMs alive, of so many configurations",
    head: ["", "bytes each", "MB alive", "MB after release", "sockets", "descriptors more"],
    rows,
    notes: ["Growth of the collected heap, the configurations included; the list that holds them is not."],
  };
}
