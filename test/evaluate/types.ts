/**
 * What the compiler has to know of evaluation. Nothing here runs: `test/program/types.test.ts` compiles it, and each
 * `@ts-expect-error` is a mistake that has to be found.
 */
import {
  ChainOfThought,
  contains,
  Example,
  evaluate,
  exactMatch,
  f1,
  type LM,
  llmJudge,
  type Metric,
  Module,
  Predict,
  type Progress,
  progressBar,
} from "../../src/index.ts";
import type { Same } from "../signature/table.ts";

declare function yes<T extends true>(): T;
declare const lm: LM;
declare const dataset: { question: string; answer: string }[];

export async function modules(): Promise<void> {
  const program = new ChainOfThought("question -> answer, sure: boolean");
  const report = await evaluate(program, {
    dataset,
    metric: (example, prediction, { trace, signal, purpose }) => {
      yes<Same<typeof example, { question: string; answer: string }>>();
      yes<Same<typeof purpose, "evaluate" | "bootstrap" | "reflect">>();
      trace.entries.length satisfies number;
      signal.aborted satisfies boolean;
      // @ts-expect-error: the program gives no such field
      prediction.anwser;
      return prediction.sure && prediction.answer === example.answer;
    },
    concurrency: 2000,
    onProgress: progressBar({ write() {} }),
  });
  report.score satisfies number;
  report.results[0]!.prediction!.sure satisfies boolean;
  report.results[0]!.example.question satisfies string;
  yes<Same<(typeof report)["errors"], (typeof report)["results"]>>();

  // @ts-expect-error: a data set is needed
  await evaluate(program, { metric: () => 1 });
  // @ts-expect-error: and a metric
  await evaluate(program, { dataset });
  // @ts-expect-error: a text is no score
  await evaluate(program, { dataset, metric: () => "good" });
  // @ts-expect-error: a metric is made by a call
  await evaluate(program, { dataset, metric: exactMatch });
  // @ts-expect-error: the program gives no field of that name
  await evaluate(program, { dataset, metric: exactMatch("anwser") });
  // @ts-expect-error: an order would change nothing
  await evaluate(program, { dataset, metric: exactMatch("answer"), ordered: false });
}

export async function readyMade(): Promise<void> {
  const program = new Predict("question -> answer");
  await evaluate(program, { dataset, metric: exactMatch("answer") });
  await evaluate(program, { dataset, metric: contains() });
  await evaluate(program, { dataset, metric: f1({ field: "answer", gold: "question" }) });
  const judge = llmJudge({
    lm,
    rubric: { right: "Is it right?", clear: { ask: "How clear?", scale: [1, 5] } },
  });
  const report = await evaluate(program, { dataset, metric: judge });
  report.results[0]!.objectives!.clear satisfies number | undefined;
  const { objectives } = await judge(dataset[0]!, {});
  yes<Same<keyof typeof objectives, "right" | "clear">>();
  // @ts-expect-error: a criterion asks something
  llmJudge({ lm, rubric: { right: { scale: [1, 5] } } });
}

export async function functions(): Promise<void> {
  const annotated = await evaluate(
    async ({ question }: { question: string }) => ({ length: question.length }),
    {
      dataset,
      metric: (example, prediction) => prediction.length - example.answer.length,
    },
  );
  annotated.results[0]!.prediction!.length satisfies number;
  const inferred = await evaluate((row) => row.question.length, {
    dataset,
    metric: (_, length) => length > 3,
  });
  inferred.results[0]!.prediction satisfies number | undefined;
}

export async function examples(): Promise<void> {
  const rows = dataset.map((row) => new Example(row).withInputs("question"));
  class Pipeline extends Module {
    async forward({ question }: { question: string }) {
      return { answer: question };
    }
  }
  const report = await evaluate(new Pipeline(), {
    dataset: rows,
    metric: (example, prediction) => example.labels().answer === prediction.answer,
    onProgress: ({ done, total, ended }: Progress) => [done, total, ended],
  });
  report.results[0]!.example.inputs().question satisfies string;
  // @ts-expect-error: it is a label
  report.results[0]!.example.inputs().answer;
}

export function ownMetrics(): Metric<{ answer: string }, { answer: string }>[] {
  return [
    (example, prediction) => example.answer === prediction.answer,
    async () => ({
      score: 0.5,
      feedback: "half",
      objectives: { speed: 1 },
      perPredictor: { ask: "shorter" },
    }),
    exactMatch("answer"),
    llmJudge({ rubric: { right: "Is it right?" } }),
    // @ts-expect-error: feedback is a text
    () => ({ score: 1, feedback: 7 }),
  ];
}
