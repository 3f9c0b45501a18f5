import { wrongOption } from "./check.ts";
import type { AssistantMessage, ToolCall } from "./message.ts";

/** Why a model stopped, in one vocabulary for all providers. */
export const finishReasons = ["stop", "length", "tool_calls", "content_filter", "error", "other"] as const;
export type FinishReason = (typeof finishReasons)[number];

/** Tokens of one call, in one vocabulary; `raw` is what the provider sent. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
  /** Input tokens that the provider read from its own prompt cache; part of `inputTokens`. */
  readonly cachedInputTokens: number;
  /** Input tokens that the provider wrote to its prompt cache; part of `inputTokens`. */
  readonly cacheWriteTokens: number;
  /** Output tokens spent on thinking; part of `outputTokens`. */
  readonly reasoningTokens?: number;
  readonly raw?: unknown;
}

/** What a call cost, and what a provider's or our own cache saved, in US dollars. */
export interface Cost {
  readonly usd: number;
  readonly saved: number;
}

export interface Choice {
  readonly index: number;
  readonly message: AssistantMessage;
  readonly finishReason: FinishReason;
  /** The provider's own word. */
  readonly rawFinishReason?: string;
}

/** A finished answer: plain data, the same shape from every driver. */
export interface Completion {
  /** The first choice's text. */
  readonly text: string;
  readonly choices: readonly Choice[];
  readonly usage: Usage;
  /** Undefined where no price is known. */
  readonly cost?: Cost;
  /** The model that answered, as the provider names it. */
  readonly model: string;
  /** True when this answer came from trunkline's cache; its spend is then zero. */
  readonly cacheHit: boolean;
  /** The provider's id of the answer. */
  readonly id?: string;
}

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
