import type { Clock } from "../core/clock.ts";
import { sideOf, TrunklineError } from "../core/errors.ts";
import { abortError, onAbort } from "../core/signals.ts";
import { thrownText } from "../core/thrown.ts";
import { currentScope, runInScope } from "../program/rows.ts";
import type { Trace } from "../program/trace.ts";
import type { Metric, MetricContext, Score } from "./metric.ts";
import { NoScore, scoreOf } from "./score.ts";

/** One prediction to be scored. */
export interface Measurement<Row, Prediction> {
  readonly example: Row;
  readonly prediction: Prediction;
  readonly trace: Trace;
  readonly purpose: MetricContext["purpose"];
  /** How an error calls the example, such as `row 3`. */
  readonly name: string;
}

/**
 * Asks a metric once. What goes wrong in the metric is a `metric` error that names the example; a failure of the
 * provider, of a judge's call say, stays what it is, for it says nothing of the prediction.
 */
export async function measure<Row, Prediction>(
  clock: Clock,
  metric: Metric<Row, Prediction>,
  timeout: number,
  { example, prediction, trace, purpose, name }: Measurement<Row, Prediction>,
): Promise<Score> {
  const outer = currentScope()?.signals ?? [];
  const aborted = outer.find((each) => each.aborted);
  if (aborted) throw abortError(aborted);
  const controller = new AbortController();
  const { signal } = controller;
  const late = Promise.withResolvers<never>();
  const leave = (error: TrunklineError): void => {
    controller.abort(error);
    late.reject(error);
  };
  const ask = async (): Promise<unknown> => metric(example, prediction, { trace, signal, purpose });
  const unlink = outer.map((each) => onAbort(each, leave));
  const timer = clock.after(timeout, () =>
    leave(failure(name, `it had not settled after ${timeout} ms (metricTimeout)`)),
  );
  try {
    return scoreOf(await Promise.race([runInScope({ signals: [signal] }, ask), late.promise]));
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof NoScore) throw failure(name, error.message, error);
    if (sideOf(error) !== "row") throw error;
    throw failure(name, thrownText(error), error);
  } finally {
    timer.cancel();
    for (const each of unlink) each();
  }
}

function failure(name: string, what: string, cause?: unknown): TrunklineError {
  return new TrunklineError("metric", `metric: ${name}: ${what}`, { cause });
}
