import { type Bench, type BenchResult, type Target, target } from "../lib/bench.ts";
import { testing } from "../lib/built.ts";
import { Child } from "../lib/child.ts";
import { median } from "../lib/median.ts";
import { count, fixed, type Table } from "../lib/table.ts";
import { type Block, type Job, type Side, sides } from "./job.ts";

/** One way of calling, the same for both sides. */
interface Case {
  readonly protocol: Job["protocol"];
  readonly concurrency: number;
  /** What trunkline opens for so many calls; bare undici gets as many. */
  readonly connections: number;
}

const cases: readonly Case[] = [
  { protocol: "h2", concurrency: 100, connections: 1 },
  { protocol: "h2", concurrency: 2_000, connections: 20 },
  { protocol: "h1", concurrency: 100, connections: 100 },
  { protocol: "h1", concurrency: 2_000, connections: 256 },
];

interface Size {
  readonly warmUp: number;
  readonly calls: number;
  /** Blocks of each side, in turns. */
  readonly blocks: number;
  readonly latencyMs: number;
}

interface Measured extends Case {
  readonly sockets: number;
  readonly blocks: Readonly<Record<Side, readonly Block[]>>;
  readonly allocated: Readonly<Record<Side, Block>>;
}

const limitMs = 60_000;

/** A young generation so large that nothing is collected during a block: the heap then grows by what is allocated. */
const noCollection = ["--expose-gc", "--min-semi-space-size=256", "--max-semi-space-size=256"];

export const bench: Bench = {
  title: "Overhead: the whole path of a call against bare undici.request",
  async run({ quick, say }): Promise<BenchResult> {
    const size: Size = quick
      ? { warmUp: 2_000, calls: 2_000, blocks: 3, latencyMs: 10 }
      : { warmUp: 8_000, calls: 8_000, blocks: 7, latencyMs: 10 };
    const measured: Measured[] = [];
    for (const each of cases) {
      say(`${each.protocol}, ${each.concurrency} at once`);
      measured.push(await measure(each, size));
    }
    return { tables: [tableOf(measured, size)], targets: measured.map(targetOf), data: { size, measured } };
  },
};

async function measure(of: Case, size: Size): Promise<Measured> {
  const { startProvider } = await testing();
  const protocols = [of.protocol === "h2" ? "h2" : "http/1.1"] as const;
  await using provider = await startProvider({ latencyMs: size.latencyMs, protocols, answerTokens: 64 });
  const start = (side: Side, execArgv: readonly string[]): Child => {
    const job: Job = { ...of, side, url: provider.url, ca: provider.ca! };
    return new Child(new URL("./worker.ts", import.meta.url), { job, execArgv });
  };
  const blocks: Record<Side, Block[]> = { trunkline: [], undici: [] };
  {
    await using ours = start("trunkline", []);
    await using bare = start("undici", []);
    const children: Record<Side, Child> = { trunkline: ours, undici: bare };
    const run = (side: Side, calls: number): Promise<Block> => children[side].ask<Block>({ calls }, limitMs);
    for (const side of sides) await run(side, size.warmUp);
    for (let i = 0; i < size.blocks; i++) {
      for (const side of i % 2 === 0 ? sides : sides.toReversed()) {
        blocks[side].push(await run(side, size.calls));
      }
    }
  }
  const { sockets } = await provider.stats();
  return {
    ...of,
    sockets: sockets.ever,
    blocks,
    allocated: {
      trunkline: await allocation(start("trunkline", noCollection), of),
      undici: await allocation(start("undici", noCollection), of),
    },
  };
}

async function allocation(worker: Child, { concurrency }: Case): Promise<Block> {
  await using child = worker;
  const calls = Math.max(2_000, concurrency);
  await child.ask<Block>({ calls }, limitMs);
  return await child.ask<Block>({ calls }, limitMs);
}

const cpuPerCall = ({ cpuUs, calls }: Block): number => cpuUs / calls;
const msPerCall = ({ ms, calls }: Block): number => ms / calls;

/** The median over pairs of neighbouring blocks, so that what disturbs the machine meets both sides. */
function ratio({ blocks }: Measured, of: (block: Block) => number): number {
  return median(blocks.trunkline.map((block, i) => of(block) / of(blocks.undici[i]!)));
}

/** Bytes a call, or NaN when a collection spoilt the count. */
function allocatedPerCall({ heapBytes, calls, collections }: Block): number {
  return collections === 0 ? heapBytes / calls : Number.NaN;
}

function tableOf(measured: readonly Measured[], { calls, blocks, latencyMs }: Size): Table {
  const rows = measured.map((each) => {
    const { protocol, concurrency, sockets, allocated } = each;
    const of = (side: Side, value: (block: Block) => number): number =>
      median(each.blocks[side].map((block) => value(block)));
    return [
      `${protocol}, ${count(concurrency)} at once, ${count(sockets)} sockets`,
      fixed(of("trunkline", cpuPerCall), 1),
      fixed(of("undici", cpuPerCall), 1),
      fixed(ratio(each, cpuPerCall), 2),
      fixed(of("trunkline", msPerCall) * 1_000, 1),
      fixed(of("undici", msPerCall) * 1_000, 1),
      fixed(ratio(each, msPerCall), 2),
      count(allocatedPerCall(allocated.trunkline)),
      count(allocatedPerCall(allocated.undici)),
    ];
  });
  const head = ["", "CPU us/call", "bare", "ratio", "us/call", "bare", "ratio", "bytes/call", "bare"];
  const notes = [
    `Medians of ${blocks} blocks of ${count(calls)} calls a side, in turns, each side in a process of its own; answers after ${latencyMs} ms.`,
    "Both sides write the same JSON and parse the same JSON; the cache is off. Sockets are those of both sides together.",
    "Bytes: growth of the heap over calls during which, by a large young generation, nothing was collected.",
  ];
  return { title: "Whole path (lm.call) against bare undici.request", head, rows, notes };
}

function targetOf(measured: Measured): Target {
  const { protocol, concurrency } = measured;
  return target(
    `CPU a call of the whole path, of bare undici.request, ${protocol}, ${count(concurrency)} at once`,
    ratio(measured, cpuPerCall),
    { most: protocol === "h2" ? 1 : 1.15 },
  );
}
