import { afterEach, describe, expect, test } from "vitest";
import { type CallInit, type Completion, cache, clients, completion, DriverLM, LM } from "../../src/index.ts";
import { type SimulatedProvider, simulatedProvider } from "../../src/testing/index.ts";

/** What both have been asked, one after another or side by side. */
interface Asked {
  readonly prompt: string;
  readonly init?: CallInit;
}
type Situation = readonly (readonly Asked[])[];

interface Body {
  readonly model: string;
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly finish_reason: "stop" | "length";
  }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

/** An LM of the package, and one of two functions that asks the same server by fetch. */
const makers: Readonly<Record<string, (url: string) => LM>> = {
  LM: (baseURL) =>
    new LM("openai-compatible/m", { baseURL, apiKey: "", proxy: false, temperature: 0.7, maxTokens: 256 }),
  DriverLM: (baseURL) =>
    new DriverLM<Body>({
      model: "m",
      requestFn: async ({ model, messages, temperature, maxTokens, signal }) => {
        const response = await fetch(`${baseURL}/chat/completions`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ model, messages, temperature, max_tokens: maxTokens }),
          signal,
        });
        if (!response.ok) throw Object.assign(new Error("refused"), { status: response.status });
        return (await response.json()) as Body;
      },
      outputFn: ({ choices: [choice], usage }) =>
        completion(choice!.message.content, {
          inputTokens: usage.prompt_tokens,
          outputTokens: usage.completion_tokens,
          finishReason: choice!.finish_reason,
        }),
    }),
};

const again = (prompt: string, times: number, init?: CallInit): Asked[] =>
  Array.from({ length: times }, () => ({ prompt, ...(init && { init }) }));

const situations: Readonly<Record<string, Situation>> = {
  "the same question twice": [again("a", 1), again("a", 1)],
  "thirty of one question at once": [again("a", 30)],
  "other prompts, other answers": [[{ prompt: "a" }, { prompt: "b" }], [{ prompt: "b" }]],
  "another temperature, another limit": [
    again("a", 1),
    again("a", 1, { temperature: 0 }),
    again("a", 1, { maxTokens: 200 }),
    again("a", 1, { temperature: 0.7, maxTokens: 256 }),
  ],
  "no cache": [again("a", 2, { cache: false }), again("a", 1, { cache: false }), again("a", 1)],
  "asked anew": [again("a", 1), again("a", 2, { cache: "refresh" }), again("a", 1)],
  "a sample of its own": [
    again("a", 1),
    again("a", 2, { rolloutId: 1 }),
    again("a", 1, { rolloutId: 2 }),
    again("a", 1, { rolloutId: 1 }),
  ],
  "a scope of its own": [again("a", 1), again("a", 2, { cache: { scope: "run-1" } }), again("a", 1)],
  "an answer cut short is not kept": [again("a", 1, { maxTokens: 3 }), again("a", 1, { maxTokens: 3 })],
  "a listener, and none": [again("a", 2, { onDelta() {} }), again("a", 1)],
  "an optimizer's questions, most of them again": Array.from({ length: 6 }, (_, round) =>
    Array.from({ length: 20 }, (_, i) => ({ prompt: `row ${(i * (round + 1)) % 13}` })),
  ),
};

/** What came of it, without what cannot be the same: the model's own id of an answer and how the clock stood. */
function seen({ text, usage, model, cacheHit, choices }: Completion) {
  const { inputTokens, outputTokens, totalTokens } = usage;
  return {
    text,
    model,
    cacheHit,
    usage: { inputTokens, outputTokens, totalTokens },
    finished: choices.map(({ finishReason }) => finishReason),
  };
}

async function play(make: (url: string) => LM, situation: Situation) {
  await using provider: SimulatedProvider = await simulatedProvider({ tls: false, seed: 7 });
  const lm = make(provider.url);
  await cache.clear();
  const before = cache.stats();
  const answers = [];
  for (const together of situation) {
    const all = together.map(({ prompt, init }) => lm.call(prompt, init));
    for (const answer of await Promise.all(all)) answers.push(seen(answer));
  }
  const { hits, misses, joins, entries } = cache.stats();
  await clients.close();
  return {
    answers,
    backendCalls: provider.stats().requests,
    cache: {
      hits: hits - before.hits,
      misses: misses - before.misses,
      joins: joins - before.joins,
      entries,
    },
  };
}

afterEach(async () => {
  await clients.close({ mode: "abort" });
  await cache.clear();
});

describe("R97, R109, R110: a DriverLM over a backend is an LM over it", () => {
  test.each(Object.entries(situations))("%s", async (_, situation) => {
    const byLM = await play(makers.LM!, situation);
    const byDriverLM = await play(makers.DriverLM!, situation);
    expect(byDriverLM).toEqual(byLM);
    expect(byLM.backendCalls).toBeGreaterThan(0);
    expect(byLM.answers.every(({ text }) => text !== "")).toBe(true);
  });

  test("R100: what is asked and what is made of it are one's own", async () => {
    await using provider = await simulatedProvider({ tls: false, answer: () => " Yes. " });
    const own = new DriverLM<string>({
      model: "own",
      requestFn: async ({ prompt }) => {
        const messages = [{ role: "user", content: `In one word: ${prompt}` }];
        const body = JSON.stringify({ model: "any", messages });
        const response = await fetch(`${provider.url}/chat/completions`, { method: "POST", body });
        return ((await response.json()) as Body).choices[0]!.message.content;
      },
      outputFn: (raw) => raw.trim().toLowerCase().replace(".", ""),
    });
    expect((await own.call("Is it?")).text).toBe("yes");
    expect(await own.call("Is it?")).toMatchObject({ text: "yes", cacheHit: true });
  });

  test("R103, R110: of the optimizer's 120 questions 13 reach the backend, all others are free", async () => {
    const { backendCalls, cache: counted } = await play(
      makers.DriverLM!,
      situations["an optimizer's questions, most of them again"]!,
    );
    expect(backendCalls).toBe(13);
    expect(counted.hits + counted.joins).toBe(120 - 13);
  });
});
