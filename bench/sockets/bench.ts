import { type Bench, type BenchResult, type Target, target } from "../lib/bench.ts";
import { testing } from "../lib/built.ts";
import { Child, NoAnswer } from "../lib/child.ts";
import { median } from "../lib/median.ts";
import { count, fixed, megabytes, type Table } from "../lib/table.ts";
import { Trust } from "../lib/trust.ts";
import type { Job, Outcome } from "./job.ts";

type Protocols = readonly ("h2" | "http/1.1")[];

/** One way of running all contestants. */
interface Case {
  readonly name: string;
  readonly title: string;
  readonly protocols: Protocols;
  readonly clientPer: Job["clientPer"];
  readonly descriptors?: number;
}

const both: Protocols = ["h2", "http/1.1"];
const h1: Protocols = ["http/1.1"];
const fewDescriptors = 256;

const cases: readonly Case[] = [
  { name: "h2", title: "A client per agent, HTTP/2 offered", protocols: both, clientPer: "agent" },
  { name: "h1", title: "A client per agent, HTTP/1.1 only", protocols: h1, clientPer: "agent" },
  {
    name: "h2-256",
    title: `A client per agent, HTTP/2 offered, hard limit of ${fewDescriptors} descriptors`,
    protocols: both,
    clientPer: "agent",
    descriptors: fewDescriptors,
  },
  {
    name: "h1-256",
    title: `A client per agent, HTTP/1.1 only, hard limit of ${fewDescriptors} descriptors`,
    protocols: h1,
    clientPer: "agent",
    descriptors: fewDescriptors,
  },
  {
    name: "old-way",
    title: "The old way: a new client and a connection of its own for every call (trunkline: a new LM)",
    protocols: both,
    clientPer: "call",
  },
];

const ours = "trunkline";
const floor = "undici, 64 connections";
const peers = [
  "openai",
  "groq-sdk",
  "@cerebras/cerebras_cloud_sdk",
  "ai + openai-compatible",
  "@langchain/openai",
  "@ax-llm/ax",
];
const quickPeers = ["openai", "ai + openai-compatible"];
/** Those that the design sets the throughput and memory against. */
const measuredAgainst = ["openai", "ai + openai-compatible", "@langchain/openai", "@ax-llm/ax"];

interface Size {
  readonly agents: number;
  readonly rounds: number;
  readonly latencyMs: number;
  readonly limitMs: number;
  /** Of trunkline and of the floor, one after the other; peers run once. */
  readonly repeats: number;
  readonly peers: readonly string[];
}

/** One run of one contestant. */
interface Run extends Partial<Outcome> {
  readonly contestant: string;
  readonly end: "done" | "hung" | "crashed";
  readonly why?: string;
  readonly descriptorsAtOnce: number;
  readonly socketsEver: number;
  readonly socketsAtOnce: number;
}

type Data = Record<string, Run[]>;

export const bench: Bench = {
  title: "Sockets: many agents at once, each with a client of its own",
  async run({ quick, say }): Promise<BenchResult> {
    const size: Size = quick
      ? { agents: 500, rounds: 2, latencyMs: 200, limitMs: 10_000, repeats: 1, peers: quickPeers }
      : { agents: 2_000, rounds: 3, latencyMs: 200, limitMs: 45_000, repeats: 3, peers };
    const data: Data = {};
    for (const each of cases) {
      data[each.name] = [];
      for (const contestant of order(each, size)) {
        say(`${each.name}, ${contestant}`);
        data[each.name]!.push(await runOne(each, contestant, size));
      }
    }
    return {
      tables: cases.map((each) => tableOf(each, data[each.name]!, size)),
      targets: targetsOf(data, size),
      data: { size, runs: data },
    };
  },
};

/** Trunkline and the floor in turns, with the peers between their first turn and the rest. */
function order({ name }: Case, size: Size): string[] {
  if (name === "old-way") return [ours, floor, "node:https, no agent", ...size.peers];
  const pair = [ours, floor];
  return [...pair, ...size.peers, ...Array.from({ length: size.repeats - 1 }, () => pair).flat()];
}

async function runOne(of: Case, contestant: string, size: Size): Promise<Run> {
  const { startProvider } = await testing();
  await using provider = await startProvider({
    latencyMs: size.latencyMs,
    protocols: of.protocols,
    answerTokens: 32,
  });
  using trust = new Trust(provider.ca!);
  const { agents, rounds, limitMs } = size;
  const job: Job = { contestant, url: provider.url, agents, rounds, clientPer: of.clientPer, limitMs };
  await using child = new Child(new URL("./worker.ts", import.meta.url), {
    job,
    env: trust.env,
    execArgv: ["--expose-gc"],
    descriptors: of.descriptors,
  });
  const ended = await child.ask<Outcome>({ go: true }, limitMs + 15_000).then(
    (outcome) => ({ ...outcome, end: outcome.unfinished > 0 ? ("hung" as const) : ("done" as const) }),
    (error) => {
      if (!(error instanceof NoAnswer)) throw error;
      return { end: error.kind, why: error.message };
    },
  );
  const { sockets } = await provider.stats();
  return {
    contestant,
    ...ended,
    descriptorsAtOnce: child.descriptorsAtOnce,
    socketsEver: sockets.ever,
    socketsAtOnce: sockets.peak,
  };
}

