import type { Question } from "./question.ts";

/** The estimate of the simulated model: 4 characters are a token, of prompts and answers alike. */
export const charactersPerToken = 4;

export function countTokens(text: string): number {
  return Math.ceil(text.length / charactersPerToken);
}

/** An answer's text as the pieces it is streamed in. No character is cut in half. */
export function tokensOf(text: string): string[] {
  return text.match(/[\s\S]{1,4}/gu) ?? [];
}

/** The prompt as the model counts it: tools first, then the messages in order, media as one short word each. */
export function promptOf({ tools, messages }: Question): string {
  let text = tools === undefined || tools.length === 0 ? "" : `${JSON.stringify(tools)}\n`;
  for (const message of messages) {
    text += `${message.role}\n`;
    if (typeof message.content === "string") text += message.content;
    else for (const part of message.content ?? []) text += part.text ?? `<${part.type}>`;
    if (message.toolCalls !== undefined) text += JSON.stringify(message.toolCalls);
    text += "\n";
  }
  return text;
}
