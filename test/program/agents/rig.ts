import type { Delta } from "../../../src/core/call.ts";
import type { Message, ToolCall } from "../../../src/core/message.ts";
import { type Completion, completion, DriverLM, type DriverLMOptions } from "../../../src/index.ts";

type Parameters = globalThis.Parameters<DriverLMOptions<Completion>["requestFn"]>[0];

/** What the model answers: a text, tool calls, a completion, an error, or what a function of the question says. */
export type Step =
  | string
  | Error
  | Completion
  | {
      readonly calls: readonly (readonly [name: string, given: unknown, id?: string])[];
      readonly text?: string;
    }
  | ((question: Parameters) => Step | Promise<Step>);

export interface Scripted {
  readonly lm: DriverLM<Completion>;
  readonly questions: Parameters[];
}

/** An LM that answers by a script, in order, or by a function of each question. */
export function scripted(
  steps: readonly Step[] | Step,
  options: Partial<DriverLMOptions<Completion>> = {},
): Scripted {
  const questions: Parameters[] = [];
  const lm = new DriverLM<Completion>({
    requestFn: async (question) => {
      questions.push(question);
      const step = Array.isArray(steps) ? steps[questions.length - 1] : (steps as Step);
      if (step === undefined) throw new Error(`the script has no step ${questions.length}`);
      return answerOf(step, question);
    },
    outputFn: (raw) => raw,
    cache: false,
    maxRetries: 0,
    ...options,
  });
  return { lm, questions };
}

async function answerOf(step: Step, question: Parameters): Promise<Completion> {
  if (typeof step === "function") return answerOf(await step(question), question);
  if (step instanceof Error) throw step;
  if (typeof step === "object" && "choices" in step) return step;
  const text = typeof step === "string" ? step : (step.text ?? "");
  for (const piece of text.match(/.{1,4}/gs) ?? []) question.onDelta?.({ text: piece } satisfies Delta);
  const toolCalls = typeof step === "string" ? undefined : step.calls.map(toolCall);
  return completion(text, { inputTokens: 10, outputTokens: 5, ...(toolCalls && { toolCalls }) });
}

function toolCall([name, given, id]: readonly [string, unknown, string?], i: number): ToolCall {
  const argumentsText = typeof given === "string" ? given : JSON.stringify(given);
  let parsed: unknown;
  try {
    parsed = JSON.parse(argumentsText);
  } catch {}
  const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
  return {
    id: id ?? `id_${name}_${i}`,
    name,
    argumentsText,
    arguments: isObject ? (parsed as Record<string, unknown>) : {},
  };
}

/** A call as a model sends it, for tests of tools alone. */
export const callOf = (name: string, given: unknown, id = "c1"): ToolCall => toolCall([name, given, id], 0);

/** What the last tool messages of a question say. */
export const toolTexts = (messages: readonly Message[]): unknown[] =>
  messages.filter(({ role }) => role === "tool").map(({ content }) => content);
