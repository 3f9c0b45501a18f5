import {
  type AssistantMessage,
  type Message,
  type Part,
  type ToolMessage,
  textOf,
} from "../../core/message.ts";
import type { ChatRequest, ResponseFormat, ToolChoice, ToolSpec } from "../../core/request.ts";
import type { Encoding } from "../encoding.ts";
import { writeBody } from "../extra.ts";
import { isObject, parseJson } from "../json-value.ts";
import { sourceOf } from "../media.ts";
import { type Signatures, wireName } from "./parts.ts";
import { thinkingOf } from "./thinking.ts";

/** The model as an address names it; tuned models bring a collection of their own. */
export const resource = (model: string): string => (model.includes("/") ? model : `models/${model}`);

/** The end of the address, behind the API's version. */
export function chatPath(model: string, stream: boolean): string {
  return `/${resource(model)}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`;
}

/**
 * The body of a request, as text. All system messages become its `systemInstruction`, wherever they stood.
 * Members of `extra.generationConfig` join those of the request.
 *
 * ```ts
 * encodeRequest({ model: "gemini-x", messages: [{ role: "user", content: "Hi." }] }, { stream: false });
 * // {"contents":[{"role":"user","parts":[{"text":"Hi."}]}]}
 * ```
 */
export function encodeRequest(request: ChatRequest, _: Encoding): string {
  const { messages, tools, toolChoice } = request;
  const system = messages.filter(({ role }) => role === "system").map(({ content }) => textPart(content));
  const { generationConfig: ownConfig, ...extra } = request.extra ?? {};
  const config = { ...configOf(request), ...(isObject(ownConfig) && ownConfig) };
  const body = {
    systemInstruction: system.length === 0 ? undefined : { parts: system },
    contents: contentsOf(messages, request.model),
    tools: tools === undefined ? undefined : [{ functionDeclarations: tools.map(encodeTool) }],
    toolConfig:
      toolChoice === undefined ? undefined : { functionCallingConfig: encodeToolChoice(toolChoice) },
    generationConfig: Object.values(config).every((value) => value === undefined) ? undefined : config,
  };
  return writeBody(body, request.extra && extra);
}

function configOf(request: ChatRequest): object {
  return {
    temperature: request.temperature,
    topP: request.topP,
    maxOutputTokens: request.maxTokens,
    stopSequences: request.stop,
    seed: request.seed,
    candidateCount: request.n,
    ...(request.responseFormat && encodeFormat(request.responseFormat)),
    thinkingConfig: thinkingOf(request.model, request.reasoningEffort),
  };
}

function encodeFormat(format: ResponseFormat): object | undefined {
  if (format.type === "text") return undefined;
  const responseMimeType = "application/json";
  return format.type === "json"
    ? { responseMimeType }
    : { responseMimeType, responseJsonSchema: format.schema };
}

interface Content {
  readonly role: "user" | "model";
  readonly parts: object[];
}

function contentsOf(messages: readonly Message[], model: string): Content[] {
  const names = new Map<string, string>();
  const contents: Content[] = [];
  let results: Content | undefined;
  for (const message of messages) {
    if (message.role === "system") continue;
    if (message.role === "tool") {
      // Results of parallel calls must stand in one turn.
      if (results === undefined) {
        results = { role: "user", parts: [] };
        contents.push(results);
      }
      results.parts.push(...encodeResult(message, names.get(message.toolCallId) ?? message.toolCallId));
      continue;
    }
    results = undefined;
    if (message.role === "assistant") {
      for (const { id, name } of message.toolCalls ?? []) names.set(id, name);
      contents.push({ role: "model", parts: encodeAssistant(message, model) });
    } else contents.push({ role: "user", parts: encodeContent(message.content) });
  }
  return contents;
}

/** Newer models refuse a call of their own kind without a signature; this stands for one of another model's. */
const foreignSignature = "skip_thought_signature_validator";
const unsigned = /gemini-[12](?:\D|$)/;

function encodeAssistant({ content, toolCalls = [], opaque }: AssistantMessage, model: string): object[] {
  const signatures = opaque?.[wireName] as Signatures | undefined;
  const parts: object[] = [];
  if (content !== "" || toolCalls.length === 0 || signatures?.text !== undefined) {
    parts.push({ text: content, thoughtSignature: signatures?.text });
  }
  for (const [i, { id, name, arguments: args }] of toolCalls.entries()) {
    const foreign = i === 0 && signatures === undefined && !unsigned.test(model);
    const thoughtSignature = signatures?.calls[i] ?? (foreign ? foreignSignature : undefined);
    parts.push({ functionCall: { id, name, args }, thoughtSignature });
  }
  return parts;
}

/** A result must be an object; other texts are put into one. Media stand beside it. */
function encodeResult({ content, toolCallId }: ToolMessage, name: string): object[] {
  const text = textOf(content);
  const parsed = parseJson(text);
  const response = isObject(parsed) ? parsed : { result: text };
  const media = typeof content === "string" ? [] : content.filter((part) => part.type !== "text");
  return [{ functionResponse: { id: toolCallId, name, response } }, ...media.map(encodePart)];
}

function encodeContent(content: string | readonly Part[]): object[] {
  return typeof content === "string" ? [{ text: content }] : content.map(encodePart);
}

const textPart = (content: string | readonly Part[]): object => ({ text: textOf(content) });

function encodePart(part: Part): object {
  if (part.type === "text") return { text: part.text };
  const { data, url, mediaType } = sourceOf(part);
  return url === undefined
    ? { inlineData: { mimeType: mediaType, data } }
    : { fileData: { mimeType: mediaType, fileUri: url } };
}

function encodeTool({ name, description, inputSchema }: ToolSpec): object {
  return { name, description, parametersJsonSchema: inputSchema };
}

const modes = { auto: "AUTO", none: "NONE", required: "ANY" } as const;

function encodeToolChoice(choice: ToolChoice): object {
  return typeof choice === "string"
    ? { mode: modes[choice] }
    : { mode: "ANY", allowedFunctionNames: [choice.tool] };
}
