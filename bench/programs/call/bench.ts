import { type Bench, type BenchResult, target } from "../../lib/bench.ts";
import { Child } from "../../lib/child.ts";
import { median } from "../../lib/median.ts";
import { count, fixed, type Table } from "../../lib/table.ts";
import { type Block, type Job, type Kind, type WayName, ways } from "./job.ts";

interface Size {
  readonly calls: number;
  /** The compiler inside Node is done with both kinds after some ten thousand calls. */
  readonly warmUp: number;
  /** Blocks of each kind, in turns. */
  readonly blocks: number;
}

type Blocks = Readonly<Record<Kind, readonly Block[]>>;
type Runs = Readonly<Partial<Record<WayName, Blocks>>>;

const limitMs = 60_000;
const names = Object.keys(ways) as WayName[];

export const bench: Bench = {
  title: "Programs: what a predictor adds to its LM's call",
  async run({ quick, say }): Promise<BenchResult> {
    const size: Size = quick
      ? { calls: 10_000, warmUp: 40_000, blocks: 9 }
      : { calls: 10_000, warmUp: 100_000, blocks: 31 };
    const runs: Partial<Record<WayName, Blocks>> = {};
    for (const way of names) {
      say(ways[way].title);
      runs[way] = await measure(way, size);
    }
    return {
      tables: [tableOf(runs, size)],
      targets: [
        target(
          "us of Predict.call beyond its LM call (2 inputs, 2 outputs, 4 demos)",
          more(runs.chat!, cpu),
          {
            most: 30,
          },
        ),
      ],
      data: { size, runs },
    };
  },
};

async function measure(way: WayName, { calls, warmUp, blocks }: Size): Promise<Blocks> {
  const job: Job = { way };
  await using child = new Child(new URL("./worker.ts", import.meta.url), { job });
  const run = (kind: Kind, of: number): Promise<Block> => child.ask<Block>({ kind, calls: of }, limitMs);
  const kinds: readonly Kind[] = ["lm", "program"];
  for (const kind of kinds) await run(kind, warmUp);
  const measured: Record<Kind, Block[]> = { lm: [], program: [] };
  for (let i = 0; i < blocks; i++) {
    for (const kind of i % 2 === 0 ? kinds : kinds.toReversed()) measured[kind].push(await run(kind, calls));
  }
  return measured;
}

type Figure = (block: Block) => number;
const cpu: Figure = ({ cpuUs, calls }) => cpuUs / calls;
const wall: Figure = ({ ms, calls }) => (ms * 1_000) / calls;

/** The median over pairs of neighbouring blocks, so that what disturbs the machine meets both. */
function more({ lm, program }: Blocks, of: Figure): number {
  return median(program.map((block, i) => of(block) - of(lm[i]!)));
}

function tableOf(runs: Runs, { calls, blocks }: Size): Table {
  const rows = names.map((way) => {
    const measured = runs[way]!;
    const middle = (kind: Kind, of: Figure): string => fixed(median(measured[kind].map(of)), 1);
    return [
      ways[way].title,
      middle("program", cpu),
      middle("lm", cpu),
      fixed(more(measured, cpu), 1),
      middle("program", wall),
      middle("lm", wall),
      fixed(more(measured, wall), 1),
    ];
  });
  return {
    title: "One call after another, 2 inputs, 2 outputs, 4 demos, a scripted LM",
    head: ["", "CPU us/call", "LM alone", "more", "us/call", "LM alone", "more"],
    rows,
    notes: [
      `Medians of ${blocks} blocks of ${count(calls)} calls of each kind, in turns in one process; the LM alone gets the messages ready.`,
      "`more`: the median of the differences of neighbouring blocks. CPU is that of all threads, collections included.",
    ],
  };
}
