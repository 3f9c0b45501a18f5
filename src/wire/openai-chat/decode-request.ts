import { type Check, show } from "../../core/check.ts";
import { TrunklineError } from "../../core/errors.ts";
import type { Message, Part, ToolCall } from "../../core/message.ts";
import {
  type ChatRequest,
  type ResponseFormat,
  type Sampling,
  samplingChecks,
  type ToolChoice,
  type ToolSpec,
} from "../../core/request.ts";
import { isObject, memberOf, parseJson, textIn } from "../json-value.ts";
import { partOfUrl } from "../media.ts";
import { reasoningOf } from "./content.ts";

/** A request as a server of this format received it. */
export interface DecodedRequest {
  readonly request: ChatRequest;
  readonly stream: boolean;
  /** Whether the stream is to end with a chunk of its usage. */
  readonly streamUsage: boolean;
}

/**
 * Reads a request's body. Members that trunkline has no word for are kept in `extra`. What is wrong is a
 * `bad_request` that names the member.
 *
 * ```ts
 * decodeRequest('{"model":"m","messages":[{"role":"user","content":"Hi."}]}').request.model === "m";
 * ```
 */
export function decodeRequest(body: string): DecodedRequest {
  const json = parseJson(body);
  if (!isObject(json)) throw wrong("body", "a JSON object", json);
  const { model, messages, stream, stream_options, ...rest } = json;
  if (textIn(model) === undefined) throw wrong("model", "a model's name", model);
  if (!Array.isArray(messages) || messages.length === 0)
    throw wrong("messages", "a list of messages", messages);
  if (typeof (stream ?? false) !== "boolean") throw wrong("stream", "true or false", stream);
  return {
    request: Object.freeze({
      model: model as string,
      messages: Object.freeze(messages.map(decodeMessage)),
      ...decodeSampling(rest),
    }),
    stream: stream === true,
    streamUsage: memberOf(stream_options, "include_usage") === true,
  };
}

/** How one member of the body becomes one of the request. */
interface Rule {
  readonly to: keyof Sampling;
  /** Reads the value, or throws. */
  readonly read: (value: unknown, place: string) => unknown;
}

const plain = (to: keyof typeof samplingChecks): Rule => ({
  to,
  read(value, place) {
    const check: Check = samplingChecks[to];
    const expected = check(value);
    if (expected !== undefined) throw wrong(place, expected, value);
    return value;
  },
});

const rules: ReadonlyMap<string, Rule> = new Map([
  ["temperature", plain("temperature")],
  ["max_tokens", plain("maxTokens")],
  ["max_completion_tokens", plain("maxTokens")],
  ["top_p", plain("topP")],
  ["seed", plain("seed")],
  ["n", plain("n")],
  ["reasoning_effort", plain("reasoningEffort")],
  ["stop", { to: "stop", read: decodeStop }],
  ["tools", { to: "tools", read: decodeTools }],
  ["tool_choice", { to: "toolChoice", read: decodeToolChoice }],
  ["response_format", { to: "responseFormat", read: decodeFormat }],
]);

function decodeSampling(members: Record<string, unknown>): Sampling {
  const sampling: Record<string, unknown> = {};
  const extra: [string, unknown][] = [];
  for (const name of Object.keys(members)) {
    const value = members[name];
    const rule = rules.get(name);
    if (rule === undefined) extra.push([name, value]);
    // Clients send null for what they leave open.
    else if (value !== null) sampling[rule.to] = rule.read(value, name);
  }
  // fromEntries defines members, so that one called __proto__ stays a member.
  if (extra.length > 0) sampling.extra = Object.fromEntries(extra);
  return sampling;
}

function decodeStop(value: unknown, place: string): unknown {
  return plain("stop").read(typeof value === "string" ? [value] : value, place);
}

function decodeTools(value: unknown, place: string): ToolSpec[] {
  if (!Array.isArray(value)) throw wrong(place, "a list of tools", value);
  return value.map((tool, index) => {
    const fn = memberOf(tool, "function");
    const name = textIn(memberOf(fn, "name"));
    if (name === undefined) throw wrong(`${place}[${index}]`, "a function with a name", tool);
    const description = textIn(memberOf(fn, "description"));
    const parameters = memberOf(fn, "parameters");
    const inputSchema = isObject(parameters) ? parameters : { type: "object", properties: {} };
    return description === undefined ? { name, inputSchema } : { name, description, inputSchema };
  });
}

function decodeToolChoice(value: unknown, place: string): ToolChoice {
  const tool = textIn(memberOf(memberOf(value, "function"), "name"));
  return plain("toolChoice").read(tool === undefined ? value : { tool }, place) as ToolChoice;
}

