import { TrunklineError } from "../../core/errors.ts";
import type { AssistantMessage, MediaPart, Message, Part, ToolCall } from "../../core/message.ts";
import type { ChatRequest, ResponseFormat, ToolChoice, ToolSpec } from "../../core/request.ts";
import type { Encoding } from "../encoding.ts";
import { writeBody } from "../extra.ts";
import { base64Of, urlOf } from "../media.ts";
import { breakpoint, cacheControl, carriers, type Marks, onlyBreakpoints } from "../prefix-marks.ts";
import { fitsStrict } from "./strict-schema.ts";

/** Where servers of this format differ in what they take. */
export interface Quirks {
  /** The member that carries `maxTokens`. */
  readonly maxTokens: "max_tokens" | "max_completion_tokens";
  /** Whether a stream is asked for its usage by `stream_options`. */
  readonly streamUsage: boolean;
  readonly systemRole: "system" | "developer";
  /** The strictest answer form it takes; a stricter one steps down to it, "text" leaves the form out. */
  readonly responseFormat: "json_schema" | "json" | "text";
  readonly image: "object" | "string";
  /** Whether a file may be given by its address. */
  readonly fileUrls: boolean;
  readonly temperature: boolean;
  readonly seed: boolean;
  readonly reasoningEffort: "reasoning_effort" | "reasoning" | "omit";
  /** The member in which an earlier turn's thinking goes back; most servers refuse to see it again. */
  readonly reasoningBack: "reasoning_content" | "reasoning" | "omit";
}

/** What OpenAI's own endpoint and most others take. */
export const standardQuirks: Quirks = Object.freeze({
  maxTokens: "max_tokens",
  streamUsage: true,
  systemRole: "system",
  responseFormat: "json_schema",
  image: "object",
  fileUrls: false,
  temperature: true,
  seed: true,
  reasoningEffort: "reasoning_effort",
  reasoningBack: "omit",
});

export interface EncodeOptions extends Encoding {
  readonly quirks?: Quirks;
  /** How `prefixMark` is written; absent: not at all. */
  readonly marks?: Marks | undefined;
  /** The model's name on the wire, where it is not the request's. */
  readonly model?: string;
}

/**
 * The body of a request, as text.
 *
 * ```ts
 * encodeRequest({ model: "m", messages: [{ role: "user", content: "Hi." }] }, { stream: false });
 * // {"model":"m","messages":[{"role":"user","content":"Hi."}]}
 * ```
 */
export function encodeRequest(request: ChatRequest, options: EncodeOptions): string {
  const quirks = options.quirks ?? standardQuirks;
  const { extra, tools, toolChoice, responseFormat, reasoningEffort } = request;
  const model = options.model ?? request.model;
  const marks = readMarks(request, options);
  // One literal of one shape: members that are undefined do not reach the text.
  const body = {
    model,
    messages: request.messages.map((message, i) => encodeMessage(message, quirks, marks.of(i))),
    prompt_cache_key: marks.key,
    prompt_cache_options: marks.options,
    stream: options.stream ? true : undefined,
    stream_options: options.stream && quirks.streamUsage ? { include_usage: true } : undefined,
    temperature: quirks.temperature ? request.temperature : undefined,
    max_tokens: quirks.maxTokens === "max_tokens" ? request.maxTokens : undefined,
    max_completion_tokens: quirks.maxTokens === "max_completion_tokens" ? request.maxTokens : undefined,
    top_p: request.topP,
    stop: request.stop,
    seed: quirks.seed ? request.seed : undefined,
    n: request.n,
    tools: tools?.map(encodeTool),
    tool_choice: toolChoice === undefined ? undefined : encodeToolChoice(toolChoice),
    response_format: responseFormat === undefined ? undefined : encodeFormat(responseFormat, quirks),
    reasoning_effort: quirks.reasoningEffort === "reasoning_effort" ? reasoningEffort : undefined,
    reasoning:
      quirks.reasoningEffort === "reasoning" && reasoningEffort !== undefined
        ? { effort: reasoningEffort }
        : undefined,
  };
  return writeBody(body, extra);
}

/** What a part carries that ends a shared prefix. */
type Mark = object | undefined;

interface ReadMarks {
  readonly of: (place: number) => Mark;
  readonly key: string | undefined;
  readonly options: object | undefined;
}

