import type { Usage } from "../core/completion.ts";

/** A count of tokens: what is no number, or below 0, is 0; the raw usage shows what came. */
export function count(value: unknown): number {
  return typeof value === "number" && value > 0 && value <= Number.MAX_SAFE_INTEGER ? Math.round(value) : 0;
}

/** Usage of an answer that told none. */
export const noUsage: Usage = Object.freeze({
  inputTokens: 0,
  outputTokens: 0,
  totalTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
});

/** The counts of one answer as a provider told them, its own sums taken apart. */
export interface Counted {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly written?: number;
  readonly reasoning?: number | undefined;
  readonly raw: unknown;
}

/** Usage whose parts are never larger than their whole. */
export function usageFrom({ input, output, cached = 0, written = 0, reasoning, raw }: Counted): Usage {
  const cachedInputTokens = Math.min(cached, input);
  const usage = {
    inputTokens: input,
    outputTokens: output,
    totalTokens: input + output,
    cachedInputTokens,
    cacheWriteTokens: Math.min(written, input - cachedInputTokens),
  };
  return reasoning === undefined
    ? { ...usage, raw }
    : { ...usage, reasoningTokens: Math.min(reasoning, output), raw };
}