/** Answers a second. */
const throughput = ({ answered = 0, ms = Number.NaN }: Run): number => (answered / ms) * 1_000;
const cpuPerCall = ({ cpuUs = Number.NaN, answered = 0 }: Run): number => cpuUs / answered;

function middle(runs: readonly Run[], contestant: string, of: (run: Run) => number | undefined): number {
  const own = runs.filter((run) => run.contestant === contestant);
  return median(own.map((run) => of(run) ?? Number.NaN));
}

function tableOf({ title, clientPer }: Case, runs: readonly Run[], size: Size): Table {
  const calls = size.agents * size.rounds;
  const rows = [...new Set(runs.map(({ contestant }) => contestant))].map((name) => {
    const of = (value: (run: Run) => number | undefined): number => middle(runs, name, value);
    const last = runs.findLast(({ contestant }) => contestant === name)!;
    return [
      name,
      last.end === "done" ? fixed(of(({ ms }) => ms) / 1_000, 2) : last.end,
      count(of(throughput)),
      count(of(({ answered }) => answered)),
      count(of(({ failed }) => failed)),
      count(of(({ unfinished }) => unfinished)),
      count(of(({ socketsEver }) => socketsEver)),
      count(of(({ socketsAtOnce }) => socketsAtOnce)),
      count(of(({ descriptorsAtOnce }) => descriptorsAtOnce)),
      megabytes(of(({ memoryGrowth }) => memoryGrowth)),
      count(of(cpuPerCall)),
      reasons(last),
    ];
  });
  const head = ["", "s", "calls/s", "answered", "failed", "unfinished", "sockets", "at once", "descriptors"];
  return {
    title: `${title}: ${count(size.agents)} agents x ${size.rounds}, ${count(calls)} calls of ${size.latencyMs} ms`,
    head: [...head, "MB grown", "us CPU/call", "failures by code"],
    rows,
    notes:
      clientPer === "agent"
        ? ["Retries and timeouts of every contestant are as it ships; trunkline's cache is off."]
        : [],
  };
}

function reasons({ codes = {}, why }: Run): string {
  if (why !== undefined) return why.replaceAll(/\s+/g, " ").slice(0, 60);
  const list = Object.entries(codes).sort(([, a], [, b]) => b - a);
  return list.map(([code, times]) => `${count(times)} ${code}`).join(", ");
}

function targetsOf(data: Data, { agents, rounds, peers: among }: Size): Target[] {
  const { h2 = [], "h2-256": h2Few = [], "h1-256": h1Few = [], h1: h1Runs = [] } = data;
  const against = measuredAgainst.filter((name) => among.includes(name));
  const our = (runs: readonly Run[], value: (run: Run) => number | undefined): number =>
    middle(runs, ours, value);
  const best = Math.max(...against.map((name) => middle(h2, name, throughput)));
  const memory = ({ memoryGrowth }: Run): number | undefined => memoryGrowth;
  const leanest = Math.min(...against.map((name) => middle(h2, name, memory)));
  const lost = (runs: readonly Run[]): number => agents * rounds - our(runs, ({ answered }) => answered);
  const ms = (run: Run): number | undefined => run.ms;
  return [
    target(
      "sockets at once, HTTP/2",
      our(h2, ({ socketsAtOnce }) => socketsAtOnce),
      { most: 20 },
    ),
    target(
      "sockets at once, HTTP/1.1 (`connections`)",
      our(h1Runs, ({ socketsAtOnce }) => socketsAtOnce),
      {
        most: 256,
      },
    ),
    target(`calls lost with ${fewDescriptors} descriptors, HTTP/2`, lost(h2Few), { most: 0 }),
    target(`calls lost with ${fewDescriptors} descriptors, HTTP/1.1`, lost(h1Few), { most: 0 }),
    target("throughput, times the best of openai, ai, LangChain, ax", our(h2, throughput) / best, {
      least: 5,
    }),
    target("memory growth, of the leanest of them", our(h2, memory) / leanest, { most: 0.25 }),
    target("time, of bare undici on HTTP/2", our(h2, ms) / middle(h2, floor, ms), { most: 1 }),
    target("memory growth, of bare undici on HTTP/2", our(h2, memory) / middle(h2, floor, memory), {
      most: 1.2,
    }),
  ];
}
