import { checks, wrongInput, wrongOption } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import type { AssistantMessage, Part, ToolCall, ToolMessage, UserMessage } from "../core/message.ts";
import { frozenCopy } from "../core/plain-copy.ts";

/** A message of a conversation; the system text is none of them. */
export type ChatMessage = UserMessage | AssistantMessage | ToolMessage;

/** A conversation that has not begun. */
export const noMessages: readonly ChatMessage[] = Object.freeze([]);

/** What a turn begins with, copied. */
export function readInput(input: string | UserMessage): UserMessage {
  if (typeof input === "string") return Object.freeze({ role: "user", content: input });
  if (checks.plainObject(input) !== undefined || input.role !== "user") {
    throw wrongInput("ChatAgent: its input", 'a text, or a message { role: "user", content }', input);
  }
  return frozenCopy(withoutBytes(input), "ChatAgent: its input", "bad_request");
}

/** The message with bytes as base64 text, for JSON would lose them; the same object where it has none. */
function withoutBytes<M extends ChatMessage>(message: M): M {
  const content: string | readonly Part[] = message.content;
  if (!Array.isArray(content) || !content.some((part) => bytesOf(part) !== undefined)) return message;
  const parts = content.map((part) => {
    const bytes = bytesOf(part);
    return bytes === undefined ? part : { ...part, data: Buffer.from(bytes).toString("base64") };
  });
  return { ...message, content: parts };
}

function bytesOf(part: unknown): Uint8Array | undefined {
  const { data } = Object(part) as { readonly data?: unknown };
  return data instanceof Uint8Array ? data : undefined;
}

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
  const messages = given.map(withoutBytes);
  const isPlain = messages.every((message, i) => message === given[i]);
  // What was copied once is not copied again, so that many agents share one history.
  return frozenCopy(isPlain ? given : messages, "ChatAgent: history");
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
  if (Array.isArray(content))
    for (const [i, part] of content.entries()) checkData(part, `${place}.content[${i}]`);
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

/** Bytes that went through JSON are an object with a member for each: no picture any more. */
function checkData(part: unknown, place: string): void {
  const { data } = Object(part) as { readonly data?: unknown };
  if (data === undefined || typeof data === "string" || data instanceof Uint8Array) return;
  throw wrongOption(`${place}.data`, "base64 text or bytes", data);
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
