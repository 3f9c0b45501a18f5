import type { Completion } from "../../core/completion.ts";
import { brokenAnswer } from "../answer-facts.ts";
import type { GrowingAnswer } from "../growing-answer.ts";
import { isObject, memberOf, textIn } from "../json-value.ts";
import { decodeUsage } from "../openai-chat/usage.ts";

/** The name under which a turn keeps this wire's own items. */
export const wireName = "openai-responses";

/** Encrypted thinking that the next turn may bring back. */
export function keepReasoning(answer: GrowingAnswer, items: readonly unknown[]): void {
  const kept = items
    .filter((item) => memberOf(item, "type") === "reasoning" && textIn(memberOf(item, "encrypted_content")))
    .map((item) => {
      const { id, type, summary, encrypted_content } = item as Record<string, unknown>;
      return { id, type, summary, encrypted_content };
    });
  if (kept.length > 0) answer.keep({ [wireName]: kept });
}

/** The texts of a reasoning item: its summary, or its own words where a server shows them. */
export function reasoningIn({ summary, content }: Record<string, unknown>): string {
  const texts = (list: unknown): string[] =>
    Array.isArray(list) ? list.flatMap((each) => textIn(memberOf(each, "text")) ?? []) : [];
  const own = texts(content);
  return (own.length > 0 ? own : texts(summary)).join("\n\n");
}

/** Ends an answer by what its response says of itself: completed, incomplete for a reason, or failed. */
export function finishResponse(answer: GrowingAnswer, response: Record<string, unknown>): Completion {
  const { status, error, output } = response;
  answer.id ??= textIn(response.id);
  answer.model ??= textIn(response.model);
  if (isObject(response.usage)) answer.usage = decodeUsage(response.usage);
  if (isObject(error) || status === "failed")
    throw answer.failed({ error: error ?? { code: "server_error" } });
  const reason = finishWord(response);
  if (reason === undefined) {
    const said = typeof status === "string" ? status.slice(0, 64) : "nothing";
    throw brokenAnswer(
      "incomplete",
      `the response is not complete (its status is ${said})`,
      answer.facts,
      answer.progress(),
    );
  }
  if (Array.isArray(output)) keepReasoning(answer, output);
  answer.finish(reason);
  return answer.complete();
}

/** Why a response ended, or undefined where it did not. */
function finishWord({ status, incomplete_details }: Record<string, unknown>): string | undefined {
  if (status === "completed") return "stop";
  return status === "incomplete"
    ? (textIn(memberOf(incomplete_details, "reason")) ?? "incomplete")
    : undefined;
}
