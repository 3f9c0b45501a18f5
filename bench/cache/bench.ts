import { hash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Call, CallOptions } from "../../src/core/call.ts";
import type { ChatRequest } from "../../src/core/request.ts";
import { type Bench, type BenchResult, type Target, target } from "../lib/bench.ts";
import { Child } from "../lib/child.ts";
import { median } from "../lib/median.ts";
import { count, fixed, type Table } from "../lib/table.ts";
import type { Job, Report } from "./job.ts";
import { peers } from "./peers.ts";
import { rooms } from "./rooms.ts";

interface Size {
  /** Repeats of each measured thing, in turns with the others. */
  readonly blocks: number;
  readonly calls: number;
  /** Answers of each process, and how many there are in all. */
  readonly perProcess: number;
  readonly answers: number;
}

type Times = Readonly<Record<string, readonly number[]>>;

const processes = 8;

export const bench: Bench = {
  title: "Cache: hits, misses and joins, against making the key alone and against other stores",
  async run({ quick, say }): Promise<BenchResult> {
    const size: Size = quick
      ? { blocks: 5, calls: 2_000, perProcess: 1_000, answers: 2_000 }
      : { blocks: 15, calls: 5_000, perProcess: 5_000, answers: 10_000 };
    const folder = mkdtempSync(join(tmpdir(), "trunkline-bench-"));
    try {
      say("hits, misses and joins");
      const times = await calls(size, folder);
      say("keys");
      const keys = await keyTimes(size);
      say(`${processes} processes on one folder`);
      const shared = {
        trunkline: await together("trunkline", size, folder),
        sqlite: await together("sqlite", size, folder),
      };
      return {
        tables: [callTable(times, size), keyTable(keys), processTable(shared, size)],
        targets: targets(times),
        data: { size, times, keys, shared },
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** A request whose JSON text is about so long. */
async function requestOf(length: number): Promise<ChatRequest> {
  const { makeRequest } = await rooms();
  const system = "You are a careful assistant who reads the document and answers in one line. ";
  const question = 'Question: what is "the" answer?\nSay it plainly.\n';
  const half = length / 2 - 120;
  return makeRequest(
    "gpt-4o-mini",
    [
      { role: "system", content: system.repeat(Math.ceil(half / system.length)).slice(0, half) },
      {
        role: "user",
        content: question.repeat(Math.ceil(half / question.length)).slice(0, half - length / 40),
      },
    ],
    { temperature: 0, maxTokens: 256 },
    {},
  );
}

async function optionsOf(): Promise<CallOptions> {
  const { newRecord } = await rooms();
  const never = Number.POSITIVE_INFINITY;
  return {
    deadlineAt: never,
    timeout: never,
    firstByteTimeout: never,
    idleTimeout: never,
    queueTimeout: never,
    maxQueue: never,
    maxRetries: 0,
    abandonAfter: never,
    priority: "interactive",
    fairnessKey: "",
    prefixSharing: false,
    cache: { mode: "use", scope: "" },
    watch: {},
    record: newRecord(0),
  };
}

/** Microseconds a call of everything, all of it in turns. */
async function calls({ blocks, calls }: Size, folder: string): Promise<Times> {
  const { Cache, systemClock, completion } = await rooms();
  const request = await requestOf(4_096);
  const options = await optionsOf();
  const answer = completion("An answer of a usual length, which is a few lines. ".repeat(12), {
    inputTokens: 900,
    outputTokens: 130,
  });
  const backend: Call = async () => answer;
  const line = (tiers: readonly ("memory" | "disk")[]) => {
    const cache = new Cache({ clock: systemClock, options: { tiers, directory: join(folder, "hits") } });
    return {
      cache,
      call: cache.layer({ identity: "openai https://api.test/v1", client: "bench#1" })(backend),
    };
  };
  const [memory, disk, fresh] = [line(["memory"]), line(["disk"]), line(["memory"])];
  await memory.call(request, options);
  await disk.call(request, options);
  await disk.cache.flush();
  const others = await peers(join(folder, "peer.sqlite"), request, answer);

  let next = 0;
  const things: Record<string, () => unknown> = {
    "JSON.stringify + SHA-256": () => hash("sha256", JSON.stringify(request)),
    "hit from memory": () => memory.call(request, options),
    "hit from disk": () => disk.call(request, options),
    "no cache": () => backend(request, options),
    "miss, stored in memory": () => fresh.call({ ...request, seed: next++ }, options),
    ...others,
  };
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(things).map((name) => [name, []]));
  times["join of 1,000, each caller"] = [];
  for (let block = -2; block < blocks; block++) {
    for (const [name, act] of Object.entries(things)) {
      const us = await perCall(act, calls);
      if (block >= 0) times[name]!.push(us);
    }
    const joined = await join1000(fresh.call, { ...request, seed: -1 - block }, options);
    if (block >= 0) times["join of 1,000, each caller"].push(joined);
    fresh.cache.resetMemory();
  }
  await disk.cache.close();
  return times;
}

async function perCall(act: () => unknown, calls: number): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < calls; i++) {
    const result = act();
    if (result instanceof Promise) await result;
  }
  return ((performance.now() - started) * 1_000) / calls;
}

async function join1000(call: Call, request: ChatRequest, options: CallOptions): Promise<number> {
  const all = Array.from({ length: 1_000 }, () => ({ ...options, record: { ...options.record } }));
  const started = performance.now();
  await Promise.all(all.map((each) => call(request, each)));
  return performance.now() - started;
}

async function keyTimes({ blocks, calls }: Size): Promise<Times> {
  const { Keys } = await rooms();
  const keys = new Keys({ identity: "openai https://api.test/v1" });
  const options = await optionsOf();
  const times: Record<string, number[]> = {};
  for (const length of [1_024, 10_240, 102_400]) {
    const request = await requestOf(length);
    const things = {
      [`${length / 1_024} KB, key`]: () => keys.of(request, options),
      [`${length / 1_024} KB, JSON.stringify + SHA-256`]: () => hash("sha256", JSON.stringify(request)),
    };
    const repeats = Math.ceil((calls * 2_048) / length / 2);
    for (let block = -2; block < blocks; block++) {
      for (const [name, act] of Object.entries(things)) {
        const us = await perCall(act, repeats);
        if (block >= 0) times[name] = [...(times[name] ?? []), us];
      }
    }
  }
  return times;
}

/** Eight processes ask for the same answers in orders of their own, and store what is not there. */
async function together(
  store: Job["store"],
  { perProcess, answers }: Size,
  folder: string,
): Promise<readonly Report[]> {
  const children = Array.from({ length: processes }, (_, number) => {
    const job: Job = { store, folder: join(folder, store), number, calls: perProcess, answers };
    return new Child(new URL("./worker.ts", import.meta.url), { job });
  });
  try {
    return await Promise.all(children.map((child) => child.ask<Report>("go", 300_000)));
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
  }
}

function callTable(times: Times, { blocks, calls }: Size): Table {
  const base = times["JSON.stringify + SHA-256"]!;
  return {
    title: "A call with a request of 4 KB and an answer of 600 bytes",
    head: ["", "us", "x of JSON + SHA-256"],
    rows: Object.entries(times).map(([name, us]) => [name, fixed(median(us), 2), fixed(ratio(us, base), 2)]),
    notes: [
      `medians of ${blocks} blocks of ${count(calls)} calls, all in turns; the ratio is the median of the blocks' ratios`,
    ],
  };
}

function keyTable(times: Times): Table {
  const rows = Object.entries(times).map(([name, us]) => [name, fixed(median(us), 1)]);
  return { title: "A key", head: ["", "us"], rows };
}

function processTable(
  shared: Readonly<Record<string, readonly Report[]>>,
  { perProcess, answers }: Size,
): Table {
  return {
    title: `${processes} processes on one folder, ${count(perProcess)} calls each over ${count(answers)} answers`,
    head: ["", "calls/s in all", "found", "wrong", "us a read", "ms to flush"],
    rows: Object.entries(shared).map(([store, reports]) => {
      const sum = (of: (report: Report) => number): number =>
        reports.reduce((total, each) => total + of(each), 0);
      const slowest = Math.max(...reports.map(({ ms }) => ms));
      return [
        store,
        count((perProcess * processes * 1_000) / slowest),
        count(sum(({ found }) => found)),
        count(sum(({ wrong }) => wrong)),
        fixed(median(reports.map(({ readUs }) => readUs)), 1),
        count(median(reports.map(({ flushMs }) => flushMs))),
      ];
    }),
  };
}

function targets(times: Times): Target[] {
  const base = times["JSON.stringify + SHA-256"]!;
  return [
    target(
      "memory hit of a 4 KB request, x of JSON.stringify + SHA-256",
      ratio(times["hit from memory"]!, base),
      { most: 1.5 },
    ),
    target(
      "disk hit of a 4 KB request, x of JSON.stringify + SHA-256",
      ratio(times["hit from disk"]!, base),
      { most: 5 },
    ),
  ];
}

/** Block by block: what slows the machine slows both. */
function ratio(us: readonly number[], base: readonly number[]): number {
  return median(us.map((each, i) => each / (base[i] ?? Number.NaN)));
}
