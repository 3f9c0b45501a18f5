import { getEventListeners } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { type EvaluateOptions, evaluate, evaluateBy, type Program } from "../../src/evaluate/evaluate.ts";
import { Example } from "../../src/evaluate/example.ts";
import type { Metric, MetricContext } from "../../src/evaluate/metric.ts";
import { exactMatch } from "../../src/evaluate/text-metrics.ts";
import type { Progress } from "../../src/lm/rows.ts";
import { currentScope, runInScope } from "../../src/lm/scope.ts";
import { ChainOfThought } from "../../src/program/chain-of-thought.ts";
import { Module } from "../../src/program/module.ts";
import { Predict } from "../../src/program/predict.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { failureOf, fields, scripted } from "./rig.ts";

const folder = mkdtempSync(join(tmpdir(), "trunkline-evaluate-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = (): string => join(folder, `${++files}.jsonl`);

const dataset = [
  { question: "1+1", answer: "2" },
  { question: "1+2", answer: "3" },
  { question: "1+3", answer: "4" },
  { question: "1+4", answer: "5" },
];
type Row = (typeof dataset)[number];

/** Adds up, but for what it is told to get wrong. */
const adder = (wrong: readonly string[] = []) => {
  return async ({ question }: { question: string }) => {
    const [a, b] = question.split("+").map(Number);
    return { answer: wrong.includes(question) ? "?" : String(a! + b!) };
  };
};
const down = (): TrunklineError => new TrunklineError("server_error", "the provider failed");

describe("what a report says", () => {
  test("R11: the mean in the metric's own unit, every row in order, and what it cost", async () => {
    const lm = scripted((prompt) => fields({ answer: prompt.includes("1+3") ? "four" : "2" }));
    const program = new Predict("question -> answer").setLM(lm);
    const report = await evaluate(program, { dataset, metric: exactMatch("answer"), concurrency: 2 });
    expect(report.score).toBe(0.25);
    expect(report.scored).toBe(4);
    expect(report.interval!.method).toBe("wilson");
    expect(report.errors).toEqual([]);
    expect(report.results.map(({ index, score }) => [index, score])).toEqual([
      [0, 1],
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
    const [first] = report.results;
    expect(first).toMatchObject({
      example: dataset[0],
      prediction: { answer: "2" },
      usage: { inputTokens: 10, outputTokens: 2, totalTokens: 12 },
      cost: { usd: 12, saved: 0 },
    });
    expect(first!.example).toBe(dataset[0]);
    expect(report.usage.totalTokens).toBe(48);
    expect(report.cost).toEqual({ usd: 48, saved: 0 });
  });

  test("P12: a score of 0 is a score, and a failureScore of 0 counts", async () => {
    const report = await evaluate(adder(["1+1"]), { dataset, metric: exactMatch() });
    expect(report.results[0]).toMatchObject({ score: 0 });
    expect(report.results[0]).not.toHaveProperty("error");
    expect(report.scored).toBe(4);
  });

  test("a metric's details stay with the row", async () => {
    const metric = () => ({
      score: true,
      feedback: "well said",
      objectives: { short: 1 },
      perPredictor: { self: "keep it up" },
    });
    const report = await evaluate(adder(), { dataset: dataset.slice(0, 1), metric });
    expect(report.results[0]).toMatchObject({
      score: 1,
      feedback: "well said",
      objectives: { short: 1 },
      perPredictor: { self: { feedback: "keep it up" } },
    });
  });

  test("latency is that of the program alone", async () => {
    const clock = new FakeClock();
    const wait = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
    const run = evaluateBy(
      clock,
      async () => {
        await wait(30);
        return { answer: "2" };
      },
      {
        dataset: dataset.slice(0, 1),
        metric: async () => {
          await wait(500);
          return 1;
        },
      },
    );
    await clock.advance(1000);
    expect((await run).results[0]!.latencyMs).toBe(30);
    expect(clock.pending).toBe(0);
  });
});

describe("what a program is given", () => {
  const seen = async (row: object, program: Program = async (inputs: object) => inputs) => {
    const report = await evaluate(program as (inputs: object) => unknown, {
      dataset: [row],
      metric: () => 1,
    });
    return report.results[0]!.prediction;
  };

  test("the fields that an Example marks", async () => {
    const example = new Example({ question: "?", hint: "!", answer: 1 }).withInputs("question", "hint");
    expect(await seen(example)).toEqual({ question: "?", hint: "!" });
  });

  test("else what its signature asks for, else the whole row", async () => {
    class Echo extends Predict<"a, b -> c"> {
      override async forward(inputs: { a: string; b: string }) {
        return inputs as never;
      }
    }
    expect(await seen({ a: "1", b: "2", c: "3" }, new Echo("a, b -> c"))).toEqual({ a: "1", b: "2" });
    expect(await seen({ a: "1", c: "3" })).toEqual({ a: "1", c: "3" });
    expect(await seen(new Example({ a: "1", c: "3" }))).toEqual({ a: "1", c: "3" });
  });

  test("a module is given the row, and its predictors take what they name", async () => {
    class Twice extends Module {
      ask = new ChainOfThought("question -> answer");
      async forward({ question }: { question: string }) {
        return this.ask.call({ question });
      }
    }
    const lm = scripted(() => fields({ reasoning: "sure", answer: "2" }));
    const report = await evaluate(new Twice().setLM(lm), {
      dataset,
      metric: (example, prediction) => example.answer === prediction.answer,
    });
    expect(report.score).toBe(0.25);
    expect(lm.asked).toHaveLength(4);
    for (const prompt of lm.asked) expect(prompt).not.toMatch(/"answer":|answer: [345]/);
  });

  test("data sets are lists, iterables and async iterables", async () => {
    async function* stream() {
      yield* dataset;
    }
    for (const rows of [dataset, new Set(dataset), stream()]) {
      const report = await evaluate(adder(), { dataset: rows, metric: exactMatch("answer") });
      expect([report.score, report.scored]).toEqual([1, 4]);
    }
  });
});

describe("P13: data sets of odd sizes", () => {
  test("an empty one fails before any call, a stream as soon as it ends", async () => {
    const program = () => expect.fail("it was called");
    for (const rows of [[], new Set<object>(), (async function* () {})()] as Iterable<object>[]) {
      const error = await failureOf(evaluate(program, { dataset: rows, metric: () => 1 }));
      expect(error).toMatchObject({ code: "config", message: expect.stringContaining("no rows") });
    }
  });

  test("one row works", async () => {
    const one = dataset.slice(0, 1);
    const report = await evaluate(adder(), { dataset: one, metric: () => 0.5 });
    expect(report).toMatchObject({ score: 0.5, scored: 1, interval: undefined });
    expect((await evaluate(adder(), { dataset: one, metric: () => true })).interval!.low).toBeGreaterThan(
      0.2,
    );
  });

  test.each([
    ["a text", "?"],
    ["a list", []],
    ["nothing", undefined],
  ])(
    "a row that is %s is an error that names it, before any call where the rows are a list",
    async (_, row) => {
      let calls = 0;
      const program = async () => {
        calls++;
      };
      const rows = [dataset[0], row] as object[];
      const error = await failureOf(evaluate(program, { dataset: rows, metric: () => 1 }));
      expect(error).toMatchObject({ code: "config", message: expect.stringContaining("row 1") });
      expect(calls).toBe(0);
      const late = await failureOf(
        evaluate(program, { dataset: rows.values(), metric: () => 1, concurrency: 1 }),
      );
      expect(late).toMatchObject({ code: "config", message: expect.stringContaining("row 1"), done: 1 });
    },
  );
});

describe("P10: a metric that fails", () => {
  const only = (index: number, bad: () => unknown): Metric<Row, { answer: string }> =>
    ((example: Row) => (example === dataset[index] ? bad() : 1)) as Metric<Row, { answer: string }>;

  test.each([
    ["throws", () => Promise.reject(new RangeError("no such key")), /row 2: no such key/],
    ["throws at once", () => expect.fail("oops"), /row 2: oops/],
    ["throws a text", () => Promise.reject("oops"), /row 2: oops/],
    ["P11: returns NaN", () => Number.NaN, /row 2: expected a finite number.*got NaN/],
    ["P11: returns Infinity", () => Number.POSITIVE_INFINITY, /row 2: .*got Infinity/],
    ["P11: returns nothing", () => undefined, /row 2: .*got undefined/],
    ["P11: returns null", () => null, /row 2: .*got null/],
    ["P11: returns a text", () => "0.5", /row 2: .*a string of 3 characters/],
    ["P11: returns a score of NaN", () => ({ score: Number.NaN }), /row 2: score: .*got NaN/],
    ["P11: returns an object without a score", () => ({ value: 1 }), /row 2: score: .*got undefined/],
    ["returns a function", () => () => 1, /row 2: .*got a function.*made by a call/],
  ])(
    "one that %s is never a score: its row keeps its prediction, does not count, and is named",
    async (_, bad, message) => {
      const report = await evaluate(adder(["1+4"]), { dataset, metric: only(2, bad) });
      expect(report.score).toBe(1);
      expect(report.scored).toBe(3);
      expect(report.errors.map(({ index }) => index)).toEqual([2]);
      const [row] = report.errors;
      expect(row).toBe(report.results[2]);
      expect(row).toMatchObject({ prediction: { answer: "4" }, error: { code: "metric" } });
      expect(row).not.toHaveProperty("score");
      expect((row!.error as Error).message).toMatch(message);
    },
  );

  test("one that never settles is given up after metricTimeout, named, and hears its signal", async () => {
    const clock = new FakeClock();
    let heard: AbortSignal | undefined;
    const metric: Metric<Row, unknown> = (example, _, { signal }) => {
      if (example !== dataset[1]) return 1;
      heard = signal;
      return new Promise<number>(() => {});
    };
    const run = evaluateBy(clock, adder(), { dataset, metric, metricTimeout: 5000 });
    await clock.advance(5000);
    const report = await run;
    expect(report.errors.map(({ index }) => index)).toEqual([1]);
    expect((report.errors[0]!.error as Error).message).toMatch(/row 1: .*5000 ms \(metricTimeout\)/);
    expect(heard!.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test("its own calls are aborted with it, and what it makes of that is no other error", async () => {
    const clock = new FakeClock();
    let around: readonly AbortSignal[] = [];
    const metric: Metric<Row, unknown> = (example, _, { signal }) => {
      if (example !== dataset[1]) return 1;
      around = currentScope()!.signals!;
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("my call was aborted")));
      });
    };
    const run = evaluateBy(clock, adder(), { dataset, metric, metricTimeout: 5000 });
    await clock.advance(4999);
    expect(around.some(({ aborted }) => aborted)).toBe(false);
    await clock.advance(1);
    expect((await run).errors[0]!.error).toMatchObject({
      code: "metric",
      message: "metric: row 1: it had not settled after 5000 ms (metricTimeout)",
    });
    expect(around.some(({ aborted }) => aborted)).toBe(true);
  });

  test("it is not asked about what comes after the run was stopped", async () => {
    const gate = Promise.withResolvers<void>();
    const asked: unknown[] = [];
    const program = async ({ question }: Row) => {
      if (question === "1+2") throw new TrunklineError("auth", "no such key");
      await gate.promise;
    };
    const metric = (example: Row) => asked.push(example);
    expect(await failureOf(evaluate(program, { dataset, metric }))).toMatchObject({ code: "auth" });
    gate.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toEqual([]);
  });

  test("where no row can be scored the run fails, with the rows in its error", async () => {
    const error = await failureOf(evaluate(adder(), { dataset, metric: () => Number.NaN }));
    expect(error).toMatchObject({ code: "metric", done: 4 });
    expect(error.message).toMatch(/none of the 4 rows.*row 0.*NaN/);
    expect(error.rows).toHaveLength(4);
    expect(error.rows![1]).toMatchObject({ index: 1, prediction: { answer: "3" } });
  });

  test("it is asked once for each run of an example, with trace, signal and purpose", async () => {
    const lm = scripted(() => fields({ answer: "2" }));
    const program = new Predict("question -> answer").setLM(lm);
    const contexts: MetricContext[] = [];
    await evaluate(program, {
      dataset,
      metric: (_, __, context) => {
        contexts.push(context);
        return 1;
      },
    });
    expect(contexts).toHaveLength(4);
    for (const { trace, signal, purpose } of contexts) {
      expect(purpose).toBe("evaluate");
      expect(signal.aborted).toBe(false);
      expect(trace.entries).toHaveLength(1);
      expect(trace.entries[0]).toMatchObject({ predictor: "self", outputs: { answer: "2" } });
    }
  });
});

describe("whose side a failure is on", () => {
  test("a program that fails by itself scores failureScore, with its reason and what it had spent", async () => {
    const lm = scripted((prompt) => (prompt.includes("1+2") ? "no fields at all" : fields({ answer: "2" })));
    class Picky extends Module {
      ask = new Predict("question -> answer", { reask: 0 });
      async forward({ question }: { question: string }) {
        const { answer } = await this.ask.call({ question });
        if (question === "1+3") throw new RangeError("three is too many");
        return { answer };
      }
    }
    const report = await evaluate(new Picky().setLM(lm), { dataset, metric: () => 1, failureScore: -1 });
    expect(report.results.map(({ score }) => score)).toEqual([1, -1, -1, 1]);
    expect(report.score).toBe(0);
    expect(report.errors).toEqual([]);
    expect(report.results[1]).toMatchObject({ error: { code: "parse" }, usage: { totalTokens: 12 } });
    expect(report.results[2]!.error).toMatchObject({ message: "three is too many" });
    expect(report.results[2]).toMatchObject({ usage: { totalTokens: 12 }, cost: { usd: 12 } });
    expect(report.results[2]).not.toHaveProperty("prediction");
  });

  test("a program that throws nothing has failed all the same", async () => {
    const report = await evaluate(() => Promise.reject(undefined), {
      dataset,
      metric: () => 1,
    });
    expect(report.score).toBe(0);
    expect(report.results[0]!.error).toBeInstanceOf(TypeError);
  });

  test("P18: one failure of the provider is tried once more at the end", async () => {
    let failed = false;
    const program = async ({ question }: Row) => {
      if (question !== "1+2" || failed) return adder()({ question });
      failed = true;
      throw down();
    };
    const report = await evaluate(program, { dataset, metric: exactMatch("answer") });
    expect([report.score, report.scored, report.errors]).toEqual([1, 4, []]);
  });

  test("P16: a row that the provider keeps failing is no score and left out of the mean", async () => {
    const program = async (row: Row) => {
      if (row.question === "1+2") throw down();
      return adder()(row);
    };
    const report = await evaluate(program, { dataset, metric: exactMatch("answer") });
    expect([report.score, report.scored]).toEqual([1, 3]);
    expect(report.errors).toMatchObject([{ index: 1, error: { code: "server_error" } }]);
  });

  test("P16: a judge's provider failing is the provider's failure, not a metric's", async () => {
    const metric = async (example: Row) => {
      if (example.question === "1+2") throw down();
      return 1;
    };
    const report = await evaluate(adder(), { dataset, metric });
    expect(report.errors).toMatchObject([
      { index: 1, prediction: { answer: "3" }, error: { code: "server_error" } },
    ]);
  });

  test("P16: an outage stops the run instead of scoring it, with the finished results in the error", async () => {
    const clock = new FakeClock();
    const program = async (row: Row) => {
      if (row.question === "1+1") return adder()(row);
      await clock.advance(20_000);
      throw down();
    };
    const error = await failureOf(
      evaluateBy(clock, program, {
        dataset,
        metric: exactMatch("answer"),
        concurrency: 1,
        outageAfter: 40_000,
      }),
    );
    expect(error).toMatchObject({ code: "server_error", done: 1 });
    expect(error.rows).toMatchObject([{ index: 0, score: 1, prediction: { answer: "2" } }]);
  });

  test("a failure that no row can escape stops at once", async () => {
    let calls = 0;
    const program = async () => {
      calls++;
      throw new TrunklineError("auth", "no such key");
    };
    const error = await failureOf(evaluate(program, { dataset, metric: () => 1, concurrency: 1 }));
    expect(error.code).toBe("auth");
    expect(calls).toBe(1);
  });

  test("maxErrors counts every row that failed, whoever's side", async () => {
    const program = async () => {
      throw new Error("own fault");
    };
    const error = await failureOf(
      evaluate(program, { dataset, metric: () => 1, concurrency: 1, maxErrors: 1 }),
    );
    expect(error).toMatchObject({ done: 2, message: expect.stringContaining("maxErrors (1)") });
    expect(error.rows).toMatchObject([
      { index: 0, score: 0 },
      { index: 1, score: 0 },
    ]);
  });

  test("an abort rejects at once, aborts metrics too, and keeps what is finished in order", async () => {
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    const metric: Metric<Row, unknown> = (example, _, { signal }) => {
      if (example === dataset[1] || example === dataset[3]) return 1;
      signals.push(signal);
      return new Promise<number>(() => {});
    };
    const run = evaluate(adder(), {
      dataset,
      metric,
      signal: controller.signal,
      onProgress: ({ done }) => done === 2 && controller.abort(),
    });
    const error = await failureOf(run);
    expect(error.code).toBe("aborted");
    expect(error.rows!.map((row) => (row as { index: number }).index)).toEqual([1, 3]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });
});

describe("the run", () => {
  test("its calls wait as an evaluation, all in one fair share", async () => {
    const scopes: unknown[][] = [];
    const look = (): number => scopes.push([currentScope()!.priority, currentScope()!.fairnessKey]);
    await evaluate(
      async () => {
        look();
      },
      { dataset: dataset.slice(0, 2), metric: () => look() > 0 },
    );
    expect(scopes).toHaveLength(4);
    expect(new Set(scopes.map((scope) => (scope as unknown[])[1])).size).toBe(1);
    expect(new Set(scopes.map((scope) => (scope as unknown[])[0]))).toEqual(new Set(["evaluation"]));
  });

  test("P28: progress is told, and a listener that throws changes nothing", async () => {
    const seen: Progress[] = [];
    const report = await evaluate(adder(), {
      dataset,
      metric: (row) => (row === dataset[0] ? Number.NaN : 1),
      onProgress: (progress) => {
        seen.push(progress);
        throw new Error("the terminal is gone");
      },
    });
    expect(report.scored).toBe(3);
    expect(seen.at(-1)).toEqual({ done: 4, failed: 1, running: 0, total: 4, ended: true });
  });

  test("no listener stays on a signal around it", async () => {
    const { signal } = new AbortController();
    const run = () => evaluate(adder(), { dataset, metric: () => 1, signal });
    await runInScope({ signals: [signal] }, run);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("a slow row holds up no other", async () => {
    const gate = Promise.withResolvers<void>();
    let started = 0;
    const run = evaluate(
      async ({ index }: { index: number }) => {
        if (++started === 100) gate.resolve();
        if (index === 0) await gate.promise;
      },
      { dataset: Array.from({ length: 100 }, (_, index) => ({ index })), metric: () => 1, concurrency: 2 },
    );
    expect((await run).scored).toBe(100);
  });

  test("P22: the order in which rows finish changes nothing of the report", async () => {
    const rows = Array.from({ length: 30 }, (_, index) => ({ index }));
    const scoreOf = ({ index }: { index: number }): number => Math.sin(index) * 10 ** (index % 17);
    const finishing = async (order: (index: number) => number) => {
      const clock = new FakeClock();
      const program = ({ index }: { index: number }) =>
        new Promise<void>((resolve) => void clock.after(order(index), resolve));
      const run = evaluateBy(clock, program, { dataset: rows, metric: scoreOf });
      await clock.advance(100);
      const { score, interval, results } = await run;
      return { score, interval, indices: results.map(({ index }) => index) };
    };
    const forwards = await finishing((index) => index);
    expect(await finishing((index) => 30 - index)).toEqual(forwards);
    expect(await finishing((index) => (index * 7) % 30)).toEqual(forwards);
  });

  test("evaluations of one program may run side by side", async () => {
    const program = new Predict("question -> answer").setLM(scripted(() => fields({ answer: "2" })));
    const run = () => evaluate(program, { dataset, metric: exactMatch("answer") });
    const reports = await Promise.all([run(), run()]);
    expect(reports.map(({ score }) => score)).toEqual([0.25, 0.25]);
  });

  test.each<[string, unknown[], string]>([
    ["no program", [undefined, { dataset, metric: () => 1 }], "expected a Module or a function"],
    ["a class", [Predict, { dataset, metric: () => 1 }], "pass an instance"],
    ["no options", [adder(), undefined], "pass { dataset, metric }"],
    ["no metric", [adder(), { dataset }], "metric"],
    [
      "a misspelt option",
      [adder(), { dataset, metric: () => 1, failurescore: 1 }],
      'did you mean "failureScore"',
    ],
    ["an order", [adder(), { dataset, metric: () => 1, ordered: false }], "unknown option"],
    [
      "a failureScore of NaN",
      [adder(), { dataset, metric: () => 1, failureScore: Number.NaN }],
      "failureScore",
    ],
    ["no data set", [adder(), { metric: () => 1 }], "evaluate: dataset: expected rows in a list"],
    ["a data set that is none", [adder(), { dataset: 7, metric: () => 1 }], "rows: expected a list"],
  ])("%s is a `config` error that says what to pass", async (_, given, message) => {
    const error = await failureOf(evaluate(...(given as unknown as Parameters<typeof evaluate>)));
    expect(error).toMatchObject({ code: "config", message: expect.stringContaining(message) });
  });
});

describe("resultsFile", () => {
  const metric: Metric<Row, { answer: string }> = exactMatch("answer");
  const counting = (fail: (question: string) => unknown = () => undefined) => {
    const asked: string[] = [];
    const program = async (row: { question: string }) => {
      asked.push(row.question);
      const error = fail(row.question);
      if (error !== undefined) throw error;
      return adder(["1+3"])(row);
    };
    return { asked, program };
  };

  test("P14: a run that was stopped is resumed: no scored row is run or scored again, and the report is the same", async () => {
    const file = newFile();
    const options: EvaluateOptions<Row, { answer: string }> = { dataset, metric, resultsFile: file };
    const { asked, program } = counting();
    let stopAt = "1+3";
    const stopping = async (row: Row) => {
      if (row.question === stopAt) throw new TrunklineError("quota", "no credit");
      return program(row);
    };
    const error = await failureOf(evaluate(stopping, { ...options, concurrency: 1 }));
    expect(error).toMatchObject({ code: "quota", done: 2 });
    stopAt = "";
    const resumed = await evaluate(stopping, options);
    expect(asked).toEqual(["1+1", "1+2", "1+3", "1+4"]);
    const plain = await evaluate(adder(["1+3"]), { dataset, metric });
    const facts = (report: typeof plain) =>
      report.results.map(({ latencyMs, ...rest }) => ({ ...rest, latencyMs: typeof latencyMs }));
    expect(facts(resumed)).toEqual(facts(plain));
    expect(await evaluate(stopping, options).then(facts)).toEqual(facts(plain));
    expect(asked).toHaveLength(4);
  });

  test("a program's own failure stays, with what it had spent, and scores by the failureScore of now", async () => {
    const file = newFile();
    const { asked, program } = counting((question) =>
      question === "1+1" ? new RangeError("no") : undefined,
    );
    await evaluate(program, { dataset, metric, resultsFile: file });
    const report = await evaluate(program, { dataset, metric, resultsFile: file, failureScore: -7 });
    expect(asked).toHaveLength(4);
    expect(report.results[0]).toMatchObject({ score: -7, error: { name: "RangeError", message: "no" } });
  });

  test("rows without a score, by the metric's or the provider's fault, are run again", async () => {
    const file = newFile();
    let broken = true;
    const { asked, program } = counting((question) => (broken && question === "1+2" ? down() : undefined));
    const flaky: Metric<Row, { answer: string }> = (row, prediction, context) =>
      broken && row.question === "1+4" ? Number.NaN : metric(row, prediction, context);
    const first = await evaluate(program, { dataset, metric: flaky, resultsFile: file });
    expect(first.errors.map(({ index }) => index)).toEqual([1, 3]);
    broken = false;
    asked.length = 0;
    const second = await evaluate(program, { dataset, metric: flaky, resultsFile: file });
    expect(asked.sort()).toEqual(["1+2", "1+4"]);
    expect([second.scored, second.score]).toEqual([4, 0.75]);
  });

  test("a line that somebody edited into no score is run again, and never a mean of NaN", async () => {
    const file = newFile();
    const { asked, program } = counting();
    await evaluate(program, { dataset, metric, resultsFile: file, concurrency: 1 });
    asked.length = 0;
    const lines = readFileSync(file, "utf8").split("\n");
    lines[1] = lines[1]!.replace('"score":1', '"score":"high"');
    lines[2] = lines[2]!.replace('"usage":{', '"usage":null,"was":{');
    writeFileSync(file, lines.join("\n"));
    const report = await evaluate(program, { dataset, metric, resultsFile: file });
    expect(asked.sort()).toEqual(["1+1", "1+2"]);
    expect(report.results.every(({ score }) => Number.isFinite(score))).toBe(true);
  });

  test("another metric, another program or other demos are another run", async () => {
    const file = newFile();
    const program = new Predict("question -> answer").setLM(scripted(() => fields({ answer: "2" })));
    await evaluate(program, { dataset, metric, resultsFile: file });
    const others = {
      metric: () =>
        evaluate(program, { dataset, metric: exactMatch({ gold: "question" }), resultsFile: file }),
      run: () => program.batch(dataset, { resultsFile: file }),
    };
    for (const [what, run] of Object.entries(others)) {
      expect(await failureOf(run())).toMatchObject({
        code: "state",
        message: expect.stringContaining(`${what} is`),
      });
    }
    program.demos = [{ question: "0+0", answer: "0" }];
    const error = await failureOf(evaluate(program, { dataset, metric, resultsFile: file }));
    expect(error).toMatchObject({
      code: "state",
      message: expect.stringMatching(/program is "Predict \w+" there/),
    });
  });

  test("marks of an Example are part of what a row asks", async () => {
    const file = newFile();
    const { asked, program } = counting();
    const rows = dataset.map((row) => new Example(row));
    await evaluate(program, { dataset: rows, metric, resultsFile: file });
    asked.length = 0;
    const edited = rows.with(3, rows[3]!.withInputs("question") as (typeof rows)[0]);
    await evaluate(program, { dataset: edited, metric, resultsFile: file });
    expect(asked).toEqual(["1+4"]);
  });
});
