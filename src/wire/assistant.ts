import type { AssistantMessage, ToolCall } from "../core/message.ts";

/** An assistant's turn; a member that is not there is absent, not undefined. */
export function assistant(
  content: string,
  toolCalls: readonly ToolCall[] | undefined,
  reasoning: string | undefined,
): AssistantMessage {
  if (toolCalls === undefined) {
    return reasoning === undefined
      ? { role: "assistant", content }
      : { role: "assistant", content, reasoning };
  }
  return reasoning === undefined
    ? { role: "assistant", content, toolCalls }
    : { role: "assistant", content, toolCalls, reasoning };
}
