import { checkOptions, checks } from "../core/check.ts";
import type { Cost, Usage } from "../core/completion.ts";
import { csv } from "./csv.ts";
import { fieldsOf } from "./data-row.ts";
import { type Interval, intervalOf, meanOf } from "./interval.ts";
import type { Score } from "./metric.ts";
import { plain, plainError } from "./plain.ts";
import { table } from "./table.ts";

/** What came of one row. Without a `score` it does not count: the metric or the provider failed. */
export interface Result<Row = object, Prediction = unknown> extends Partial<Score> {
  readonly index: number;
  readonly example: Row;
  readonly prediction?: Prediction;
  /** Why the row has no prediction or no score. With a score it is the program that failed. */
  readonly error?: unknown;
  /** Of the program's calls; the metric's are not in it. */
  readonly usage: Usage;
  /** Undefined where no price is known. */
  readonly cost: Cost | undefined;
  /** How long the program took, waits included. */
  readonly latencyMs: number;
}

/**
 * What `evaluate` found.
 *
 * ```ts
 * const program = new ChainOfThought("question -> answer");
 * const dataset = [{ question: "What is 1 + 1?", answer: "2" }];
 * const report = await evaluate(program, { dataset, metric: exactMatch("answer") });
 * console.log(report.score, report.interval, report.scored);
 * for (const { index, error } of report.errors) console.log(index, error);
 * console.log(String(report));
 * ```
 */
export class Report<Row = object, Prediction = unknown> {
  /** The mean, in the metric's own unit. */
  readonly score: number;
  /** Where the true mean lies with 95 % confidence; undefined for a single score that is neither 0 nor 1. */
  readonly interval: Interval | undefined;
  /** How many rows count. */
  readonly scored: number;
  /** Every row, in the order of the data set. */
  readonly results: readonly Result<Row, Prediction>[];
  /** The rows that do not count, because the metric or the provider failed. */
  readonly errors: readonly Result<Row, Prediction>[];

  constructor(results: readonly Result<Row, Prediction>[]) {
    const scores = results.map(({ score }) => score).filter((score) => score !== undefined);
    this.score = meanOf(scores);
    this.interval = intervalOf(scores);
    this.scored = scores.length;
    this.results = Object.freeze([...results]);
    this.errors = Object.freeze(results.filter(({ score }) => score === undefined));
    Object.freeze(this);
  }

  /** What the programs of all rows took. */
  get usage(): Usage {
    const sum = (
      name: "inputTokens" | "outputTokens" | "totalTokens" | "cachedInputTokens" | "cacheWriteTokens",
    ) => this.results.reduce((total, { usage }) => total + usage[name], 0);
    return {
      inputTokens: sum("inputTokens"),
      outputTokens: sum("outputTokens"),
      totalTokens: sum("totalTokens"),
      cachedInputTokens: sum("cachedInputTokens"),
      cacheWriteTokens: sum("cacheWriteTokens"),
    };
  }

  /** What they cost; undefined where no price is known. */
  get cost(): Cost | undefined {
    const costs = this.results.map(({ cost }) => cost).filter((cost) => cost !== undefined);
    if (costs.length === 0) return undefined;
    const sum = (name: keyof Cost): number => costs.reduce((total, cost) => total + cost[name], 0);
    return { usd: sum("usd"), saved: sum("saved") };
  }

  /**
   * One line a row, as CSV (RFC 4180), with the fields of example and prediction as columns `example.x` and
   * `prediction.x`; what is no text is JSON. Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a
   * formula, and a model may well write one: `escapeFormulas` puts a `'` before such texts.
   */
  toCSV(options: { readonly escapeFormulas?: boolean } = {}): string {
    checkOptions("toCSV", options, { escapeFormulas: checks.boolean });
    const heads = (owner: string, value: unknown): [string, unknown][] =>
      membersOf(value).map(([name, member]) => [owner + (name === "" ? "" : `.${name}`), member]);
    const lines = this.results.map(
      ({ index, example, prediction, score, feedback, error, usage, cost, latencyMs }) =>
        new Map<string, unknown>([
          ["index", index],
          ...heads("example", example),
          ...heads("prediction", prediction),
          ["score", score],
          ["feedback", feedback],
          ["error", error === undefined ? undefined : reason(error)],
          ["inputTokens", usage.inputTokens],
          ["outputTokens", usage.outputTokens],
          ["costUsd", cost?.usd],
          ["latencyMs", latencyMs],
        ]),
    );
    return csv(lines, options.escapeFormulas ?? false);
  }

  /** Plain data, whatever the rows hold: what JSON has no form for becomes a text. */
  toJSON(): Record<string, unknown> {
    const { score, interval, scored, usage, cost } = this;
    const results = this.results.map(({ error, ...rest }) => ({
      ...rest,
      ...(error !== undefined && { error: plainError(error) }),
    }));
    const errors = this.errors.map(({ index, error }) => ({ index, ...plainError(error) }));
    return plain({ score, interval, scored, usage, cost, errors, results }) as Record<string, unknown>;
  }

  /** The score and the first rows, for people. */
  toString(rows = 10): string {
    const failed = this.results.filter(
      ({ score, error }) => score !== undefined && error !== undefined,
    ).length;
    const { interval, cost } = this;
    const range = interval ? `, 95 % interval ${number(interval.low)} to ${number(interval.high)}` : "";
    const head = [
      `score ${number(this.score)}${range}`,
      `${this.scored} of ${this.results.length} rows scored${failed > 0 ? `, ${failed} of them failed` : ""}`,
      ...(this.errors.length > 0
        ? [`rows that do not count: ${this.errors.length}, the first by ${reason(this.errors[0]!.error)}`]
        : []),
      ...(cost ? [`$${number(cost.usd)} spent, $${number(cost.saved)} saved`] : []),
    ];
    const shown = this.results.slice(0, rows);
    const more = this.results.length - shown.length;
    const lines = shown.map(({ index, score, latencyMs, example, prediction, error }) => [
      String(index),
      score === undefined ? "" : number(score),
      `${Math.round(latencyMs)} ms`,
      summary(fieldsOf(example as object)),
      error === undefined ? summary(prediction) : `failed: ${reason(error)}`,
    ]);
    return [
      ...head,
      "",
      table(["row", "score", "time", "example", "prediction"], lines, 44),
      ...(more > 0 ? [`and ${more} more`] : []),
    ].join("\n");
  }
}

/** The members of an object; of anything else the value itself, under no name. */
function membersOf(value: unknown): [string, unknown][] {
  if (value === undefined) return [];
  return checks.plainObject(value) === undefined ? Object.entries(value as object) : [["", value]];
}

function reason(error: unknown): string {
  const { code, message } = plainError(error);
  return code === undefined ? message : `${code}: ${message}`;
}

/** Four digits that say something. */
function number(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function summary(value: unknown): string {
  if (typeof value === "string") return value;
  const entries = membersOf(value).map(([name, member]) => {
    const text = typeof member === "string" ? member : (JSON.stringify(plain(member)) ?? "");
    return name === "" ? text : `${name}: ${text}`;
  });
  return entries.join(" | ");
}
