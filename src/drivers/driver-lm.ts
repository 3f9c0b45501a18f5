import type { Delta } from "../core/call.ts";
import { type Check, checkOptions, checks, show } from "../core/check.ts";
import { type Completion, completion } from "../core/completion.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import { type Message, textOf } from "../core/message.ts";
import type { ChatRequest, Sampling } from "../core/request.ts";
import { codeFor } from "../wire/error-words.ts";
import { abilityChecks } from "./abilities.ts";
import type { Abilities, Driver, DriverOptions } from "./driver.ts";

/** What a request function is given: the question in two forms, how to answer it, and when to stop. */
export interface RequestParameters extends Omit<Sampling, "extra"> {
  readonly model: string;
  /** The text of a single user message; longer conversations as one text, a paragraph a turn. */
  readonly prompt: string;
  readonly messages: readonly Message[];
  /** Aborts when nobody waits any more, or when `timeout` has passed. Pass it on to whatever is waited for. */
  readonly signal: AbortSignal;
  /** There when the caller streams: tell it each piece of text. */
  readonly onDelta?: (delta: Delta | string) => void;
  /**
   * Milliseconds that this attempt may take; `signal` aborts when they have passed. A function that does not hear
   * it keeps its place, and its caller, for `abandonAfter` more.
   */
  readonly timeout: number;
  /** Headers of this call alone. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Members of the call's `extra`, by their own names. */
  readonly [name: string]: unknown;
}

export interface FunctionDriverOptions<Raw> {
  /** Names the backend's model, in errors and in cache keys. */
  readonly model?: string;
  /** Asks the backend and returns what it said, in any form that `outputFn` understands. */
  readonly requestFn: (parameters: RequestParameters) => Raw | Promise<Raw>;
  /** Makes a completion, or just its text, of what `requestFn` returned. */
  readonly outputFn: (raw: Raw) => Completion | string | Promise<Completion | string>;
  /** What the backend cannot carry, such as `{ images: false }`. Everything reaches `requestFn` by default. */
  readonly abilities?: Partial<Abilities>;
}

const everything: Abilities = {
  images: true,
  files: true,
  tools: true,
  responseFormat: "json_schema",
  choices: true,
};

/** The checks of what `functionDriver` takes. */
export const functionChecks = {
  // An empty one (`process.env.MODEL ?? ""`) would give one backend's answers to another.
  model: (value) => (typeof value === "string" && value.trim() !== "" ? undefined : "a name"),
  requestFn: checks.fn,
  outputFn: checks.fn,
  abilities: checks.plainObject,
} satisfies Record<keyof FunctionDriverOptions<unknown>, Check>;

/**
 * A driver of two functions. Behind the guard it is as safe as any other: what they throw, forget or return in a
 * wrong shape is an error that says so.
 *
 * ```ts
 * const driver = functionDriver({
 *   model: "llama3.2-vision:11b",
 *   requestFn: async ({ prompt, signal }) => {
 *     const response = await fetch("http://localhost:8080/ask", { method: "POST", body: prompt, signal });
 *     if (!response.ok) throw Object.assign(new Error("the backend refused"), { status: response.status });
 *     return (await response.json()) as { answer: string };
 *   },
 *   outputFn: (raw) => completion(raw.answer.trim()),
 * });
 * ```
 */
export function functionDriver<Raw>(options: FunctionDriverOptions<Raw>): Driver {
  checkOptions("DriverLM", options, functionChecks);
  const { model, requestFn, outputFn, abilities } = options;
  checkOptions("DriverLM: abilities", abilities, abilityChecks);
  if (requestFn === undefined) throw missing("requestFn", "asks the backend and returns its raw answer");
  if (outputFn === undefined) throw missing("outputFn", "makes a completion of the raw answer");
  const name = `DriverLM(${model ?? (requestFn.name || "unnamed")})`;
  return Object.freeze({
    name,
    abilities: Object.freeze({ ...everything, ...abilities }),
    async chat(request: ChatRequest, callOptions: DriverOptions): Promise<Completion> {
      const raw = await requestFn(parametersOf(request, callOptions));
      checkRaw(raw, name);
      return finish(await read(raw, outputFn, name), raw, request, name);
    },
  });
}

