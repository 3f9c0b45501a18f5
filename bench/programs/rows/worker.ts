import { testing, trunkline } from "../../lib/built.ts";
import { weigh } from "../../lib/weigh.ts";
import { answer, job } from "../../lib/worker.ts";
import { answers, demoCount, demosOf, type Inputs, inputsOf, signatureText } from "../question.ts";
import type { Job, Outcome, Weight } from "./job.ts";

// Runs a predictor over rows from an async iterable, and weighs the heap on the way.

const { rows, weighEvery, answers: answersWhen } = job<Job>();
const { completion, Predict } = await trunkline();
const { scriptedLM } = await testing();

const said = completion(answers.chat, { inputTokens: 400, outputTokens: 20, finishReason: "stop" });
let running = 0;
let peak = 0;
async function sayLater(): Promise<typeof said> {
  peak = Math.max(peak, ++running);
  await new Promise((resolve) => setImmediate(resolve));
  running--;
  return said;
}
const lm = scriptedLM(answersWhen === "later" ? sayLater : () => said, { keepCalls: 0, cache: false });
const predict = new Predict(signatureText).setLM(lm);
predict.demos = demosOf(demoCount);

let read = 0;
async function* source(): AsyncGenerator<Inputs> {
  for (; read < rows; read++) yield inputsOf(read);
}

answer(async (): Promise<Outcome> => {
  const weights: Weight[] = [{ row: 0, heapBytes: await weigh() }];
  let ms = 0;
  let cpuUs = 0;
  let failed = 0;
  let ahead = 0;
  let cpu = process.cpuUsage();
  let started = performance.now();
  for await (const { index, error } of predict.each(source())) {
    if (error !== undefined) failed++;
    const taken = index + 1;
    ahead = Math.max(ahead, read - taken);
    if (taken % weighEvery !== 0) continue;
    ms += performance.now() - started;
    const { user, system } = process.cpuUsage(cpu);
    cpuUs += user + system;
    weights.push({ row: taken, heapBytes: await weigh() });
    cpu = process.cpuUsage();
    started = performance.now();
  }
  return { weights, ms, cpuUs, failed, ahead, inWork: Math.max(peak, 1) };
});
