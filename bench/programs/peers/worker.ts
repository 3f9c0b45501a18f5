import { trunkline } from "../../lib/built.ts";
import { answer, job } from "../../lib/worker.ts";
import {
  axSignatureText,
  demoCount,
  demosOf,
  type Inputs,
  inputsOf,
  messageOf,
  type Outputs,
  outputs,
  signatureText,
} from "../question.ts";
import type { Block, Job, Kind, Question, Side } from "./job.ts";

// One side in a process of its own: asked for a number of calls, it makes them and says what they took.

/** One message, and one run of the program. */
interface Contestant {
  lm(prompt: string): Promise<string>;
  program(inputs: Inputs): Promise<Outputs>;
}

const { url, model, side } = job<Job>();
const apiKey = "simulated";
const demos = demosOf(demoCount);
const message = messageOf(0);

const makers: Readonly<Record<Exclude<Side, "dspy">, () => Promise<Contestant>>> = {
  async trunkline() {
    const { LM, Predict } = await trunkline();
    const lm = new LM(`openai/${model}`, { baseURL: url, apiKey, cache: false });
    const predict = new Predict(signatureText).setLM(lm);
    predict.demos = demos;
    return {
      lm: async (prompt) => (await lm.call(prompt)).text,
      program: (inputs) => predict.call(inputs),
    };
  },
  async "@ax-llm/ax"() {
    const { AxAIOpenAI, ax } = (await import("@ax-llm/ax" as string)) as Ax;
    const ai = new AxAIOpenAI({ apiKey, apiURL: url, config: { model, stream: false } });
    const program = ax(axSignatureText);
    program.setExamples(demos);
    return {
      lm: async (prompt) => {
        const { results } = await ai.chat({ chatPrompt: [{ role: "user", content: prompt }] });
        return results[0]!.content;
      },
      program: (inputs) => program.forward(ai, inputs, { stream: false }),
    };
  },
};

interface Ax {
  readonly AxAIOpenAI: new (
    options: object,
  ) => { chat(request: object): Promise<{ results: { content: string }[] }> };
  ax(signature: string): {
    setExamples(examples: readonly object[]): void;
    forward(ai: object, inputs: Inputs, options: object): Promise<Outputs>;
  };
}

const contestant = await makers[side as keyof typeof makers]();
let made = 0;

const kinds: Readonly<Record<Kind, (index: number) => Promise<void>>> = {
  async lm(index) {
    if ((await contestant.lm(message + index)) === "") throw new Error("an empty answer");
  },
  async program(index) {
    const got = await contestant.program(inputsOf(index));
    if (got.answer !== outputs.answer || got.certainty !== outputs.certainty) {
      throw new Error(`the program read ${JSON.stringify(got)}`);
    }
  },
};

answer(async ({ kind, calls, concurrency }: Question): Promise<Block> => {
  const call = kinds[kind];
  const cpu = process.cpuUsage();
  const started = performance.now();
  let left = calls;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left--;
      await call(made++);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { calls, ms, cpuUs: user + system };
});
