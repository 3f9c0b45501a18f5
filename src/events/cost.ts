import type { Price } from "../core/answer.ts";
import type { Cost, Usage } from "../core/completion.ts";

/**
 * What an answer cost, and what the provider's prompt cache saved against the plain price. Of an answer that was
 * not `paid`, because it came from our own cache or was joined, everything it would have cost is saved.
 */
export function costOf(usage: Usage, price: Price, paid: boolean): Cost {
  const { input, output, cachedInput = input, cacheWrite = input } = price;
  const { inputTokens, outputTokens, cachedInputTokens, cacheWriteTokens } = usage;
  const plainTokens = Math.max(0, inputTokens - cachedInputTokens - cacheWriteTokens);
  const usd =
    (plainTokens * input +
      cachedInputTokens * cachedInput +
      cacheWriteTokens * cacheWrite +
      outputTokens * output) /
    1_000_000;
  return paid
    ? { usd, saved: (cachedInputTokens * (input - cachedInput)) / 1_000_000 }
    : { usd: 0, saved: usd };
}
