import type { AssistantMessage } from "./message.ts";

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
  /** The answer to an embed request, which has no choices: one vector for each text, in order. */
  readonly vectors?: readonly (readonly number[])[];
}

/** What a model's tokens cost, in US dollars per million of them. */
export interface Price {
  readonly input: number;
  readonly output: number;
  /** Input tokens read from the provider's prompt cache. Default: `input`. */
  readonly cachedInput?: number;
  /** Input tokens written to the provider's prompt cache. Default: `input`. */
  readonly cacheWrite?: number;
}
