import type { ChatRequest } from "../../core/request.ts";

/** The API wants a bound; this is ours where a call sets none. */
export const defaultMaxTokens = 4_096;

type Effort = NonNullable<ChatRequest["reasoningEffort"]>;

/** Tokens for thinking, for models that want a number, and room for it on top of the default bound for all. */
const budgets: Readonly<Record<Exclude<Effort, "none">, number>> = {
  minimal: 1_024,
  low: 2_048,
  medium: 8_192,
  high: 16_384,
  xhigh: 32_768,
};

/** The smallest budget that the API takes. */
const smallest = 1_024;

/** Models that take a budget of tokens; those that came later decide by themselves, led by an effort. */
const budgeted = /claude-(?:3|(?:opus|sonnet|haiku)-4-(?:[015](?:\D|$)|\d{8}))/;

/** What a request says about thinking, and the bound of its answer, which thinking is part of. */
export interface Thinking {
  readonly maxTokens: number;
  readonly thinking?: object;
  readonly effort?: string;
}

export function thinkingOf(model: string, { reasoningEffort: effort, maxTokens }: ChatRequest): Thinking {
  if (effort === undefined) return { maxTokens: maxTokens ?? defaultMaxTokens };
  if (effort === "none") {
    return { maxTokens: maxTokens ?? defaultMaxTokens, thinking: { type: "disabled" } };
  }
  const bound = maxTokens ?? defaultMaxTokens + budgets[effort];
  if (!budgeted.test(model)) {
    return {
      maxTokens: bound,
      // Newer models keep their thinking to themselves unless asked.
      thinking: { type: "adaptive", display: "summarized" },
      effort: effort === "minimal" ? "low" : effort,
    };
  }
  const budget = Math.max(smallest, Math.min(budgets[effort], bound - smallest));
  return { maxTokens: bound, thinking: { type: "enabled", budget_tokens: budget } };
}
