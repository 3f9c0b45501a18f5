import { type Check, checkOptions, checks, didYouMean, oneOf, show, wrongInput } from "./check.ts";
import { TrunklineError } from "./errors.ts";
import type { Message, Part } from "./message.ts";
import { frozenCopy } from "./plain-copy.ts";

/** A tool as the model sees it. */
export interface ToolSpec {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

export type ToolChoice = "auto" | "none" | "required" | { readonly tool: string };

/** The form an answer must have. */
export type ResponseFormat =
  | { readonly type: "text" }
  | { readonly type: "json" }
  | {
      readonly type: "json_schema";
      readonly name?: string;
      readonly schema: Readonly<Record<string, unknown>>;
    };

/** What a call may set beside its messages; an LM's options hold the defaults. */
export interface Sampling {
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly topP?: number;
  readonly stop?: readonly string[];
  readonly seed?: number;
  readonly n?: number;
  readonly tools?: readonly ToolSpec[];
  readonly toolChoice?: ToolChoice;
  readonly responseFormat?: ResponseFormat;
  readonly reasoningEffort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh";
  /** Members for the provider's own body that trunkline has no word for; sent as they are. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Asks for vectors in place of an answer. */
export interface EmbedSpec {
  /** How many numbers a vector should have, where the model can shorten them. */
  readonly dimensions?: number;
}

/** One complete question to a model: frozen, defaults filled in, the same for every driver. */
export interface ChatRequest extends Sampling {
  readonly model: string;
  readonly messages: readonly Message[];
  /**
   * Where it is there, this asks for the vectors of the messages' texts, one a message, and `Completion.vectors`
   * answers it. The same shape as any other question, so that cache, retry and admission need no second path.
   */
  readonly embed?: EmbedSpec;
}

/** What `lm.call` takes: a prompt, messages, or messages together with sampling options. */
export type Input = string | readonly Message[] | (Sampling & { readonly messages: readonly Message[] });

const plain = checks.plainObject;

const isTool = (tool: unknown): boolean =>
  plain(tool) === undefined &&
  typeof (tool as ToolSpec).name === "string" &&
  plain((tool as ToolSpec).inputSchema) === undefined;

/** The checks of every sampling option, shared by LM options and calls. */
export const samplingChecks = {
  temperature: (v) => (Number.isFinite(v) && (v as number) >= 0 ? undefined : "a number of 0 or more"),
  maxTokens: checks.positiveCount,
  topP: (v) => (typeof v === "number" && v >= 0 && v <= 1 ? undefined : "a number from 0 to 1"),
  stop: (v) => (Array.isArray(v) && v.every((s) => typeof s === "string") ? undefined : "a list of strings"),
  seed: (v) => (Number.isSafeInteger(v) ? undefined : "a whole number"),
  n: checks.positiveCount,
  tools: (v) =>
    Array.isArray(v) && v.every(isTool) ? undefined : "a list of tools { name, description?, inputSchema }",
  toolChoice: (v) =>
    typeof v === "object" && v !== null && typeof (v as { tool?: unknown }).tool === "string"
      ? undefined
      : oneOf("auto", "none", "required")(v) && '"auto", "none", "required" or { tool: name }',
  responseFormat: (v) =>
    plain(v) ??
    oneOf(
      "text",
      "json",
      "json_schema",
    )((v as { type?: unknown }).type)?.replace("one of", "a type that is one of"),
  reasoningEffort: oneOf("none", "minimal", "low", "medium", "high", "xhigh"),
  extra: plain,
} satisfies Record<keyof Sampling, Check>;

const samplingNames = Object.keys(samplingChecks) as (keyof Sampling)[];
const inputChecks = {
  ...samplingChecks,
  messages: (v: unknown) => (Array.isArray(v) ? undefined : "a list of messages"),
};

/**
 * The request of a call: `input` over `call` over `defaults`, messages checked and copied, so that nothing the
 * caller changes afterwards reaches the wire or a cache key.
 */
export function makeRequest(model: string, input: Input, call: Sampling, defaults: Sampling): ChatRequest {
  const request: Record<string, unknown> = { model, messages: Object.freeze(readMessages(input)) };
  const own = typeof input === "object" && !Array.isArray(input) ? (input as Sampling) : undefined;
  if (own !== undefined) checkOptions("request", own, inputChecks, "bad_request");
  for (const name of samplingNames) {
    const value = own?.[name] ?? call[name] ?? defaults[name];
    if (value === undefined) continue;
    const fault = own?.[name] === undefined ? "config" : "bad_request";
    request[name] = typeof value === "object" ? frozenCopy(value, name, fault) : value;
  }
  return Object.freeze(request) as unknown as ChatRequest;
}

function readMessages(input: Input): Message[] {
  if (typeof input === "string") return [Object.freeze({ role: "user", content: input })];
  const list = Array.isArray(input) ? input : (input as { messages?: unknown } | null | undefined)?.messages;
  if (!Array.isArray(list)) {
    throw wrongInput("input", "a string, a list of messages, or an object with `messages`", input);
  }
  if (list.length === 0) throw wrongInput("messages", "at least one message", list);
  return list.map(readMessage);
}

/** What an embed request may say beside its texts. */
export interface EmbedOptions extends EmbedSpec, Pick<Sampling, "extra"> {}

/** The checks of what an embed request may say. */
export const embedChecks = {
  dimensions: checks.positiveCount,
  extra: plain,
} satisfies Record<keyof EmbedOptions, Check>;

/** The request for the vectors of `texts`: one user message each. */
export function makeEmbedRequest(
  model: string,
  texts: readonly string[],
  options: EmbedOptions = {},
): ChatRequest {
  if (!Array.isArray(texts) || texts.length === 0)
    throw wrongInput("embed", "a list of at least one text", texts);
  const wrong = texts.findIndex((text) => typeof text !== "string" || text === "");
  if (wrong !== -1) throw wrongInput(`embed: texts[${wrong}]`, "a text that is not empty", texts[wrong]);
  checkOptions("embed", options, embedChecks);
  const { dimensions, extra } = options;
  return Object.freeze({
    model,
    messages: Object.freeze(texts.map((content): Message => Object.freeze({ role: "user", content }))),
    embed: Object.freeze(dimensions === undefined ? {} : { dimensions }),
    ...(extra !== undefined && { extra: frozenCopy(extra, "extra") }),
  });
}

/** What a message of any role may have. */
const members: ReadonlySet<string> = new Set([
  "role",
  "content",
  "toolCalls",
  "toolCallId",
  "reasoning",
  "opaque",
]);
const roles = oneOf("system", "user", "assistant", "tool");

function readMessage(message: Message, index: number): Message {
  const place = `messages[${index}]`;
  if (plain(message) !== undefined) throw wrongInput(place, "a message { role, content }", message);
  const expected = roles(message.role);
  if (expected !== undefined) throw wrongInput(`${place}.role`, expected, message.role);
  for (const name in message) {
    if (!members.has(name))
      throw new TrunklineError(
        "bad_request",
        `${place}: unknown member ${show(name)}; ${didYouMean(name, [...members])}`,
        {
          sent: false,
        },
      );
  }
  if (message.role === "tool" && typeof message.toolCallId !== "string") {
    throw wrongInput(`${place}.toolCallId`, "the id of the tool call that this answers", message.toolCallId);
  }
  if (typeof message.content === "string") {
    // Most turns are flat: a spread is enough, and far cheaper than a walk.
    const { toolCalls, opaque } = message as { toolCalls?: unknown; opaque?: unknown };
    return toolCalls === undefined && opaque === undefined
      ? Object.freeze({ ...message })
      : frozenCopy(message, place, "bad_request");
  }
  if (!Array.isArray(message.content))
    throw wrongInput(`${place}.content`, "a string or a list of parts", message.content);
  for (const [i, part] of message.content.entries()) checkPart(part, `${place}.content[${i}]`);
  return frozenCopy(message, place, "bad_request");
}

function checkPart(part: Part, place: string): void {
  if (plain(part) !== undefined) throw wrongInput(place, "a part { type, ... }", part);
  const expected = oneOf("text", "image", "file")(part.type);
  if (expected !== undefined) throw wrongInput(`${place}.type`, expected, part.type);
  if (part.type === "text") {
    if (typeof part.text !== "string") throw wrongInput(`${place}.text`, "a string", part.text);
  } else if ((part.data === undefined) === (part.url === undefined)) {
    throw wrongInput(place, "either `data` or `url`", part);
  }
}