function missing(option: string, does: string): TrunklineError {
  return new TrunklineError("config", `DriverLM: ${option} is missing: expected a function that ${does}`);
}

function parametersOf(request: ChatRequest, options: DriverOptions): RequestParameters {
  const { extra, ...known } = request;
  return {
    ...extra,
    ...known,
    prompt: promptOf(request.messages),
    timeout: options.timeout,
    signal: options.signal ?? neverAborted,
    ...(options.onDelta && { onDelta: options.onDelta as (delta: Delta | string) => void }),
    ...(options.headers && { headers: options.headers }),
  };
}

const neverAborted = new AbortController().signal;

/** Conversations as one text, for backends that know only prompts. */
function promptOf(messages: readonly Message[]): string {
  const [first] = messages;
  if (messages.length === 1 && first?.role === "user") return textOf(first.content);
  return messages.map((message) => `${message.role}: ${turnOf(message)}`).join("\n\n");
}

function turnOf(message: Message): string {
  const text = textOf(message.content);
  if (message.role !== "assistant" || message.toolCalls === undefined) return text;
  const calls = message.toolCalls.map((call) => `${call.name}(${call.argumentsText})`);
  return [text, ...calls].filter((line) => line !== "").join("\n");
}

/** What HTTP clients return: fetch's Response has `ok` and `status`, undici's has `statusCode`. */
interface MaybeResponse {
  readonly ok?: unknown;
  readonly status?: unknown;
  readonly statusCode?: unknown;
  readonly body?: unknown;
}

/** An HTTP answer that was never looked at must not become an empty text. */
function checkRaw(raw: unknown, name: string): void {
  if (raw === undefined || raw === null) {
    throw badAnswer(
      `requestFn of ${name} returned ${raw}; expected the backend's answer (is a \`return\` missing?)`,
    );
  }
  const { ok, status, statusCode, body } = raw as MaybeResponse;
  const failed = ok === false ? status : statusCode;
  if (typeof failed !== "number" || !(ok === false || failed >= 400)) return;
  if (body instanceof ReadableStream && !body.locked) body.cancel().catch(() => {});
  throw new TrunklineError(
    codeFor(failed),
    `requestFn of ${name} returned a response with HTTP ${failed}; check \`response.ok\` in requestFn and throw`,
    { status: failed },
  );
}

async function read<Raw>(
  raw: Raw,
  outputFn: FunctionDriverOptions<Raw>["outputFn"],
  name: string,
): Promise<Completion | string> {
  try {
    return await outputFn(raw);
  } catch (error) {
    // A wrong argument to completion() is a config error; here it is this one answer that is wrong.
    if (isTrunklineError(error) && error.code !== "config") throw error;
    const said = error instanceof Error ? `${error.name}: ${error.message}` : typeof error;
    throw badAnswer(`outputFn of ${name} failed on ${show(raw)}: ${said}`, error);
  }
}

function finish(came: Completion | string, raw: unknown, request: ChatRequest, name: string): Completion {
  const answer = typeof came === "string" ? completion(came) : came;
  if (typeof answer !== "object" || answer === null) {
    throw badAnswer(
      `outputFn of ${name} returned ${show(came)}; expected completion(text, { ... }) or a string`,
    );
  }
  if (answer.text === "" && meansAnswer(answer)) {
    throw badAnswer(
      `outputFn of ${name} made an empty text of ${show(raw)}; check \`response.ok\` in requestFn, and that outputFn ` +
        "reads the member that holds the answer",
    );
  }
  return answer.model === "" ? { ...answer, model: request.model } : answer;
}

/** Whether an empty text is a fault: tool calls, filters and cut answers may have none. */
function meansAnswer(answer: Completion): boolean {
  const choice = answer.choices?.[0];
  return choice?.finishReason === "stop" && !choice.message?.toolCalls?.length;
}

function badAnswer(message: string, cause?: unknown): TrunklineError {
  return new TrunklineError("bad_response", message, { cause });
}
