import type { Message, Part } from "../core/message.ts";
import type { ChatRequest } from "../core/request.ts";

/** What a provider writes around each message. */
export const tokensPerMessage = 4;
/** A picture or a file: providers count them by size, mostly in the hundreds. */
export const tokensPerMedia = 800;
/** Where a call sets no `maxTokens` and the lane has seen no answer yet. */
const usualOutput = 250;

/**
 * Tokens of a text: a quarter of its UTF-8 bytes. That fits English and code, and lands near the truth for
 * scripts with several bytes a letter, where a quarter of the letters would be far too few.
 */
export function tokensOfText(text: string): number {
  return Buffer.byteLength(text) / 4;
}

function tokensOfMessage(message: Message): number {
  let tokens = tokensPerMessage + tokensOfContent(message.content);
  if (message.role !== "assistant") return tokens;
  for (const call of message.toolCalls ?? []) tokens += tokensOfText(call.name + call.argumentsText);
  return tokens;
}

function tokensOfContent(content: string | readonly Part[]): number {
  if (typeof content === "string") return tokensOfText(content);
  let tokens = 0;
  for (const part of content) tokens += part.type === "text" ? tokensOfText(part.text) : tokensPerMedia;
  return tokens;
}

/** What the prompt will probably cost. */
export function estimateInput(request: ChatRequest): number {
  let tokens = 0;
  for (const message of request.messages) tokens += tokensOfMessage(message);
  if (request.tools !== undefined) tokens += tokensOfText(JSON.stringify(request.tools));
  return Math.ceil(tokens);
}

/**
 * What the answer will probably cost. Providers that charge before they answer take `maxTokens` in full; few
 * answers use all of it, so until the lane has seen some, half is the compromise.
 */
export function estimateOutput({ maxTokens, n = 1, embed }: ChatRequest, seen: number | undefined): number {
  if (embed !== undefined) return 0;
  if (maxTokens === undefined) return Math.ceil(n * (seen ?? usualOutput));
  return Math.ceil(n * Math.min(maxTokens, seen === undefined ? maxTokens / 2 : seen));
}
