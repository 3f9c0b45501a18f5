import { TrunklineError } from "../../core/errors.ts";
import { type MediaPart, type Message, type Part, type ToolCall, textOf } from "../../core/message.ts";
import type { ChatRequest, ResponseFormat, ToolSpec } from "../../core/request.ts";
import type { Encoding } from "../encoding.ts";
import { writeBody } from "../extra.ts";
import { isObject } from "../json-value.ts";
import { bytesOf } from "../media.ts";

/**
 * The body of a request, as text. Members of `extra.options` (`num_ctx`) join those of the request.
 *
 * ```ts
 * encodeRequest({ model: "llama3.2", messages: [{ role: "user", content: "Hi." }] }, { stream: false });
 * // {"model":"llama3.2","messages":[{"role":"user","content":"Hi."}],"stream":false}
 * ```
 */
export function encodeRequest(request: ChatRequest, { stream }: Encoding): string {
  const { options: ownOptions, ...extra } = request.extra ?? {};
  const options = { ...optionsOf(request), ...(isObject(ownOptions) && ownOptions) };
  const body = {
    model: request.model,
    messages: messagesOf(request.messages),
    // Left out, it would stream.
    stream,
    tools: toolsOf(request)?.map(encodeTool),
    format: request.responseFormat && encodeFormat(request.responseFormat),
    think: request.reasoningEffort && think[request.reasoningEffort],
    options: Object.values(options).every((value) => value === undefined) ? undefined : options,
  };
  return writeBody(body, request.extra && extra);
}

function optionsOf({ temperature, maxTokens, topP, stop, seed }: ChatRequest): object {
  return { temperature, num_predict: maxTokens, top_p: topP, stop, seed };
}

/** Ollama's words; models that know only on and off take each level as on. */
const think = {
  none: false,
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "max",
} as const;

function encodeFormat(format: ResponseFormat): unknown {
  if (format.type === "text") return undefined;
  return format.type === "json" ? "json" : format.schema;
}

/** The tools, unless none may be called: there is no other way to say so, and none to demand a call. */
function toolsOf({ tools, toolChoice }: ChatRequest): readonly ToolSpec[] | undefined {
  if (toolChoice === undefined || toolChoice === "auto") return tools;
  if (toolChoice === "none") return undefined;
  throw new TrunklineError(
    "bad_request",
    'Ollama cannot be made to call a tool: toolChoice must be "auto", "none" or left out',
    { sent: false },
  );
}

function encodeTool({ name, description, inputSchema }: ToolSpec): object {
  return { type: "function", function: { name, description, parameters: inputSchema } };
}

function messagesOf(messages: readonly Message[]): object[] {
  const names = new Map<string, string>();
  return messages.map((message) => {
    if (message.role !== "assistant") return encodeTurn(message, names);
    const { role, content, toolCalls, reasoning: thinking } = message;
    for (const { id, name } of toolCalls ?? []) names.set(id, name);
    return { role, content, thinking, tool_calls: toolCalls?.map(encodeCall) };
  });
}

function encodeTurn(
  message: Exclude<Message, { role: "assistant" }>,
  names: ReadonlyMap<string, string>,
): object {
  const { role, content } = message;
  const images = typeof content === "string" ? [] : content.filter(isMedia).map(encodeImage);
  return {
    role,
    content: textOf(content),
    ...(images.length > 0 && { images }),
    ...(role === "tool" && { tool_name: names.get(message.toolCallId), tool_call_id: message.toolCallId }),
  };
}

const isMedia = (part: Part): part is MediaPart => part.type !== "text";

/** Only bytes: Ollama fetches nothing. */
function encodeImage(part: MediaPart): string {
  const data = bytesOf(part);
  if (data !== undefined) return data;
  throw new TrunklineError("bad_request", "Ollama takes an image's bytes, not its address: give `data`", {
    sent: false,
  });
}

function encodeCall({ id, name, arguments: args }: ToolCall): object {
  return { id, function: { name, arguments: args } };
}
