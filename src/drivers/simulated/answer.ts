import type { Delta } from "../../core/call.ts";
import type { Completion, FinishReason, Usage } from "../../core/completion.ts";
import type { ToolCall } from "../../core/message.ts";

/** An answer that is an error. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The `error` member of the body. */
  readonly error: { readonly message: string; readonly type: string; readonly code: string | null };
}

/** One choice of an answer, and the pieces it is streamed in. */
export interface SimulatedChoice {
  readonly text: string;
  readonly tokens: readonly string[];
  readonly finishReason: FinishReason;
  readonly toolCall?: ToolCall;
}

export interface SimulatedAnswer {
  readonly id: string;
  readonly model: string;
  readonly choices: readonly SimulatedChoice[];
  readonly usage: Usage;
  /** The limits, as headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** From the request to the first token, and to the last. */
  readonly firstTokenMs: number;
  readonly totalMs: number;
  /** To be called when the first token is due: from then on others can read the prefix that this one wrote. */
  begin(): void;
}

export function isRefusal(came: SimulatedAnswer | Refusal): came is Refusal {
  return "error" in came;
}

/** The whole answer as a driver returns it. */
export function completionOf(answer: SimulatedAnswer): Completion {
  const { id, model, usage, choices } = answer;
  return {
    text: choices[0]?.text ?? "",
    choices: choices.map(({ text, finishReason, toolCall }, index) => ({
      index,
      message: { role: "assistant", content: text, ...(toolCall && { toolCalls: [toolCall] }) },
      finishReason,
      rawFinishReason: finishReason,
    })),
    usage,
    model,
    cacheHit: false,
    id,
  };
}

/** Streams hold as many steps as the longest choice has tokens. */
export function stepsOf({ choices }: SimulatedAnswer): number {
  return choices.reduce((most, choice) => Math.max(most, choice.tokens.length), 0);
}

/** The deltas of one step of a stream: the next token of each choice that still has one. */
export function deltasAt({ choices }: SimulatedAnswer, step: number): Delta[] {
  const deltas: Delta[] = [];
  for (const [index, { tokens, toolCall }] of choices.entries()) {
    const token = tokens[step];
    if (token === undefined) continue;
    const of = index === 0 ? undefined : { choice: index };
    if (toolCall === undefined) deltas.push({ text: token, ...of });
    else {
      const head = step === 0 && { id: toolCall.id, name: toolCall.name };
      deltas.push({ text: "", toolCall: { index: 0, ...head, argumentsText: token }, ...of });
    }
  }
  return deltas;
}
