import type { Usage } from "../../core/completion.ts";
import { isObject, memberOf } from "../json-value.ts";
import { count, noUsage, usageFrom } from "../token-count.ts";

/** The first of the values that counts at all. */
function firstCount(a: unknown, b: unknown, c: unknown): number {
  return count(a) || count(b) || count(c);
}

/**
 * Usage from any spelling that OpenAI-like servers use. Some leave thinking out of `completion_tokens` but not
 * of `total_tokens`: what the total has beyond both is output.
 */
export function decodeUsage(raw: unknown): Usage {
  if (!isObject(raw)) return noUsage;
  const inputTokens = count(raw.prompt_tokens) || count(raw.input_tokens);
  const said = count(raw.completion_tokens) || count(raw.output_tokens);
  const total = count(raw.total_tokens);
  const outputTokens = inputTokens > 0 && total > inputTokens + said ? total - inputTokens : said;
  const input = raw.prompt_tokens_details ?? raw.input_tokens_details;
  const cached = firstCount(
    memberOf(input, "cached_tokens"),
    raw.prompt_cache_hit_tokens ?? raw.cached_tokens,
    raw.cache_read_input_tokens,
  );
  const written = firstCount(
    memberOf(input, "cache_write_tokens"),
    memberOf(input, "cache_creation_tokens"),
    raw.cache_creation_input_tokens,
  );
  const reasoning =
    memberOf(raw.completion_tokens_details ?? raw.output_tokens_details, "reasoning_tokens") ??
    raw.reasoning_tokens;
  return usageFrom({
    input: inputTokens,
    output: outputTokens,
    cached,
    written,
    reasoning: reasoning === undefined || reasoning === null ? undefined : count(reasoning),
    raw,
  });
}

/** Usage in OpenAI's spelling. */
export function encodeUsage(usage: Usage): Record<string, unknown> {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.totalTokens,
    prompt_tokens_details: {
      cached_tokens: usage.cachedInputTokens,
      ...(usage.cacheWriteTokens > 0 && { cache_write_tokens: usage.cacheWriteTokens }),
    },
    ...(usage.reasoningTokens !== undefined && {
      completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    }),
  };
}
