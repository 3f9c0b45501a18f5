import type { Completion } from "../../core/completion.ts";
import type { AnswerFacts } from "../answer-facts.ts";
import { GrowingAnswer } from "../growing-answer.ts";
import { objectIn, without } from "../json-answer.ts";
import { Parts } from "./parts.ts";

/** Reads a whole response. */
export function decodeContent(body: string, facts: AnswerFacts): Completion {
  const response = objectIn(body, facts);
  const answer = new GrowingAnswer(facts);
  const parts = new Parts(answer);
  if (response.error) throw without("candidates", response, facts);
  parts.read(response);
  if (!answer.begun) throw without("candidates", response, facts);
  parts.end();
  return answer.complete();
}
