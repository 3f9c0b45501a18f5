import { clients, completion, DriverLM, TrunklineError } from "../../src/index.ts";

// A long-lived program: rounds of calls with retries, aborts and closes in between, on one signal that outlives them.
let failing = 0;
const { signal } = new AbortController();
const make = (): DriverLM<string> =>
  new DriverLM<string>({
    model: "m",
    cache: false,
    requestFn: async ({ prompt }) => {
      if (failing++ % 10 === 0) throw new TrunklineError("overloaded", "once more", { retryAfterMs: 0 });
      return prompt;
    },
    outputFn: (raw) => completion(raw),
  });

async function round(): Promise<number> {
  const lm = make();
  await Promise.all(Array.from({ length: 2_000 }, (_, i) => lm.call(`${i}`, { signal }).catch(() => {})));
  const aborted = new AbortController();
  const late = Array.from({ length: 200 }, (_, i) =>
    lm.call(`late ${i}`, { signal: aborted.signal }).catch(() => {}),
  );
  aborted.abort();
  await Promise.all(late);
  await clients.close();
  globalThis.gc!();
  globalThis.gc!();
  return process.memoryUsage().heapUsed;
}

const heap: number[] = [];
for (let i = 0; i < 8; i++) heap.push(await round());
const listeners = ["exit", "beforeExit", "SIGTERM", "SIGINT", "uncaughtException", "unhandledRejection"].map(
  (name) => process.listenerCount(name),
);
process.stdout.write(JSON.stringify({ growth: heap.at(-1)! - heap[2]!, listeners }));
