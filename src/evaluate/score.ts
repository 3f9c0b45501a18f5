import { checks, kind } from "../core/check.ts";
import type { PredictorFeedback, Score } from "./metric.ts";

/** What a metric returned is not what a metric may return. */
export class NoScore extends Error {}

/** What a metric returned, in one form. Throws NoScore where it is none: NaN would win or lose every comparison. */
export function scoreOf(result: unknown): Score {
  if (typeof result !== "object" || result === null) return { score: numberOf(result, "") };
  const { score, feedback, objectives, perPredictor } = result as Record<string, unknown>;
  if (feedback !== undefined && typeof feedback !== "string") throw wrong("feedback", "a string", feedback);
  return {
    score: numberOf(score, "score"),
    ...(feedback !== undefined && { feedback }),
    ...(objectives !== undefined && { objectives: eachOf("objectives", objectives, numberOf) }),
    ...(perPredictor !== undefined && {
      perPredictor: eachOf("perPredictor", perPredictor, predictorFeedback),
    }),
  };
}

function numberOf(value: unknown, place: string): number {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (Number.isFinite(value)) return value as number;
  throw wrong(place, "a finite number, true or false", value);
}

function predictorFeedback(value: unknown, place: string): PredictorFeedback {
  if (typeof value === "string") return { feedback: value };
  if (checks.plainObject(value) !== undefined) throw wrong(place, "a text or { feedback, score }", value);
  const { feedback = "", score } = value as Record<string, unknown>;
  if (typeof feedback !== "string") throw wrong(`${place}.feedback`, "a string", feedback);
  return { feedback, ...(score !== undefined && { score: numberOf(score, `${place}.score`) }) };
}

function eachOf<T>(
  place: string,
  given: unknown,
  read: (value: unknown, place: string) => T,
): Record<string, T> {
  if (checks.plainObject(given) !== undefined) throw wrong(place, "an object", given);
  const entries = Object.entries(given as object);
  return Object.fromEntries(entries.map(([name, value]) => [name, read(value, `${place}.${name}`)]));
}

function wrong(place: string, expected: string, came: unknown): NoScore {
  const hint =
    place === "" && typeof came === "function" ? "; was it made by a call, as exactMatch() is?" : "";
  const where = place === "" ? "" : `${place}: `;
  return new NoScore(
    `${where}expected ${expected}${place === "" ? ", or { score, feedback }" : ""}, got ${kind(came)}${hint}`,
  );
}
