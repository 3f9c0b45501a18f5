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
import { urlOf } from "../media.ts";
import { fitsStrict } from "../openai-chat/strict-schema.ts";
import { takesBreakpoints, thinks } from "../openai-models.ts";
import { breakpoint, carriers, onlyBreakpoints } from "../prefix-marks.ts";
import { wireName } from "./output.ts";

/**
 * The body of a request, as text. Nothing is kept at OpenAI (`store: false`): a conversation is what its messages
 * say, and thinking comes back encrypted. What the API has no word for is left out (`seed`) or refused (`stop`).
 *
 * ```ts
 * encodeRequest({ model: "gpt-x", messages: [{ role: "user", content: "Hi." }] }, { stream: false });
 * // {"model":"gpt-x","input":[{"role":"user","content":"Hi."}],"store":false}
 * ```
 */
export function encodeRequest(request: ChatRequest, { stream, prefixMark }: Encoding): string {
  const { model, messages, tools, toolChoice, responseFormat, reasoningEffort } = request;
  if (request.stop !== undefined && request.stop.length > 0) throw noStop();
  const breaks = prefixMark !== undefined && takesBreakpoints(model);
  const marked = breaks ? carriers(messages, prefixMark.ends) : undefined;
  const [first] = messages;
  // A system text in front is the API's `instructions`, unless the prefix ends there: only an item takes a mark.
  const leads = first?.role === "system" && typeof first.content === "string" && !takesBreakpoints(model);
  const body = {
    model,
    instructions: leads ? textOf(first.content) : undefined,
    input: messages.flatMap((message, i) =>
      i === 0 && leads ? [] : itemsOf(message, marked?.has(i) === true),
    ),
    stream: stream ? true : undefined,
    store: false,
    include: thinks(model) ? ["reasoning.encrypted_content"] : undefined,
    prompt_cache_key: prefixMark?.key,
    prompt_cache_options: breaks ? onlyBreakpoints : undefined,
    temperature: request.temperature,
    max_output_tokens: request.maxTokens,
    top_p: request.topP,
    tools: tools?.map(encodeTool),
    tool_choice: toolChoice === undefined ? undefined : encodeToolChoice(toolChoice),
    text: responseFormat === undefined ? undefined : { format: encodeFormat(responseFormat) },
    reasoning: reasoningEffort === undefined ? undefined : encodeReasoning(reasoningEffort),
  };
  return writeBody(body, request.extra);
}

const noStop = (): TrunklineError =>
  new TrunklineError("bad_request", "the Responses API knows no `stop`; the chat API (openai/MODEL) does", {
    sent: false,
  });

/** A summary of its thinking is all that OpenAI shows of it. */
function encodeReasoning(effort: NonNullable<ChatRequest["reasoningEffort"]>): object {
  return effort === "none" ? { effort } : { effort, summary: "auto" };
}

function itemsOf(message: Message, marked: boolean): object[] {
  switch (message.role) {
    case "assistant":
      return assistantItems(message);
    case "tool":
      return [
        {
          type: "function_call_output",
          call_id: message.toolCallId,
          output: encodeContent(message.content, false),
        },
      ];
    default:
      return [{ role: message.role, content: encodeContent(message.content, marked) }];
  }
}

function assistantItems({ content, toolCalls = [], opaque }: AssistantMessage): object[] {
  const kept = opaque?.[wireName];
  const items: object[] = Array.isArray(kept) ? [...kept] : [];
  if (content !== "" || toolCalls.length === 0) items.push({ role: "assistant", content });
  for (const { id, name, arguments: args, argumentsText } of toolCalls) {
    items.push({
      type: "function_call",
      call_id: id,
      name,
      arguments: argumentsText ?? JSON.stringify(args ?? {}),
    });
  }
  return items;
}

/** A message's content; a `marked` one ends a shared prefix, which only a part can carry. */
function encodeContent(content: string | readonly Part[], marked: boolean): unknown {
  if (typeof content === "string" && !marked) return content;
  const parts = typeof content === "string" ? [{ type: "text", text: content } as const] : content;
  return parts.map((part, i) => ({
    ...encodePart(part),
    ...(marked && i === parts.length - 1 && breakpoint),
  }));
}

function encodePart(part: Part): object {
  if (part.type === "text") return { type: "input_text", text: part.text };
  return part.type === "image"
    ? { type: "input_image", image_url: urlOf(part), detail: "auto" }
    : encodeFile(part);
}

function encodeFile(part: MediaPart): object {
  const url = urlOf(part);
  return url.startsWith("data:")
    ? { type: "input_file", filename: part.name ?? "file", file_data: url }
    : { type: "input_file", file_url: url };
}

function encodeTool({ name, description, inputSchema }: ToolSpec): object {
  return { type: "function", name, description, parameters: inputSchema, strict: fitsStrict(inputSchema) };
}

function encodeToolChoice(choice: ToolChoice): unknown {
  return typeof choice === "string" ? choice : { type: "function", name: choice.tool };
}

function encodeFormat(format: ResponseFormat): object {
  if (format.type === "text") return { type: "text" };
  if (format.type === "json") return { type: "json_object" };
  const { name, schema } = format;
  return { type: "json_schema", name: name ?? "answer", schema, strict: fitsStrict(schema) };
}
