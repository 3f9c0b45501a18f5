import { trunkline } from "../lib/built.ts";
import { answer, job } from "../lib/worker.ts";
import type { Job, Outcome } from "./job.ts";

// All agents at once in one process, each asking its own question behind the one long prefix.

const { url: baseURL, ca, agents, prefixTokens, prefixSharing, streamed } = job<Job>();
const { LM } = await trunkline();

/** The simulated provider counts four characters as a token. */
const sentence = "You are a careful clerk who reads one row and answers with one word. ";
const system = sentence.repeat(Math.ceil((prefixTokens * 4) / sentence.length)).slice(0, prefixTokens * 4);

answer(async (): Promise<Outcome> => {
  let answered = 0;
  let failed = 0;
  let cachedInputTokens = 0;
  let cacheWriteTokens = 0;
  const onDelta = streamed ? () => {} : undefined;
  const ask = async (agent: number): Promise<void> => {
    const tls = { ca };
    const lm = new LM("openai/sim", { baseURL, apiKey: "simulated", tls, prefixSharing, cache: false });
    const messages = [
      { role: "system", content: system },
      { role: "user", content: `Row ${agent}.` },
    ] as const;
    try {
      const { usage } = await lm.call(messages, onDelta && { onDelta });
      answered++;
      cachedInputTokens += usage.cachedInputTokens;
      cacheWriteTokens += usage.cacheWriteTokens;
    } catch {
      failed++;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: agents }, (_, agent) => ask(agent)));
  return { ms: performance.now() - started, answered, failed, cachedInputTokens, cacheWriteTokens };
});
