import type { Choice, Completion } from "../../core/completion.ts";
import { type AnswerFacts, brokenAnswer } from "../answer-facts.ts";
import { assistant } from "../assistant.ts";
import { empty, isEmpty } from "../empty.ts";
import { decodeFinish } from "../finish.ts";
import { errorOf } from "../http-error.ts";
import { objectIn, without } from "../json-answer.ts";
import { isObject, textIn } from "../json-value.ts";
import { decodeToolCalls } from "../tool-pieces.ts";
import { reasoningOf, textOfContent } from "./content.ts";
import { decodeUsage } from "./usage.ts";

/** Reads a whole answer. An error inside a 200 is the error that its code stands for. */
export function decodeAnswer(body: string, facts: AnswerFacts): Completion {
  const answer = objectIn(body, facts);
  if (answer.error || !Array.isArray(answer.choices) || answer.choices.length === 0) {
    throw without("choices", answer, facts);
  }
  const read = answer.choices.map((choice, place) => readChoice(choice, place, facts));
  const choices = read.map((each) => each.choice);
  // The n choices of one answer may come in any order.
  if (choices.length > 1) choices.sort((a, b) => a.index - b.index);
  const id = textIn(answer.id);
  const completion: Completion = {
    text: choices[0]!.message.content,
    choices,
    usage: decodeUsage(answer.usage),
    model: textIn(answer.model) ?? facts.model,
    cacheHit: false,
    ...(id !== undefined && { id }),
  };
  const failed = read.find((each) => each.error !== undefined);
  if (failed !== undefined) {
    throw errorOf({ error: failed.error }, facts, completion.text === "" ? {} : { partial: completion });
  }
  if (read.every((each) => each.empty)) throw empty(facts);
  return completion;
}

interface ReadChoice {
  readonly choice: Choice;
  /** An error that the provider put inside the choice. */
  readonly error: unknown;
  /** Nothing was said, and no reason explains it. */
  readonly empty: boolean;
}

function readChoice(choice: unknown, place: number, facts: AnswerFacts): ReadChoice {
  if (!isObject(choice) || !(isObject(choice.message) || choice.error)) {
    throw brokenAnswer("bad_response", `choice ${place} of the answer has no message`, facts);
  }
  const message = isObject(choice.message) ? choice.message : {};
  const said = textOfContent(message.content);
  const refusal = textIn(message.refusal);
  const reasoning = reasoningOf(message);
  const toolCalls = decodeToolCalls(message.tool_calls, facts);
  const rawFinishReason = textIn(choice.finish_reason);
  const finishReason = decodeFinish(rawFinishReason, toolCalls !== undefined, refusal !== undefined);
  const { index } = choice;
  return {
    choice: {
      index: Number.isSafeInteger(index) && (index as number) >= 0 ? (index as number) : place,
      message: assistant(said || refusal || "", toolCalls, reasoning),
      finishReason,
      ...(rawFinishReason !== undefined && { rawFinishReason }),
    },
    error: choice.error || (finishReason === "error" ? { type: "server_error" } : undefined),
    empty: isEmpty(said ?? refusal ?? reasoning ?? toolCalls, finishReason),
  };
}
