import { checks, wrongOption } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import type { AssistantMessage, Part, ToolCall, ToolMessage, UserMessage } from "../core/message.ts";
import { frozenCopy } from "../core/plain-copy.ts";

/** A message of a conversation; the system text is none of them. */
export type ChatMessage = UserMessage | AssistantMessage | ToolMessage;

/** A conversation that has not begun. */
export const noMessages: readonly ChatMessage[] = Object.freeze([]);

/** A conversation from elsewhere, copied, or a `config` error: every tool call in it must have its one answer. */
export function readHistory(given: unknown): readonly ChatMessage[] {
  if (!Array.isArray(given)) throw wrongOption("ChatAgent: history", "a list of messages", given);
  const open = new Set<string>();
  for (const [i, message] of given.entries()) {
    const place = `ChatAgent: history[${i}]`;
    if (checks.plainObject(message) !== undefined)
      throw wrongOption(place, "a message { role, content }", message);
    follow(message as ChatMessage, place, open);
  }
  if (open.size > 0) throw unanswered("ChatAgent: history: its end", open);
  return frozenCopy(given as ChatMessage[], "ChatAgent: history");
}

/** Holds `message` against the tool calls that are open before it. */
function follow(message: ChatMessage, place: string, open: Set<string>): void {
  const { role, content } = message;
  if (role !== "user" && role !== "assistant" && role !== "tool") {
    const expected = '"user", "assistant" or "tool" (a system text is the option `system`)';
    throw wrongOption(`${place}.role`, expected, role);
  }
  if (typeof content !== "string" && (role === "assistant" || !Array.isArray(content))) {
    const expected = role === "assistant" ? "a text" : "a text or a list of parts";
    throw wrongOption(`${place}.content`, expected, content);
  }
  if (role === "tool") {
    if (open.delete(message.toolCallId)) return;
    throw wrongOption(
      `${place}.toolCallId`,
      "the id of a tool call of the turn before it",
      message.toolCallId,
    );
  }
  if (open.size > 0) throw unanswered(place, open);
  if (role === "assistant") for (const { id } of callsIn(message, place)) open.add(id);
}

function callsIn({ toolCalls = [] }: AssistantMessage, place: string): readonly ToolCall[] {
  if (!Array.isArray(toolCalls)) throw wrongOption(`${place}.toolCalls`, "a list of tool calls", toolCalls);
  for (const [i, call] of toolCalls.entries()) {
    const { id, name, arguments: given, argumentsText } = Object(call) as Partial<ToolCall>;
    const isCall =
      [id, name, argumentsText].every((text) => typeof text === "string") &&
      checks.plainObject(given) === undefined;
    if (!isCall)
      throw wrongOption(`${place}.toolCalls[${i}]`, "{ id, name, arguments, argumentsText }", call);
  }
  return toolCalls;
}

function unanswered(place: string, open: ReadonlySet<string>): Error {
  const text = `${place}: expected an answer to every tool call before it; ${open.size} of them unanswered`;
  return new TrunklineError("config", text);
}

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