const noMarks: ReadMarks = { of: () => undefined, key: undefined, options: undefined };

function readMarks({ messages }: ChatRequest, { prefixMark, marks }: EncodeOptions): ReadMarks {
  if (prefixMark === undefined || marks === undefined) return noMarks;
  const { ends, key } = prefixMark;
  if (marks === "key") return { ...noMarks, key };
  const places = carriers(messages, ends);
  if (marks === "cache_control") return { ...noMarks, of: (i) => (places.has(i) ? cacheControl : undefined) };
  return { of: (i) => (places.has(i) ? breakpoint : undefined), key, options: onlyBreakpoints };
}

function encodeMessage(message: Message, quirks: Quirks, mark: Mark): object {
  const { role, content } = message;
  switch (role) {
    case "assistant":
      return encodeAssistant(message, quirks);
    case "tool":
      return { role, tool_call_id: message.toolCallId, content: encodeContent(content, quirks, undefined) };
    case "system":
      return { role: quirks.systemRole, content: encodeContent(content, quirks, mark) };
    default:
      return { role, content: encodeContent(content, quirks, mark) };
  }
}

/** A message's content; where a shared prefix ends in it, its last part that can carry one has the mark. */
function encodeContent(content: string | readonly Part[], quirks: Quirks, mark: Mark): unknown {
  if (mark === undefined)
    return typeof content === "string" ? content : content.map((part) => encodePart(part, quirks));
  const parts = typeof content === "string" ? [{ type: "text", text: content } as const] : content;
  const last = parts.findLastIndex(({ type }) => type === "text");
  return parts.map((part, i) => ({ ...encodePart(part, quirks), ...(i === last && mark) }));
}

function encodeAssistant({ content, toolCalls, reasoning }: AssistantMessage, quirks: Quirks): object {
  const calls = toolCalls !== undefined && toolCalls.length > 0;
  const back = reasoning === undefined ? "omit" : quirks.reasoningBack;
  return {
    role: "assistant",
    content: calls && content === "" ? null : content,
    ...(back !== "omit" && { [back]: reasoning }),
    ...(calls && { tool_calls: toolCalls.map(encodeToolCall) }),
  };
}

/** A call as servers and clients both write it. */
export function encodeToolCall({ id, name, arguments: parsed, argumentsText }: ToolCall): object {
  // A history written by hand may lack the text.
  return {
    id,
    type: "function",
    function: { name, arguments: argumentsText ?? JSON.stringify(parsed ?? {}) },
  };
}

function encodePart(part: Part, quirks: Quirks): object {
  if (part.type === "text") return { type: "text", text: part.text };
  if (part.type === "file") return encodeFile(part, quirks);
  const url = urlOf(part);
  return { type: "image_url", image_url: quirks.image === "string" ? url : { url } };
}

/** Sound has a part of its own in this format. */
const audioFormats: ReadonlyMap<string, string> = new Map([
  ["audio/wav", "wav"],
  ["audio/mpeg", "mp3"],
]);

function encodeFile(part: MediaPart, quirks: Quirks): object {
  const audio = part.data === undefined ? undefined : audioFormats.get(part.mediaType ?? "");
  if (audio !== undefined) {
    return { type: "input_audio", input_audio: { data: base64Of(part.data), format: audio } };
  }
  const url = urlOf(part);
  if (!quirks.fileUrls && !url.startsWith("data:")) {
    throw new TrunklineError(
      "bad_request",
      "this provider takes a file's bytes, not its address: give `data`",
    );
  }
  return { type: "file", file: { filename: part.name, file_data: url } };
}

function encodeTool({ name, description, inputSchema }: ToolSpec): object {
  return { type: "function", function: { name, description, parameters: inputSchema } };
}

function encodeToolChoice(choice: ToolChoice): unknown {
  return typeof choice === "string" ? choice : { type: "function", function: { name: choice.tool } };
}

function encodeFormat(format: ResponseFormat, quirks: Quirks): object | undefined {
  if (quirks.responseFormat === "text") return undefined;
  if (format.type === "text") return { type: "text" };
  if (format.type === "json" || quirks.responseFormat === "json") return { type: "json_object" };
  const { name, schema } = format;
  return { type: "json_schema", json_schema: { name: name ?? "answer", schema, strict: fitsStrict(schema) } };
}
