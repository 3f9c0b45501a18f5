import { TrunklineError } from "../../core/errors.ts";
import {
  type AssistantMessage,
  type MediaPart,
  type Message,
  type Part,
  textOf,
} from "../../core/message.ts";
import type { ChatRequest, ResponseFormat, ToolChoice, ToolSpec } from "../../core/request.ts";
import type { Encoding } from "../encoding.ts";
import { writeBody } from "../extra.ts";
import { sourceOf } from "../media.ts";
import { wireName } from "./blocks.ts";
import { outputSchema } from "./schema.ts";
import { thinkingOf } from "./thinking.ts";

/** A content block; those that end a shared prefix are marked. */
type Block = Record<string, unknown>;

/**
 * The body of a request, as text. All system messages become its `system`, wherever they stood. What the API
 * has no word for (`seed`) is left out.
 *
 * ```ts
 * encodeRequest({ model: "claude-x", messages: [{ role: "user", content: "Hi." }] }, { stream: false });
 * // {"model":"claude-x","max_tokens":4096,"messages":[{"role":"user","content":[{"type":"text","text":"Hi."}]}]}
 * ```
 */
export function encodeRequest(request: ChatRequest, { stream, prefixMark }: Encoding): string {
  const { model, messages, tools, toolChoice, responseFormat } = request;
  const { maxTokens, thinking, effort } = thinkingOf(model, request);
  const system: Block[] = [];
  const turns: Turn[] = [];
  const toolList = tools?.map(encodeTool);
  const ends = new Set(prefixMark?.ends);
  let end: Block | undefined = toolList?.at(-1);
  if (ends.has(0)) mark(end);
  for (const [i, message] of messages.entries()) {
    const blocks = message.role === "system" ? systemBlocks(message.content) : blocksOf(message);
    if (message.role === "system") system.push(...blocks);
    else addTurn(turns, message, blocks);
    if (ends.size === 0) continue;
    // Thinking cannot carry a mark, and neither can an empty text.
    end = blocks.findLast(markable) ?? end;
    if (ends.has(i + 1)) mark(end);
  }
  const format = responseFormat && encodeFormat(responseFormat);
  const body = {
    model,
    max_tokens: maxTokens,
    system: system.length === 0 ? undefined : system,
    messages: turns,
    stream: stream ? true : undefined,
    temperature: request.temperature,
    top_p: request.topP,
    stop_sequences: request.stop,
    tools: toolList,
    tool_choice: toolChoice === undefined ? undefined : encodeToolChoice(toolChoice),
    thinking,
    output_config: format === undefined && effort === undefined ? undefined : { format, effort },
  };
  return writeBody(body, request.extra);
}

interface Turn {
  readonly role: "user" | "assistant";
  readonly content: Block[];
}

/** Results of parallel calls must stand in one turn. */
function addTurn(turns: Turn[], { role }: Message, content: Block[]): void {
  const last = turns.at(-1);
  const results = role === "tool" && last?.content[0]?.type === "tool_result";
  if (results) last.content.push(...content);
  else turns.push({ role: role === "assistant" ? "assistant" : "user", content });
}

function mark(end: Block | undefined): void {
  if (end !== undefined) end.cache_control = { type: "ephemeral" };
}

const markable = ({ type, text }: Block): boolean =>
  type !== "thinking" && type !== "redacted_thinking" && text !== "";

function systemBlocks(content: string | readonly Part[]): Block[] {
  return [{ type: "text", text: textOf(content) }];
}

function blocksOf(message: Exclude<Message, { role: "system" }>): Block[] {
  switch (message.role) {
    case "assistant":
      return assistantBlocks(message);
    case "tool":
      return [
        {
          type: "tool_result",
          tool_use_id: message.toolCallId,
          content: typeof message.content === "string" ? message.content : message.content.map(encodePart),
        },
      ];
    default:
      return typeof message.content === "string"
        ? [{ type: "text", text: message.content }]
        : message.content.map(encodePart);
  }
}

function assistantBlocks({ content, toolCalls, opaque }: AssistantMessage): Block[] {
  const kept = opaque?.[wireName];
  const blocks: Block[] = Array.isArray(kept) ? [...kept] : [];
  if (content !== "" || (toolCalls ?? []).length === 0) blocks.push({ type: "text", text: content });
  for (const { id, name, arguments: input } of toolCalls ?? []) {
    blocks.push({ type: "tool_use", id, name, input });
  }
  return blocks;
}

function encodePart(part: Part): Block {
  if (part.type === "text") return { type: "text", text: part.text };
  return part.type === "image" ? { type: "image", source: encodeSource(part) } : encodeDocument(part);
}

function encodeSource(part: MediaPart): Block {
  const { data, url, mediaType } = sourceOf(part);
  return url === undefined ? { type: "base64", media_type: mediaType, data } : { type: "url", url };
}

/** PDFs go as they are, everything that is text as text. */
function encodeDocument(part: MediaPart): Block {
  const { data, mediaType } = sourceOf(part);
  const plain = data !== undefined && /^text\/|[/+](?:json|xml|yaml)$/.test(mediaType);
  const source = plain
    ? { type: "text", media_type: "text/plain", data: Buffer.from(data, "base64").toString("utf8") }
    : encodeSource(part);
  return { type: "document", source, title: part.name };
}

function encodeTool({ name, description, inputSchema }: ToolSpec): Block {
  return { name, description, input_schema: inputSchema };
}

function encodeToolChoice(choice: ToolChoice): object {
  if (typeof choice !== "string") return { type: "tool", name: choice.tool };
  return { type: choice === "required" ? "any" : choice };
}

function encodeFormat(format: ResponseFormat): object | undefined {
  if (format.type === "text") return undefined;
  if (format.type === "json_schema") return { type: "json_schema", schema: outputSchema(format.schema) };
  throw new TrunklineError(
    "bad_request",
    'responseFormat "json": Anthropic holds an answer to a schema only; give "json_schema", or ask for JSON in the prompt',
    { sent: false },
  );
}
