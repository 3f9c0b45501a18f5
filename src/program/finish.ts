import type { Completion, FinishReason } from "../core/completion.ts";
import { TrunklineError } from "../core/errors.ts";

/** Why an answer that ended like this is no answer: whatever its text looks like, it was cut or withheld. */
const reasons: Readonly<
  Partial<Record<FinishReason, readonly [code: "incomplete" | "content_filter", why: string]>>
> = {
  length: ["incomplete", "the answer was cut at its length limit; raise maxTokens, or ask for less"],
  error: ["incomplete", "the provider ended the answer with an error"],
  content_filter: ["content_filter", "the model or its provider withheld the answer"],
};

/** The error of an answer that is not whole, or undefined. */
export function unfinished(finishReason: FinishReason, answer: Completion): TrunklineError | undefined {
  const reason = reasons[finishReason];
  return reason && new TrunklineError(reason[0], reason[1], { partial: answer, model: answer.model });
}
