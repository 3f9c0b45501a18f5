import type { Bench, BenchResult } from "../../lib/bench.ts";
import { Child, NoAnswer } from "../../lib/child.ts";
import { median } from "../../lib/median.ts";
import { count, fixed, type Table } from "../../lib/table.ts";
import { Trust } from "../../lib/trust.ts";
import { demoCount, demosOf, inputsOf, messageOf, outputs, signatureText } from "../question.ts";
import { type Block, type Job, type Kind, type Question, type Side, sides } from "./job.ts";
import type { ProviderJob } from "./provider.ts";
import { PythonChild } from "./python.ts";

/** The path of a Python with DSPy; `scripts/dspy-python.sh` makes one and prints it. Without it DSPy is left out. */
const python = process.env.TRUNKLINE_DSPY_PYTHON;

interface Case {
  readonly concurrency: number;
  /** Calls of a block; DSPy's are a quarter, for it takes long. */
  readonly calls: number;
}

interface Size {
  readonly cases: readonly Case[];
  readonly latencyMs: number;
  /** Blocks of each side and kind, in turns. */
  readonly blocks: number;
}

/** Blocks of one side at one concurrency. */
interface Run extends Case {
  readonly side: Side;
  readonly blocks: Readonly<Record<Kind, readonly Block[]>>;
}

/** Whoever answers questions with blocks. */
interface Contestant extends AsyncDisposable {
  ask<T>(question: Question, limitMs: number): Promise<T>;
}

const limitMs = 120_000;
const model = "sim";
const kinds: readonly Kind[] = ["lm", "program"];

export const bench: Bench = {
  title: "Programs: the same question by trunkline, @ax-llm/ax and DSPy over HTTP",
  async run({ quick, say }): Promise<BenchResult> {
    const size: Size = quick
      ? { cases: casesOf(100, 1_000), latencyMs: 10, blocks: 3 }
      : { cases: casesOf(300, 2_000), latencyMs: 10, blocks: 5 };
    const missing: string[] = [];
    if (python === undefined) {
      missing.push(
        "DSPy was left out: TRUNKLINE_DSPY_PYTHON names no Python; scripts/dspy-python.sh makes one.",
      );
      say(missing[0]!);
    }
    const runs = await measure(
      size,
      python === undefined ? sides.filter((side) => side !== "dspy") : sides,
      say,
    );
    return {
      tables: size.cases.map((each) => tableOf(each, runs, size, missing)),
      targets: [],
      data: { size, runs },
    };
  },
};

/** Many at once first: that warms the sides up for the other case. */
function casesOf(one: number, many: number): Case[] {
  return [
    { concurrency: 100, calls: many },
    { concurrency: 1, calls: one },
  ];
}

async function measure(
  { cases, latencyMs, blocks }: Size,
  taking: readonly Side[],
  say: (text: string) => void,
): Promise<Run[]> {
  const providerJob: ProviderJob = { latencyMs };
  await using provider = new Child(new URL("./provider.ts", import.meta.url), { job: providerJob });
  const { url, ca } = await provider.ask<{ url: string; ca: string }>({}, limitMs);
  using trust = new Trust(ca);
  await using all = new AsyncDisposableStack();
  const contestants = new Map<Side, Contestant>();
  for (const side of taking) contestants.set(side, all.use(await start({ url, model, side }, trust)));
  const runs: Run[] = [];
  for (const { concurrency, calls } of cases) {
    const measured = new Map(taking.map((side) => [side, { lm: [] as Block[], program: [] as Block[] }]));
    for (let i = -1; i < blocks; i++) {
      say(`${concurrency} at once, ${i < 0 ? "warming up" : `block ${i + 1} of ${blocks}`}`);
      for (const side of i % 2 === 0 ? taking : taking.toReversed()) {
        for (const kind of kinds) {
          const question = { kind, concurrency, calls: side === "dspy" ? Math.ceil(calls / 4) : calls };
          const block = await contestants.get(side)!.ask<Block>(question, limitMs);
          if (i >= 0) measured.get(side)![kind].push(block);
        }
      }
    }
    for (const [side, of] of measured) runs.push({ side, concurrency, calls, blocks: of });
  }
  return runs;
}

async function start(job: Job, { env }: Trust): Promise<Contestant> {
  if (job.side !== "dspy") return new Child(new URL("./worker.ts", import.meta.url), { job, env });
  const told = {
    ...job,
    signature: signatureText,
    demos: demosOf(demoCount),
    inputs: Array.from({ length: 64 }, (_, i) => inputsOf(i)),
    outputs,
    message: messageOf(0),
  };
  const ca = { SSL_CERT_FILE: env.NODE_EXTRA_CA_CERTS! };
  const child = new PythonChild(python!, new URL("./with_dspy.py", import.meta.url), told, ca);
  try {
    await child.hear(limitMs);
    return child;
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error instanceof NoAnswer ? new Error(`DSPy does not start: ${error.message}`) : error;
  }
}

const cpu = ({ cpuUs, calls }: Block): number => cpuUs / calls;
const wall = ({ ms, calls }: Block): number => (ms * 1_000) / calls;

function tableOf(
  { concurrency, calls }: Case,
  runs: readonly Run[],
  { latencyMs, blocks }: Size,
  missing: readonly string[],
): Table {
  const own = runs.filter((run) => run.concurrency === concurrency);
  const middle = (run: Run, kind: Kind, of: (block: Block) => number): number =>
    median(run.blocks[kind].map(of));
  const ours = own.find(({ side }) => side === "trunkline")!;
  const rows = own.map((run) => {
    const more = median(run.blocks.program.map((block, i) => cpu(block) - cpu(run.blocks.lm[i]!)));
    return [
      run.side,
      count(middle(run, "program", cpu)),
      count(middle(run, "lm", cpu)),
      count(more),
      fixed(middle(run, "program", cpu) / middle(ours, "program", cpu), 1),
      count(middle(run, "program", wall)),
      count(1e6 / middle(run, "program", wall)),
    ];
  });
  return {
    title: `${concurrency === 1 ? "One call after another" : `${concurrency} calls at once`}: 2 inputs, 2 outputs, ${demoCount} demos`,
    head: ["", "CPU us/call", "its LM alone", "more", "of trunkline's", "us/call", "calls/s"],
    rows,
    notes: [
      `Medians of ${blocks} blocks of ${count(calls)} calls (DSPy a quarter), in turns, each side in a process of its own; TLS on loopback, answers after ${latencyMs} ms, caches off.`,
      "Each asks as it ships: trunkline over HTTP/2, the others over HTTP/1.1; DSPy by `acall`. Its LM alone: one message about as long.",
      ...missing,
    ],
  };
}