function decodeFormat(value: unknown, place: string): ResponseFormat {
  const type = memberOf(value, "type");
  if (type === "text") return { type };
  if (type === "json_object") return { type: "json" };
  const json = memberOf(value, "json_schema");
  const schema = memberOf(json, "schema");
  if (type !== "json_schema" || !isObject(schema)) {
    throw wrong(place, "the type text, json_object, or json_schema with a schema", value);
  }
  const name = textIn(memberOf(json, "name"));
  return name === undefined ? { type, schema } : { type, name, schema };
}

function decodeMessage(value: unknown, index: number): Message {
  const place = `messages[${index}]`;
  if (!isObject(value)) throw wrong(place, "a message { role, content }", value);
  const { role, content } = value;
  switch (role) {
    case "system":
    case "developer":
      return { role: "system", content: decodeContent(content, place) };
    case "user":
      return { role, content: decodeContent(content, place) };
    case "assistant":
      return decodeAssistant(value, place);
    case "tool": {
      const toolCallId = textIn(value.tool_call_id);
      if (toolCallId === undefined) throw wrong(`${place}.tool_call_id`, "a call's id", value.tool_call_id);
      return { role, toolCallId, content: decodeContent(content, place) };
    }
    default:
      throw wrong(`${place}.role`, "one of system, developer, user, assistant, tool", role);
  }
}

function decodeAssistant(message: Record<string, unknown>, place: string): Message {
  const { content, refusal, tool_calls } = message;
  const parts = decodeContent(content ?? refusal ?? "", place);
  const text = typeof parts === "string" ? parts : parts.map((part) => textOnly(part, place)).join("");
  const calls = tool_calls ?? [];
  if (!Array.isArray(calls)) throw wrong(`${place}.tool_calls`, "a list of calls", calls);
  const reasoning = reasoningOf(message);
  return {
    role: "assistant",
    content: text,
    ...(calls.length > 0 && {
      toolCalls: calls.map((call, index) => decodeCall(call, `${place}.tool_calls[${index}]`)),
    }),
    ...(reasoning !== undefined && { reasoning }),
  };
}

function textOnly(part: Part, place: string): string {
  if (part.type !== "text") throw wrong(`${place}.content`, "text alone in an assistant's turn", part);
  return part.text;
}

function decodeCall(call: unknown, place: string): ToolCall {
  const id = textIn(memberOf(call, "id"));
  const fn = memberOf(call, "function");
  const name = textIn(memberOf(fn, "name"));
  const argumentsText = memberOf(fn, "arguments");
  if (id === undefined || name === undefined || typeof argumentsText !== "string") {
    throw wrong(place, "a call { id, function: { name, arguments } }", call);
  }
  const parsed = parseJson(argumentsText);
  return { id, name, arguments: isObject(parsed) ? parsed : {}, argumentsText };
}

function decodeContent(content: unknown, place: string): string | Part[] {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw wrong(`${place}.content`, "a string or a list of parts", content);
  return content.map((part, index) => decodePart(part, `${place}.content[${index}]`));
}

/** The parts a message may have, by the member that carries each. */
function decodePart(part: unknown, place: string): Part {
  const type = memberOf(part, "type");
  const value = typeof type === "string" ? memberOf(part, type) : undefined;
  if ((type === "text" || type === "refusal") && typeof value === "string")
    return { type: "text", text: value };
  if (type === "image_url") {
    const url = textIn(value) ?? textIn(memberOf(value, "url"));
    if (url !== undefined) return partOfUrl("image", url);
  }
  if (type === "file") {
    const data = textIn(memberOf(value, "file_data"));
    if (data !== undefined) return partOfUrl("file", data, textIn(memberOf(value, "filename")));
  }
  if (type === "input_audio") {
    const data = textIn(memberOf(value, "data"));
    const mediaType = memberOf(value, "format") === "mp3" ? "audio/mpeg" : "audio/wav";
    if (data !== undefined) return { type: "file", data, mediaType };
  }
  throw wrong(place, "a part of type text, image_url, file (with file_data) or input_audio", part);
}

/** A string that is more than a word is only counted: it may be somebody's prompt. */
function wrong(place: string, expected: string, came: unknown): TrunklineError {
  const picture =
    typeof came === "string" && !/^[\w-]{1,20}$/.test(came)
      ? `a string of ${came.length} characters`
      : show(came);
  return new TrunklineError("bad_request", `${place}: expected ${expected}, got ${picture}`, { status: 400 });
}
