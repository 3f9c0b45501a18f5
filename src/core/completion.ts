import { type Completion, type FinishReason, finishReasons, type Usage } from "./answer.ts";
import { wrongOption } from "./check.ts";
import type { ToolCall } from "./message.ts";

export type { Choice, Completion, Cost, FinishReason, Usage } from "./answer.ts";
export { finishReasons } from "./answer.ts";

export interface CompletionDetails {
  inputTokens?: number;
  outputTokens?: number;
  cachedInputTokens?: number;
  cacheWriteTokens?: number;
  reasoningTokens?: number;
  rawUsage?: unknown;
  finishReason?: FinishReason;
  rawFinishReason?: string;
  toolCalls?: readonly ToolCall[];
  reasoning?: string;
  model?: string;
  id?: string;
}

/** Usage with every count filled in and checked. */
export function usageOf(details: CompletionDetails): Usage {
  const inputTokens = tokens(details, "inputTokens");
  const outputTokens = tokens(details, "outputTokens");
  return {
    inputTokens,
    outputTokens,
    totalTokens: inputTokens + outputTokens,
    cachedInputTokens: tokens(details, "cachedInputTokens"),
    cacheWriteTokens: tokens(details, "cacheWriteTokens"),
    ...(details.reasoningTokens !== undefined && { reasoningTokens: tokens(details, "reasoningTokens") }),
    ...(details.rawUsage !== undefined && { raw: details.rawUsage }),
  };
}

type TokenField =
  | "inputTokens"
  | "outputTokens"
  | "cachedInputTokens"
  | "cacheWriteTokens"
  | "reasoningTokens";

function tokens(details: CompletionDetails, field: TokenField): number {
  const value = details[field] ?? 0;
  if (!Number.isSafeInteger(value) || value < 0) {
    throw wrongOption(`completion: ${field}`, "a whole number of 0 or more", value);
  }
  return value;
}

/**
 * A completion with one choice, for drivers and tests.
 *
 * ```ts
 * completion("Hi.", { inputTokens: 3, outputTokens: 2, finishReason: "stop" });
 * ```
 */
export function completion(text: string, details: CompletionDetails = {}): Completion {
  if (typeof text !== "string") throw wrongOption("completion: text", "a string", text);
  const finishReason = details.finishReason ?? (details.toolCalls?.length ? "tool_calls" : "stop");
  if (!finishReasons.includes(finishReason)) {
    throw wrongOption("completion: finishReason", `one of ${finishReasons.join(", ")}`, finishReason);
  }
  return {
    text,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: text,
          ...(details.toolCalls?.length && { toolCalls: details.toolCalls }),
          ...(details.reasoning && { reasoning: details.reasoning }),
        },
        finishReason,
        ...(details.rawFinishReason !== undefined && { rawFinishReason: details.rawFinishReason }),
      },
    ],
    usage: usageOf(details),
    model: details.model ?? "",
    cacheHit: false,
    ...(details.id !== undefined && { id: details.id }),
  };
}
