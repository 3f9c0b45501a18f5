import type { ChatRequest } from "../../core/request.ts";

type Effort = NonNullable<ChatRequest["reasoningEffort"]>;

/** Gemini 2.5 counts thinking in tokens; the numbers are those of Google's OpenAI face. */
const budgets: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 1_024,
  low: 1_024,
  medium: 8_192,
  high: 24_576,
  xhigh: 24_576,
};

/** Later models have levels, and no way to think not at all. */
const levels: Readonly<Record<Effort, string>> = {
  none: "minimal",
  minimal: "minimal",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "high",
};

/** What a request says about thinking; thoughts are asked for only where thinking is. */
export function thinkingOf(model: string, effort: Effort | undefined): object | undefined {
  if (effort === undefined) return undefined;
  const includeThoughts = effort === "none" ? undefined : true;
  return /gemini-2/.test(model)
    ? { thinkingBudget: budgets[effort], includeThoughts }
    : { thinkingLevel: levels[effort], includeThoughts };
}
