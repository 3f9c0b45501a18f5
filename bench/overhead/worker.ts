import { constants, PerformanceObserver } from "node:perf_hooks";
import { trunkline } from "../lib/built.ts";
import { answer, job } from "../lib/worker.ts";
import type { Block, Job, Question, Side } from "./job.ts";

// One side in a process of its own: asked for a number of calls, it makes them and says what they took.

/** Makes one call and brings the answer's text. */
type Ask = (prompt: string) => Promise<string>;

const task = job<Job>();
const model = "sim";
const apiKey = "simulated";

const makers: Readonly<Record<Side, () => Promise<Ask>>> = {
  async trunkline() {
    const { LM } = await trunkline();
    const { url: baseURL, ca, protocol, connections } = task;
    const tls = { ca };
    const lm = new LM(`openai/${model}`, { baseURL, apiKey, tls, protocol, connections, cache: false });
    return async (prompt) => (await lm.call(prompt)).text;
  },
  async undici() {
    const { Pool, request } = (await import("undici" as string)) as Undici;
    const { url, ca, protocol, connections } = task;
    const dispatcher = new Pool(new URL(url).origin, {
      connections,
      allowH2: protocol === "h2",
      connect: { ca },
    });
    const headers = {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "user-agent": "trunkline",
      authorization: `Bearer ${apiKey}`,
    };
    return async (prompt) => {
      const { statusCode, body } = await request(`${url}/chat/completions`, {
        dispatcher,
        method: "POST",
        headers,
        body: JSON.stringify({ model, messages: [{ role: "user", content: prompt }] }),
      });
      const { choices } = (await body.json()) as Answer;
      if (statusCode !== 200) throw new Error(`HTTP ${statusCode}`);
      return choices[0]!.message.content;
    };
  },
};

interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
}
interface Undici {
  readonly Pool: new (origin: string, options: object) => object;
  request(url: string, options: object): Promise<{ statusCode: number; body: { json(): Promise<unknown> } }>;
}

const ask = await makers[task.side]();
let collections = 0;
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { detail } = entry as unknown as { detail: { flags: number } };
    if (detail.flags !== constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) collections++;
  }
});
observer.observe({ entryTypes: ["gc"] });

const filler = "The agents of one workflow speak to one model, each about a row of its own. ".repeat(5);
let made = 0;

answer(async ({ calls }: Question): Promise<Block> => {
  globalThis.gc?.();
  await settle();
  collections = 0;
  const before = process.memoryUsage();
  const cpu = process.cpuUsage();
  const started = performance.now();
  let left = calls;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left--;
      const text = await ask(`${filler}This is row ${made++}.`);
      if (text === "") throw new Error("an empty answer");
    }
  };
  await Promise.all(Array.from({ length: task.concurrency }, caller));
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  const after = process.memoryUsage();
  await settle();
  return {
    calls,
    ms,
    cpuUs: user + system,
    heapBytes: after.heapUsed - before.heapUsed,
    externalBytes: after.external - before.external,
    collections,
  };
});

/** Entries of the observer come a turn late. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
