import type { Completion } from "../../core/completion.ts";
import type { AnswerFacts } from "../answer-facts.ts";
import { GrowingAnswer } from "../growing-answer.ts";
import { objectIn, without } from "../json-answer.ts";
import { textIn } from "../json-value.ts";
import { Blocks } from "./blocks.ts";
import { decodeUsage } from "./usage.ts";

/** Reads a whole message. */
export function decodeMessage(body: string, facts: AnswerFacts): Completion {
  const message = objectIn(body, facts);
  if (message.error || !Array.isArray(message.content)) throw without("content", message, facts);
  const answer = new GrowingAnswer(facts);
  const blocks = new Blocks(answer);
  for (const [index, block] of message.content.entries()) blocks.start(index, block);
  answer.id = textIn(message.id);
  answer.model = textIn(message.model);
  answer.usage = decodeUsage(message.usage);
  const reason = textIn(message.stop_reason);
  if (reason !== undefined) answer.finish(reason);
  blocks.end();
  return answer.complete();
}
