import { type Check, checkOptions, checks, show, wrongOption } from "../core/check.ts";
import type { Clock } from "../core/clock.ts";
import { sideOf, TrunklineError } from "../core/errors.ts";
import { identityOf, identityOfFunction } from "../program/identity.ts";
import { traced } from "../program/in-run.ts";
import { isModule } from "../program/own.ts";
import {
  collected,
  eachRow,
  keepRows,
  processClock,
  type Row as RowOf,
  type RowsOptions,
  rowsChecks,
  type Source,
} from "../program/rows.ts";
import { type Trace, traceOf } from "../program/trace.ts";
import { checkedRow, fieldsOf, inputsFor } from "./data-row.ts";
import { markedInputs } from "./example.ts";
import { measure } from "./measure.ts";
import type { Metric } from "./metric.ts";
import { Report, type Result } from "./report.ts";

/** How `evaluate` goes. */
export interface EvaluateOptions<Row, Prediction> extends Omit<RowsOptions, "ordered" | "window"> {
  /** The rows: plain objects or Examples, as a list, an iterable or an async iterable. */
  readonly dataset: Source<Row>;
  readonly metric: Metric<Row, Prediction>;
  /** The score of a row whose program failed by itself. Default 0. */
  readonly failureScore?: number;
  /** How long a metric may take for one row, in milliseconds. Default 60,000. */
  readonly metricTimeout?: number;
}

/** What `evaluate` measures: a Module, or a function from inputs to a prediction. */
export type Program = { forward(inputs: never): unknown } | ((inputs: never) => unknown);

const { ordered: _, window: __, ...runChecks } = rowsChecks;
const optionChecks: Readonly<Record<string, Check>> = {
  ...runChecks,
  dataset: () => undefined,
  metric: checks.fn,
  failureScore: checks.finite,
  metricTimeout: checks.duration,
};

/**
 * Runs a program over a data set and scores each prediction. A row whose program fails by itself scores `failureScore`;
 * one whose metric or provider fails is no score at all: it is left out of the mean and listed in `report.errors`. A
 * run that is stopped, by an outage say, rejects with the finished results in the error's `rows`.
 *
 * ```ts
 * const program = new ChainOfThought("question -> answer");
 * const dataset = [{ question: "What is 1 + 1?", answer: "2" }];
 * const report = await evaluate(program, { dataset, metric: exactMatch("answer") });
 * console.log(report.score, report.interval);
 * ```
 */
export function evaluate<M extends { forward(inputs: never): unknown }, Row extends object>(
  program: M,
  options: EvaluateOptions<Row, Awaited<ReturnType<M["forward"]>>>,
): Promise<Report<Row, Awaited<ReturnType<M["forward"]>>>>;
export function evaluate<Row extends object, Prediction>(
  program: (inputs: Row) => Prediction | Promise<Prediction>,
  options: EvaluateOptions<Row, Prediction>,
): Promise<Report<Row, Prediction>>;
export function evaluate(program: Program, options: EvaluateOptions<object, never>): Promise<Report> {
  return evaluateBy(processClock(), program, options);
}

/** `evaluate`, by the time of a clock. */
export async function evaluateBy<Row extends object, Prediction>(
  clock: Clock,
  program: Program,
  options: EvaluateOptions<Row, Prediction>,
): Promise<Report<Row, Prediction>> {
  check(program, options);
  const run = new Evaluation(clock, program, options);
  const results = await collected(run.results());
  if (results.length === 0) throw empty();
  const report = new Report(results);
  if (report.scored > 0) return report;
  const { error } = report.errors[0]!;
  const { code, message } = error as TrunklineError;
  const why = `evaluate: none of the ${results.length} rows could be scored: ${message}`;
  throw new TrunklineError(code, why, { cause: error, rows: results, done: results.length });
}

function check(program: unknown, options: { readonly dataset: unknown; readonly metric: unknown }): void {
  if (!isModule(program) && (typeof program !== "function" || /^class\b/.test(String(program)))) {
    const hint = typeof program === "function" ? "a class; pass an instance of it" : show(program);
    throw new TrunklineError(
      "config",
      `evaluate: expected a Module or a function of the inputs, got ${hint}`,
    );
  }
  if (options === undefined) throw new TrunklineError("config", "evaluate: pass { dataset, metric }");
  checkOptions("evaluate", options, optionChecks);
  const { dataset, metric } = options;
  if (dataset === undefined) throw wrongOption("evaluate: dataset", "rows in a list or an iterable", dataset);
  if (metric === undefined) throw wrongOption("evaluate: metric", "a function", metric);
  if (!Array.isArray(dataset)) return;
  if (dataset.length === 0) throw empty();
  for (const [index, row] of dataset.entries()) checkedRow(row, index);
}

function empty(): TrunklineError {
  return new TrunklineError("config", "evaluate: dataset: it has no rows, so there is nothing to measure");
}

