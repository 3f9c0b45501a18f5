/**
 * What the compiler has to know of programs. Nothing here runs: `types.test.ts` compiles it, and each
 * `@ts-expect-error` is a mistake that has to be found.
 */
import {
  ChainOfThought,
  type LM,
  Module,
  Predict,
  type ProgramRow,
  signature,
  type Trace,
} from "../../src/index.ts";
import type { Same } from "../signature/table.ts";

type Yes<T extends true> = T;
declare const lm: LM;

type Feeling = "joy" | "anger" | "fear";

export async function predictors(): Promise<void> {
  const p = new Predict(signature("sentence -> emotion: 'joy' | 'anger' | 'fear'"));
  p.setLM(lm);
  const out = await p.call({ sentence: "..." });
  type Out = [Yes<Same<typeof out, Readonly<{ emotion: Feeling }>>>];
  if (out.emotion === "joy") out.emotion satisfies "joy";
  // @ts-expect-error: a literal that it cannot be
  if (out.emotion === "hope") return;
  // @ts-expect-error: no such output
  out.feeling;
  // @ts-expect-error: an output is not changed
  out.emotion = "fear";
  // @ts-expect-error: no such input
  await p.call({ text: "..." });
  // @ts-expect-error: an input of another type
  await p.call({ sentence: 1 });
  // @ts-expect-error: inputs are missing
  await p.call({});
  // @ts-expect-error: a field too many
  await p.call({ sentence: "...", mood: "..." });
  // @ts-expect-error: no such option
  await p.call({ sentence: "..." }, { temprature: 1 });

  const text = new Predict("sentence -> emotion: 'joy' | 'anger' | 'fear'", {
    temperature: 0,
    adapter: "chat",
  });
  const same = await text.call({ sentence: "..." }, { lm, deadline: 1_000, rolloutId: 1, cache: "refresh" });
  const { prediction, trace } = await text.run({ sentence: "..." });
  type Text = [
    Yes<Same<typeof same, typeof out>>,
    Yes<Same<typeof prediction, typeof out>>,
    Yes<Same<typeof trace, Trace>>,
  ];
  interface Labelled {
    sentence: string;
    emotion: Feeling;
    id: number;
  }
  const rows: Labelled[] = [];
  text.demos = rows;
  await text.batch(rows);
  text.signature = text.signature.withInstructions("Look closely.");
  // @ts-expect-error: a signature of other fields
  text.signature = signature("question -> answer");

  const why = new ChainOfThought("question, hint?: string[] -> answer: int");
  const thought = await why.call({ question: "..." });
  type Thought = [Yes<Same<typeof thought.reasoning, string>>, Yes<Same<typeof thought.answer, number>>];
  // @ts-expect-error: a hint is a list
  await why.call({ question: "...", hint: "..." });

  const loose = new Predict(String("a -> b"));
  const any = await loose.call({ anything: 1 });
  type Loose = [Yes<Same<typeof any, Readonly<Record<string, unknown>>>>];
  void (0 as unknown as [Out, Text, Thought, Loose]);
}

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

class Deeper extends Pipeline {
  more = [new Predict("a -> b"), new Predict("a -> c: int")] as const;
  override async forward(inputs: { document: string; question: string; loud?: boolean }) {
    const verdict = await super.forward(inputs);
    const { c } = await this.more[1].call({ a: "..." });
    return { ...verdict, c };
  }
}

export async function modules(): Promise<void> {
  const pipeline = new Pipeline(lm);
  const inputs = { document: "...", question: "..." };
  const answer = await pipeline.call(inputs);
  const { prediction } = await pipeline.run(inputs, { signal: AbortSignal.abort() });
  const rows = await pipeline.batch([inputs], { concurrency: 2_000, onProgress() {} });
  type Row = ProgramRow<typeof inputs, typeof answer>;
  type Answer = [
    Yes<Same<typeof answer.verdict, boolean>>,
    Yes<Same<typeof answer.reasoning, string>>,
    Yes<Same<typeof prediction, typeof answer>>,
    Yes<Same<(typeof rows)[0], Row>>,
  ];
  for (const row of rows) {
    // @ts-expect-error: a row may have failed
    row.prediction.verdict;
    if (row.error === undefined) row.prediction.verdict satisfies boolean;
    else row.inputs.question satisfies string;
  }
  for await (const row of pipeline.each(asyncInputs())) row satisfies Row;
  for await (const event of pipeline.stream(inputs)) {
    if (event.type === "prediction") event.prediction satisfies typeof answer;
    if (event.type === "delta") [event.predictor, event.field, event.text] satisfies string[];
  }
  (await pipeline.stream(inputs).prediction) satisfies typeof answer;
  // @ts-expect-error: no question
  await pipeline.call({ document: "..." });
  // @ts-expect-error: rows of other inputs
  await pipeline.batch(["..."]);
  // @ts-expect-error: a module needs its LM
  new Pipeline();
  // @ts-expect-error: a module without forward is none
  new Module();

  const deeper = new Deeper(lm).clone();
  const more = await deeper.call({ ...inputs, loud: true });
  type More = [Yes<Same<typeof more.c, number>>, Yes<Same<typeof deeper, Deeper>>];
  for (const [name, predictor] of deeper.namedPredictors()) {
    [name, predictor.signature.instructions] satisfies string[];
    predictor.demos = [{ a: "..." }];
  }
  void (0 as unknown as [Answer, More]);
}

async function* asyncInputs() {
  yield { document: "...", question: "..." };
}
