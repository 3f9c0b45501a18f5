import type { Completion } from "../../core/completion.ts";
import type { AnswerFacts } from "../answer-facts.ts";
import { GrowingAnswer } from "../growing-answer.ts";
import { objectIn, without } from "../json-answer.ts";
import { isObject, textIn } from "../json-value.ts";
import { finishResponse, reasoningIn } from "./output.ts";

/** Reads a whole response. */
export function decodeResponse(body: string, facts: AnswerFacts): Completion {
  const response = objectIn(body, facts);
  if (!Array.isArray(response.output)) throw without("output", response, facts);
  const answer = new GrowingAnswer(facts);
  for (const [index, item] of response.output.entries()) readItem(answer, item, index);
  return finishResponse(answer, response);
}

/** One item of the output. Kinds that are not ours (searches of the server) are read over. */
function readItem(answer: GrowingAnswer, item: unknown, index: number): void {
  if (!isObject(item)) throw answer.broken("an output item that is not a JSON object");
  if (item.type === "message" && Array.isArray(item.content)) {
    for (const part of item.content) readPart(answer, part);
  } else if (item.type === "reasoning") answer.reasoning(reasoningIn(item));
  else if (item.type === "function_call") {
    answer.piece({ index, id: item.call_id, function: { name: item.name, arguments: item.arguments } });
  }
}

function readPart(answer: GrowingAnswer, part: unknown): void {
  if (!isObject(part)) throw answer.broken("a content part that is not a JSON object");
  if (part.type === "output_text" && typeof part.text === "string") answer.text(part.text);
  if (part.type === "refusal") answer.refusal(textIn(part.refusal) ?? "");
}
