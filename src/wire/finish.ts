import type { FinishReason } from "../core/completion.ts";

const known: ReadonlyMap<string, FinishReason> = new Map([
  ["stop", "stop"],
  ["eos", "stop"],
  ["eos_token", "stop"],
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["length", "length"],
  ["max_tokens", "length"],
  ["model_length", "length"],
  ["model_context_window_exceeded", "length"],
  ["max_output_tokens", "length"],
  ["tool_calls", "tool_calls"],
  ["tool_use", "tool_calls"],
  ["function_call", "tool_calls"],
  ["content_filter", "content_filter"],
  ["safety", "content_filter"],
  ["recitation", "content_filter"],
  ["prohibited_content", "content_filter"],
  ["refusal", "content_filter"],
  ["blocklist", "content_filter"],
  ["spii", "content_filter"],
  ["image_safety", "content_filter"],
  ["image_prohibited_content", "content_filter"],
  ["image_recitation", "content_filter"],
  ["error", "error"],
]);

/**
 * The unified reason. A provider that says nothing, or "stop", beside tool calls means the calls; one that
 * refuses in a field of its own means the filter, whatever word it chose.
 */
export function decodeFinish(raw: string | undefined, hasCalls: boolean, refused: boolean): FinishReason {
  if (refused) return "content_filter";
  const reason = raw === undefined ? "stop" : (known.get(raw) ?? known.get(raw.toLowerCase()) ?? "other");
  return reason === "stop" && hasCalls ? "tool_calls" : reason;
}

/** The reason in OpenAI's words. */
export function encodeFinish(reason: FinishReason, raw: string | undefined): string {
  return reason === "other" ? (raw ?? "stop") : reason;
}
