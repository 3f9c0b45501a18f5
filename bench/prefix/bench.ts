import { type Bench, type BenchResult, type Target, target } from "../lib/bench.ts";
import { testing } from "../lib/built.ts";
import { Child } from "../lib/child.ts";
import { median } from "../lib/median.ts";
import { count, fixed, percent, type Table } from "../lib/table.ts";
import type { Job, Outcome } from "./job.ts";

/** What the provider charges for a token of each kind, in plain input tokens. */
const price = { write: 1.25, read: 0.1 };
const limitMs = 60_000;

interface Size {
  readonly agents: number;
  readonly prefixTokens: number;
  readonly firstTokenMs: number;
  readonly tokenMs: number;
  readonly answerTokens: number;
  readonly repeats: number;
}

type Way = Pick<Job, "prefixSharing" | "streamed">;

/** With and without in turns. */
const ways: readonly Way[] = [
  { streamed: false, prefixSharing: "auto" },
  { streamed: false, prefixSharing: false },
  { streamed: true, prefixSharing: "auto" },
  { streamed: true, prefixSharing: false },
];

interface Run extends Way, Outcome {
  /** As the provider counted, over whole prompts. */
  readonly writtenTokens: number;
  readonly readTokens: number;
}

export const bench: Bench = {
  title: "Prefix: many agents at once with one long prefix, against a provider that caches prompts",
  async run({ quick, say }): Promise<BenchResult> {
    const size: Size = {
      agents: quick ? 500 : 2_000,
      prefixTokens: 4_000,
      firstTokenMs: 400,
      tokenMs: 10,
      answerTokens: 32,
      repeats: quick ? 1 : 3,
    };
    const runs: Run[] = [];
    for (let i = 0; i < size.repeats; i++) {
      for (const way of ways) {
        say(`${nameOf(way)} (${i + 1} of ${size.repeats})`);
        runs.push(await runOne(way, size));
      }
    }
    return { tables: [tableOf(runs, size)], targets: targetsOf(runs, size), data: { size, runs } };
  },
};

async function runOne(way: Way, size: Size): Promise<Run> {
  const { startProvider } = await testing();
  const { firstTokenMs: latencyMs, tokenMs, answerTokens, agents, prefixTokens } = size;
  await using provider = await startProvider({ latencyMs, tokenMs, answerTokens, prefixCache: {} });
  const job: Job = { ...way, url: provider.url, ca: provider.ca!, agents, prefixTokens };
  await using child = new Child(new URL("./worker.ts", import.meta.url), { job });
  const outcome = await child.ask<Outcome>({ go: true }, limitMs);
  const { writtenTokens, readTokens } = await provider.stats();
  return { ...way, ...outcome, writtenTokens, readTokens };
}

function nameOf({ streamed, prefixSharing }: Way): string {
  return `${streamed ? "streamed" : "whole"}, prefixSharing: ${prefixSharing === false ? "false" : '"auto"'}`;
}

function middle(runs: readonly Run[], way: Way, of: (run: Run) => number): number {
  const name = nameOf(way);
  return median(runs.filter((run) => nameOf(run) === name).map(of));
}

/** What the prefixes cost, in plain input tokens. */
const paid = ({ writtenTokens, readTokens }: Run): number =>
  writtenTokens * price.write + readTokens * price.read;

/** The share of all prefix tokens that were read. The provider's blocks of 128 cut a little off each. */
const share = ({ readTokens, writtenTokens }: Run): number => readTokens / (readTokens + writtenTokens);

function tableOf(runs: readonly Run[], size: Size): Table {
  const rows = ways.map((way) => [
    nameOf(way),
    count(middle(runs, way, ({ answered }) => answered)),
    count(middle(runs, way, ({ writtenTokens }) => writtenTokens)),
    count(middle(runs, way, ({ readTokens }) => readTokens)),
    percent(middle(runs, way, share)),
    count(middle(runs, way, paid)),
    fixed(middle(runs, way, ({ ms }) => ms) / 1_000, 2),
  ]);
  const { agents, prefixTokens, firstTokenMs, tokenMs, repeats } = size;
  return {
    title: `${count(agents)} agents at once, one prefix of ${count(prefixTokens)} tokens`,
    head: ["", "answered", "tokens written", "read", "read share", "paid as plain tokens", "s"],
    rows,
    notes: [
      `Medians of ${repeats}. A written token costs ${price.write}, a read one ${price.read}; a prefix can be read once the first answer with it begins.`,
      `First token after ${firstTokenMs} ms, then ${tokenMs} ms a token.`,
    ],
  };
}

function targetsOf(runs: readonly Run[], { agents, prefixTokens, firstTokenMs }: Size): Target[] {
  const writes = agents * prefixTokens * price.write;
  return [false, true].flatMap((streamed) => {
    const shared: Way = { streamed, prefixSharing: "auto" };
    const how = streamed ? "streamed" : "whole";
    const ms = (way: Way): number => middle(runs, way, (run) => run.ms);
    const allowed = 1.1 * ms({ streamed, prefixSharing: false }) + firstTokenMs;
    return [
      target(`prefix tokens read, ${how}`, middle(runs, shared, share), { least: 0.95 }),
      target(`prefix cost, of ${count(agents)} writes, ${how}`, middle(runs, shared, paid) / writes, {
        most: 0.1,
      }),
      target(`wall time, of 1.1 times without and one first token, ${how}`, ms(shared) / allowed, {
        most: 1,
      }),
    ];
  });
}
