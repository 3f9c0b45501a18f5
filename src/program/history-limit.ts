import type { Part } from "../core/message.ts";
import type { ChatMessage } from "./conversation.ts";

/**
 * The conversation without its oldest turns, so that with `turn`, which stays whatever its size, it comes to at
 * most `most` tokens. A turn is a user's message and all that follows on it, so no tool exchange is cut.
 */
export function withoutOldest(
  history: readonly ChatMessage[],
  turn: readonly ChatMessage[],
  most: number,
): readonly ChatMessage[] {
  if (most === Number.POSITIVE_INFINITY) return history;
  const sizes = history.map(tokensOf);
  let total = sum(sizes) + sum(turn.map(tokensOf));
  let start = 0;
  while (start < history.length && total > most) {
    do total -= sizes[start++]!;
    while (start < history.length && history[start]!.role !== "user");
  }
  return start === 0 ? history : Object.freeze(history.slice(start));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** What a provider writes around each message, and what a picture or a file comes to. */
const tokensPerMessage = 4;
const tokensPerMedia = 800;

/** An estimate: a quarter of the UTF-8 bytes, which fits English and code and lands near the truth elsewhere. */
function tokensOf(message: ChatMessage): number {
  let tokens = tokensPerMessage + tokensOfContent(message.content);
  if (message.role !== "assistant") return tokens;
  for (const { name, argumentsText } of message.toolCalls ?? []) tokens += tokensOfText(name + argumentsText);
  return tokens;
}

function tokensOfContent(content: string | readonly Part[]): number {
  if (typeof content === "string") return tokensOfText(content);
  return sum(content.map((part) => (part.type === "text" ? tokensOfText(part.text) : tokensPerMedia)));
}

const tokensOfText = (text: string): number => Buffer.byteLength(text) / 4;
