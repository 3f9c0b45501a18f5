import type { Plan, Reading } from "../adapter/adapter.ts";
import type { Choice, Completion, FinishReason } from "../core/completion.ts";
import type { FieldValues } from "../signature/check.ts";
import { describe } from "../signature/check.ts";

/** What came of one choice of an answer: its outputs, a text that does not fit, or no answer at all. */
export type Outcome =
  | { readonly outputs: FieldValues }
  | { readonly problem: string; readonly text: string }
  | Unfinished;

/** A choice that was cut or withheld. */
export interface Unfinished {
  readonly code: "incomplete" | "content_filter";
  readonly why: string;
}

/** Why a choice that ended like this is no answer: whatever its text looks like, it was cut or withheld. */
const unfinished: Readonly<
  Partial<Record<FinishReason, readonly [code: "incomplete" | "content_filter", why: string]>>
> = {
  length: ["incomplete", "the answer was cut at its length limit; raise maxTokens, or ask for less"],
  error: ["incomplete", "the provider ended the answer with an error"],
  content_filter: ["content_filter", "the model or its provider withheld the answer"],
};

/** Every choice of an answer, read. */
export function outcomesOf(plan: Plan, answer: Completion): Promise<readonly Outcome[]> {
  return Promise.all(answer.choices.map((choice) => outcomeOf(plan, choice)));
}

/** One choice of an answer, read. A promise only where a check of its outputs is one. */
export function outcomeOf(plan: Plan, choice: Choice): Outcome | Promise<Outcome> {
  const why = unfinished[choice.finishReason];
  if (why !== undefined) return { code: why[0], why: why[1] };
  const decide = ({ values, problems }: Reading): Outcome =>
    problems.length === 0
      ? { outputs: Object.freeze(values) }
      : { text: choice.message.content, problem: emptiness(choice) ?? describe(problems) };
  const reading = plan.read(choice.message.content);
  return reading instanceof Promise ? reading.then(decide) : decide(reading);
}

/** What is there in place of a text, where there is none. */
function emptiness({ message: { content, reasoning, toolCalls } }: Choice): string | undefined {
  if (content.trim() !== "") return undefined;
  if (toolCalls?.length) return "the answer has no text, only a tool call";
  return reasoning ? "the answer has no text, only thinking" : "the answer is empty";
}