/** What is known of one row. */
type Outcome<Prediction> = Omit<Result<unknown, Prediction>, "index" | "example">;

/** Whether a file's word on a row is one that counts: somebody may have edited it. */
function isOutcome(value: unknown): boolean {
  const { score, error, usage } = Object(value) as Partial<Outcome<unknown>>;
  return (error !== undefined || Number.isFinite(score)) && checks.plainObject(usage) === undefined;
}

class Evaluation<Row extends object, Prediction> {
  readonly #clock: Clock;
  readonly #program: Program;
  readonly #options: EvaluateOptions<Row, Prediction>;
  /** Rows in work, or finished and not yet taken. */
  readonly #known = new Map<number, { row: Row; outcome?: Outcome<Prediction> }>();

  constructor(clock: Clock, program: Program, options: EvaluateOptions<Row, Prediction>) {
    this.#clock = clock;
    this.#program = program;
    this.#options = options;
  }

  async *results(): AsyncGenerator<Result<Row, Prediction>> {
    const { dataset, metric, resultsFile, ...run } = this.#options;
    const clock = this.#clock;
    const score = (row: Row, index: number): Promise<Outcome<Prediction>> => this.#score(row, index);
    const kept =
      resultsFile === undefined
        ? undefined
        : await keepRows({
            clock,
            path: resultsFile,
            identity: {
              run: "evaluate",
              ...identityOf(this.#program as never),
              metric: identityOfFunction(metric),
            },
            source: dataset,
            work: score,
            inputOf: (row) => ({ row: fieldsOf(row), inputs: markedInputs(row) }),
            isWhole: isOutcome,
            finishes: () => false,
          });
    const work = this.#work(kept?.work ?? score);
    try {
      // All results are held in any case, so no slow row need hold up the others.
      const held = { ...run, window: Number.MAX_SAFE_INTEGER };
      for await (const row of eachRow(clock, dataset, work, held, { priority: "evaluation" })) {
        yield this.#take(row);
      }
    } finally {
      await kept?.close();
    }
  }

  /** One row's work. What failed rejects, so that the run counts it, stops or tries again as its error says. */
  #work(score: (row: Row, index: number) => Promise<Outcome<Prediction>>) {
    const { failureScore = 0 } = this.#options;
    return async (row: Row, index: number): Promise<void> => {
      const known: { row: Row; outcome?: Outcome<Prediction> } = { row: checkedRow(row, index) as Row };
      this.#known.set(index, known);
      const outcome = await score(row, index);
      if (outcome.error === undefined) {
        known.outcome = outcome;
        return;
      }
      known.outcome = { ...outcome, score: failureScore };
      throw outcome.error;
    };
  }

  #take({ index }: RowOf<void>): Result<Row, Prediction> {
    const { row, outcome } = this.#known.get(index)!;
    this.#known.delete(index);
    return Object.freeze({ index, example: row, ...outcome! });
  }

  /** A row that counts: it has a score, or its program failed. Rejects where neither can be said. */
  async #score(row: Row, index: number): Promise<Outcome<Prediction>> {
    const started = this.#clock.now();
    let done: { value: Prediction; trace: Trace };
    try {
      done = await this.#run(inputsFor(this.#program, row));
    } catch (thrown) {
      const error = thrown ?? new TypeError(`the program threw ${thrown}`);
      const failed = { error, ...this.#facts(traceOf(error), started) };
      if (sideOf(error) === "row") return failed;
      this.#known.get(index)!.outcome = failed;
      throw error;
    }
    const { value: prediction, trace } = done;
    const facts = this.#facts(trace, started);
    const { metric, metricTimeout = 60_000 } = this.#options;
    const asked = { example: row, prediction, trace, purpose: "evaluate", name: `row ${index}` } as const;
    try {
      return { prediction, ...(await measure(this.#clock, metric, metricTimeout, asked)), ...facts };
    } catch (error) {
      this.#known.get(index)!.outcome = { prediction, error, ...facts };
      throw error;
    }
  }

  async #run(inputs: unknown): Promise<{ value: Prediction; trace: Trace }> {
    const program = this.#program;
    if (typeof program === "function") {
      return traced(async () => (await program(inputs as never)) as Prediction);
    }
    const { prediction, trace } = await (program as unknown as Runnable<Prediction>).run(inputs);
    return { value: prediction, trace };
  }

  #facts(trace: Trace | undefined, started: number): Pick<Result, "usage" | "cost" | "latencyMs"> {
    return {
      usage: trace?.usage ?? noUsage,
      cost: trace?.cost,
      latencyMs: this.#clock.now() - started,
    };
  }
}

interface Runnable<Prediction> {
  run(inputs: unknown): Promise<{ prediction: Prediction; trace: Trace }>;
}

const noUsage = Object.freeze({
  inputTokens: 0,
  outputTokens: 0,
  totalTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
});
