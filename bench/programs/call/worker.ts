import type { Completion, Message } from "trunkline";
import { testing, trunkline } from "../../lib/built.ts";
import { answer, job } from "../../lib/worker.ts";
import {
  answers,
  demosOf,
  type Inputs,
  inputsOf,
  type Outputs,
  outputs,
  signatureText,
} from "../question.ts";
import { type Block, type Job, type Kind, type Question, ways } from "./job.ts";

// A predictor and its LM in one process: asked for a number of calls of either, it makes them one after another.

const { way } = job<Job>();
const { adapter, demos } = ways[way];
const { completion, Module, Predict } = await trunkline();
const { scriptedLM } = await testing();

/** What the program asked last. */
let asked: readonly Message[] = [];
let responseFormat: object | undefined;
const said = completion(answers[adapter], { inputTokens: 400, outputTokens: 20, finishReason: "stop" });
const lm = scriptedLM(
  (request) => {
    asked = request.messages;
    responseFormat = request.responseFormat;
    return said;
  },
  { keepCalls: 0 },
);

const predict = new Predict(signatureText, { adapter: adapter as "chat" }).setLM(lm);
predict.demos = demosOf(demos);

class Outer extends Module {
  inner = predict;
  async forward(inputs: Inputs): Promise<Outputs> {
    return this.inner.call(inputs);
  }
}
const outer = new Outer();

const callers = {
  module: (inputs: Inputs) => outer.call(inputs),
  trace: async (inputs: Inputs) => (await predict.run(inputs)).prediction,
};
const callProgram: (inputs: Inputs) => Promise<Outputs> =
  way === "module" || way === "trace" ? callers[way] : (inputs) => predict.call(inputs);

const inputs = Array.from({ length: 256 }, (_, i) => inputsOf(i));
const ready: (readonly Message[])[] = [];
let fixed: readonly Message[] | undefined;
for (const each of inputs) {
  const got = await callProgram(each);
  if (got.answer !== outputs.answer || got.certainty !== outputs.certainty) {
    throw new Error(`the program read ${JSON.stringify(got)}`);
  }
  // All but the last are the same objects each time, as a caller who made them beforehand would have it.
  fixed ??= structuredClone(asked.slice(0, -1));
  ready.push([...fixed, structuredClone(asked.at(-1)!)]);
}
const init = responseFormat && { responseFormat: responseFormat as { type: "json" } };

const kinds: Readonly<Record<Kind, (index: number) => Promise<Completion | Outputs>>> = {
  // The messages are those that the program makes, so that only the making is on top.
  lm: (index) => (init ? lm.call(ready[index]!, init) : lm.call(ready[index]!)),
  program: (index) => callProgram(inputs[index]!),
};

answer(async ({ kind, calls }: Question): Promise<Block> => {
  const call = kinds[kind];
  // No collection is forced in between: it would throw away what the compiler inside Node learnt.
  const cpu = process.cpuUsage();
  const started = performance.now();
  for (let i = 0; i < calls; i++) await call(i % inputs.length);
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { calls, ms, cpuUs: user + system };
});
