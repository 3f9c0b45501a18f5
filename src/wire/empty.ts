import type { Choice } from "../core/completion.ts";
import { type AnswerFacts, brokenAnswer } from "./answer-facts.ts";

/** A limit or a filter may leave nothing to say; a plain stop may not. */
export function isEmpty(said: unknown, finishReason: Choice["finishReason"]): boolean {
  return said === undefined && finishReason !== "length" && finishReason !== "content_filter";
}

/** The error of an answer that holds nothing: no text, no calls, no thinking, no refusal. */
export function empty(facts: AnswerFacts, rawFinishReason?: string): Error {
  const why = rawFinishReason === undefined ? "" : ` (it ended with ${rawFinishReason.slice(0, 64)})`;
  return brokenAnswer("bad_response", `the answer has neither text nor tool calls${why}`, facts);
}
