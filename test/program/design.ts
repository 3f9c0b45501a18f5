/** The samples of the design, as they stand there. Nothing here runs: `types.test.ts` compiles it. */
import {
  BestOfN,
  ChainOfThought,
  ChatAdapter,
  ChatAgent,
  type Completion,
  cache,
  clients,
  completion,
  configure,
  contains,
  context,
  DriverLM,
  Example,
  evaluate,
  exactMatch,
  f1,
  file,
  getSharedLM,
  image,
  isTrunklineError,
  JSONAdapter,
  LM,
  llmJudge,
  Module,
  Predict,
  ReAct,
  Refine,
  signature,
  TrunklineError,
  tool,
  traceOf,
  XMLAdapter,
} from "../../src/index.ts";

declare const apiKey: string;
declare const baseURL: string;
declare const prompts: string[];
declare const inputs: { document: string; question: string }[];
declare const asyncInputs: AsyncIterable<{ document: string; question: string }>;
declare const document: string;
declare const question: string;
declare const onProgress: () => void;
declare const signal: AbortSignal;
declare const dataset: { question: string; answer: string }[];

const lm = new LM("openai/gpt-4o-mini", { apiKey, baseURL, temperature: 0, maxTokens: 100, cache: true });
const many = await lm.batch(prompts, { concurrency: 10, onProgress, signal });
many.map((row) => row.completion?.text ?? row.error);

const other = new DriverLM({
  model: "llama3.2-vision:11b",
  requestFn: async ({ prompt, temperature, maxTokens, signal, onDelta, ...rest }) => {
    void [temperature, maxTokens, signal, onDelta, rest];
    return { response: prompt };
  },
  outputFn: (raw): Completion =>
    completion(raw.response.trim(), { inputTokens: 1, outputTokens: 1, finishReason: "stop" }),
});

const shared = getSharedLM();
configure({ lm: shared, asyncMaxWorkers: 2000, adapter: "json" });
await context({ lm: other, adapter: new XMLAdapter() }, async () => {});

const Emotion = signature("sentence -> emotion: 'joy' | 'anger' | 'fear'");
const p = new Predict(Emotion);
p.setLM(lm);
const out = await p.call({ sentence: "..." });
out.emotion satisfies "joy" | "anger" | "fear";

class Pipeline extends Module {
  extract = new Predict("document -> facts: string[]");
  judge = new ChainOfThought("facts: string[], question -> verdict: boolean");
  constructor(lm: LM) {
    super();
    this.setLM(lm);
  }
  async forward({ document, question }: { document: string; question: string }) {
    const { facts } = await this.extract.call({ document });
    return this.judge.call({ facts, question });
  }
}
const pipeline = new Pipeline(getSharedLM());
const answer = await pipeline.call({ document, question });
answer.verdict satisfies boolean;
const rows = await pipeline.batch(inputs, { concurrency: 2000, onProgress });
for (const row of rows) if (row.error === undefined) row.prediction.verdict satisfies boolean;
for await (const row of pipeline.each(asyncInputs)) row.inputs.question satisfies string;
const { prediction, trace } = await pipeline.run({ document, question });
[prediction.reasoning, ...trace.entries.map(({ predictor }) => predictor)] satisfies string[];
traceOf(new TrunklineError("parse", "..."))?.entries;
for await (const e of pipeline.stream({ document, question }))
  if (e.type === "prediction") e.prediction.verdict;
await pipeline.save("pipeline.json");
await pipeline.load("pipeline.json");

const add = tool({
  name: "add",
  description: "Adds.",
  inputSchema: { type: "object", properties: { a: { type: "number" } } },
  execute: async () => 1,
});
const agent = new ChatAgent({ lm, system: "...", tools: [add] });
const reply = await agent.run("...");
[reply.text, reply.message, reply.toolCalls, reply.usage, reply.cost] satisfies unknown[];
const react = new ReAct("question -> answer", { tools: [add], maxSteps: 5 });
(await react.call({ question })).answer satisfies string;
const best = new BestOfN(p, { n: 3, threshold: 1, reward: (_, { emotion }) => (emotion === "joy" ? 1 : 0) });
(await best.call({ sentence: "..." })).emotion satisfies "joy" | "anger" | "fear";
new Refine(p, { n: 3, reward: () => ({ score: 0, feedback: "..." }) });

const program = new Predict("question -> answer", { adapter: new JSONAdapter() }).setLM(lm);
const report = await evaluate(program, {
  dataset,
  metric: exactMatch("answer"),
  concurrency: 10,
  onProgress,
});
[
  report.score,
  report.interval,
  report.scored,
  report.results,
  report.errors,
  report.toCSV(),
  report.toJSON(),
] satisfies unknown[];
new Example({ question: "...", answer: "..." }).withInputs("question");
[
  f1,
  contains,
  llmJudge,
  image,
  file,
  new ChatAdapter(),
  cache.stats(),
  clients.stats(),
  isTrunklineError(0),
] satisfies unknown[];
