import type { Trace } from "../program/trace.ts";

/** What a metric is told beside the example and the prediction. */
export interface MetricContext {
  /** What the program's predictors saw and said. */
  readonly trace: Trace;
  /** Aborts when the metric's time is up or the run is stopped. */
  readonly signal: AbortSignal;
  /** Why it is asked: to measure a program, to pick demonstrations, or for feedback to learn from. */
  readonly purpose: "evaluate" | "bootstrap" | "reflect";
}

/** What is said to one predictor of a program. */
export interface PredictorFeedback {
  readonly feedback: string;
  readonly score?: number;
}

/** A score with what a metric may say of it. */
export interface ScoreDetails {
  readonly score: number | boolean;
  /** Why: for people, and for optimizers that learn from it. */
  readonly feedback?: string;
  /** Scores by objective, where there are several. */
  readonly objectives?: Readonly<Record<string, number>>;
  /** By the predictor's name. */
  readonly perPredictor?: Readonly<Record<string, string | PredictorFeedback>>;
}

export type MetricResult = number | boolean | ScoreDetails;

/**
 * Says how good a prediction is: higher is better, in a unit of its own. The example is the whole row of data.
 *
 * ```ts
 * const short: Metric<object, { answer: string }> = (_, prediction) => prediction.answer.length < 20;
 * ```
 */
export type Metric<
  Row = Readonly<Record<string, unknown>>,
  Prediction = Readonly<Record<string, unknown>>,
> = (example: Row, prediction: Prediction, context: MetricContext) => MetricResult | Promise<MetricResult>;

/** A metric's result in one form. */
export interface Score {
  readonly score: number;
  readonly feedback?: string;
  readonly objectives?: Readonly<Record<string, number>>;
  readonly perPredictor?: Readonly<Record<string, PredictorFeedback>>;
}
