import { type Bench, type BenchResult, target } from "../../lib/bench.ts";
import { Child } from "../../lib/child.ts";
import { count, fixed, type Table } from "../../lib/table.ts";
import { type Job, type Kind, kinds, type Outcome } from "./job.ts";

const agents = 100_000;
const limitMs = 60_000;

interface Run extends Job, Outcome {}

export const bench: Bench = {
  title: "Programs: what a ChatAgent weighs",
  async run({ say }): Promise<BenchResult> {
    const runs: Run[] = [];
    for (const kind of Object.keys(kinds) as Kind[]) {
      say(`${count(agents)} of ${kinds[kind]}`);
      runs.push(await runOne({ agents, kind }));
    }
    const descriptorsMore = Math.max(...runs.map((run) => run.descriptorsAlive - run.descriptorsBefore));
    return {
      tables: [tableOf(runs)],
      targets: [
        ...runs.map((run) =>
          target(
            `bytes each of ${count(agents)} ChatAgents ${kinds[run.kind]} without history`,
            Math.round(bytesEach(run)),
            { most: 512 },
          ),
        ),
        target("descriptors more than before", descriptorsMore, { most: 0 }),
      ],
      data: { runs },
    };
  },
};

async function runOne(job: Job): Promise<Run> {
  await using child = new Child(new URL("./worker.ts", import.meta.url), { job, execArgv: ["--expose-gc"] });
  return { ...job, ...(await child.ask<Outcome>({ go: true }, limitMs)) };
}

const bytesEach = ({ aliveBytes, agents: made }: Run): number => aliveBytes / made;

function tableOf(runs: readonly Run[]): Table {
  const rows = runs.map((run) => [
    kinds[run.kind],
    count(bytesEach(run)),
    fixed(run.aliveBytes / 2 ** 20, 2),
    fixed(run.releasedBytes / 2 ** 20, 2),
    count(run.descriptorsAlive - run.descriptorsBefore),
  ]);
  return {
    title: `${count(agents)} ChatAgents alive, each with an empty history`,
    head: ["made with", "bytes each", "MB alive", "MB after release", "descriptors more"],
    rows,
    notes: [
      "Growth of the collected heap; LM, system text and tools are the same objects for all, as in a program with an agent a row.",
    ],
  };
}
