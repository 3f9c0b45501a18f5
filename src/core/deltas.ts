import type { Delta } from "./call.ts";
import type { Completion } from "./completion.ts";

/** Hands a whole answer to a listener of deltas: each choice's reasoning, text and tool calls at once. */
export function deliver(completion: Completion, onDelta: (delta: Delta) => void): void {
  for (const { index, message } of completion.choices) {
    const choice = index === 0 ? undefined : { choice: index };
    if (message.reasoning) onDelta({ text: "", reasoning: message.reasoning, ...choice });
    if (message.content !== "") onDelta({ text: message.content, ...choice });
    for (const [at, { id, name, argumentsText }] of (message.toolCalls ?? []).entries()) {
      onDelta({ text: "", toolCall: { index: at, id, name, argumentsText }, ...choice });
    }
  }
}
