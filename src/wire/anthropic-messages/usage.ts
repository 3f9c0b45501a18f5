import type { Usage } from "../../core/completion.ts";
import { isObject, memberOf } from "../json-value.ts";
import { count, noUsage, usageFrom } from "../token-count.ts";

/** Anthropic counts what was read from and written to its cache beside `input_tokens`; here they are part of it. */
export function decodeUsage(raw: unknown): Usage {
  if (!isObject(raw)) return noUsage;
  const cached = count(raw.cache_read_input_tokens);
  const written = count(raw.cache_creation_input_tokens);
  const thinking = memberOf(raw.output_tokens_details, "thinking_tokens");
  return usageFrom({
    input: count(raw.input_tokens) + cached + written,
    output: count(raw.output_tokens),
    cached,
    written,
    reasoning: typeof thinking === "number" ? count(thinking) : undefined,
    raw,
  });
}
