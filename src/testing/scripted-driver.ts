import type { Delta } from "../core/call.ts";
import { type Completion, completion } from "../core/completion.ts";
import { TrunklineError } from "../core/errors.ts";
import type { ToolCall } from "../core/message.ts";
import type { ChatRequest } from "../core/request.ts";
import { abortError } from "../core/signals.ts";
import type { Abilities, Driver, DriverOptions } from "../drivers/driver.ts";
import { countTokens, promptOf } from "../drivers/simulated/tokens.ts";
import { deliver } from "../wire/deltas.ts";
import { parseJson } from "../wire/json-value.ts";
import { type Gate, isGate } from "./gate.ts";
import { Waits } from "./waits.ts";

/**
 * What the driver does with one call.
 * - a text: the whole answer;
 * - a Completion: exactly that;
 * - an Error: the call rejects with it;
 * - a list: texts and deltas handed out one by one, gates waited at, and an error that ends it. The answer is
 *   what the deltas make together.
 */
export type ScriptedStep = string | Completion | Error | readonly (string | Delta | Gate | Error)[];

/** Steps used up in order (more calls than steps are an error), or a function of the request. */
export type DriverScript =
  | readonly ScriptedStep[]
  | ((request: ChatRequest, call: ScriptedCall) => ScriptedStep | Promise<ScriptedStep>);

/** One call as the driver saw it. */
export interface ScriptedCall {
  /** 1 for the first. */
  readonly number: number;
  readonly request: ChatRequest;
  readonly options: DriverOptions;
  readonly state: "running" | "answered" | "failed" | "aborted";
}

export interface ScriptedDriver extends Driver {
  /** The first `keepCalls` calls, oldest first. */
  readonly calls: readonly ScriptedCall[];
  /** Waits until the predicate holds for the calls. */
  saw(predicate: (calls: readonly ScriptedCall[]) => boolean): Promise<void>;
}

export interface ScriptedDriverOptions {
  /** Default "scripted". */
  readonly name?: string;
  /** What it can carry, where that is less than everything. */
  readonly abilities?: Partial<Abilities>;
  /** Calls that are remembered. Default 10,000. */
  readonly keepCalls?: number;
}

/**
 * A driver that says what a test wrote, and remembers what it was asked.
 *
 * ```ts
 * import { gate, scriptedDriver } from "trunkline/testing";
 *
 * const more = gate();
 * const driver = scriptedDriver(["Hi.", ["Once ", more, "upon a time"], new Error("down")]);
 * console.log(driver.calls.length);
 * ```
 */
export function scriptedDriver(script: DriverScript, options: ScriptedDriverOptions = {}): ScriptedDriver {
  const { name = "scripted", abilities, keepCalls = 10_000 } = options;
  const next = typeof script === "function" ? script : inOrder(name, script);
  const calls: Mutable<ScriptedCall>[] = [];
  const waits = new Waits();
  let number = 0;
  return {
    name,
    abilities: {
      images: true,
      files: true,
      tools: true,
      responseFormat: "json_schema",
      choices: true,
      ...abilities,
    },
    calls,
    saw: (predicate) => waits.until(() => predicate(calls)),
    async chat(request, callOptions) {
      const { signal } = callOptions;
      if (signal?.aborted) throw reasonOf(signal);
      const call: Mutable<ScriptedCall> = {
        number: ++number,
        request,
        options: callOptions,
        state: "running",
      };
      if (calls.length < keepCalls) calls.push(call);
      waits.changed();
      try {
        const answer = await untilAborted(play(next, call), signal);
        call.state = "answered";
        return answer;
      } catch (error) {
        call.state = signal?.aborted ? "aborted" : "failed";
        throw error;
      } finally {
        waits.changed();
      }
    },
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

type Next = (request: ChatRequest, call: ScriptedCall) => ScriptedStep | Promise<ScriptedStep>;

function inOrder(name: string, steps: readonly ScriptedStep[]): Next {
  return (_, { number }) => {
    const step = steps[number - 1];
    if (step !== undefined) return step;
    throw new TrunklineError(
      "config",
      `${name}: call ${number} has no step, for the script has only ${steps.length}; add one, or pass a function`,
    );
  };
}

async function play(next: Next, call: ScriptedCall): Promise<Completion> {
  const { request, options } = call;
  const step = await next(request, call);
  if (step instanceof Error) throw step;
  if (isList(step)) return playList(step, request, options);
  const answer = typeof step === "string" ? completion(step, detailsFor(step, request)) : step;
  options.watch.onFirstByte?.();
  if (options.onDelta !== undefined) deliver(answer, options.onDelta);
  return answer;
}

const isList = (
  step: string | Completion | readonly unknown[],
): step is readonly (string | Delta | Gate | Error)[] => Array.isArray(step);

async function playList(
  steps: readonly (string | Delta | Gate | Error)[],
  request: ChatRequest,
  { signal, onDelta, watch }: DriverOptions,
): Promise<Completion> {
  const said: Delta[] = [];
  for (const step of steps) {
    if (signal?.aborted) break;
    if (step instanceof Error) throw step;
    if (isGate(step)) await step.opened;
    else {
      const delta = typeof step === "string" ? { text: step } : step;
      if (said.length === 0) watch.onFirstByte?.();
      said.push(delta);
      onDelta?.(delta);
    }
  }
  return assembled(said, request);
}

/** The answer that the deltas of the first choice make together. */
function assembled(deltas: readonly Delta[], request: ChatRequest): Completion {
  const own = deltas.filter((delta) => (delta.choice ?? 0) === 0);
  const text = own.map((delta) => delta.text).join("");
  const reasoning = own.map((delta) => delta.reasoning ?? "").join("");
  const calls: { id: string; name: string; argumentsText: string }[] = [];
  for (const { toolCall } of own) {
    if (toolCall === undefined) continue;
    calls[toolCall.index] ??= { id: "", name: "", argumentsText: "" };
    const call = calls[toolCall.index]!;
    call.id ||= toolCall.id ?? "";
    call.name ||= toolCall.name ?? "";
    call.argumentsText += toolCall.argumentsText ?? "";
  }
  const toolCalls = calls.map((call) => ({
    ...call,
    arguments: (parseJson(call.argumentsText) ?? {}) as ToolCall["arguments"],
  }));
  return completion(text, {
    ...detailsFor(text, request),
    ...(reasoning !== "" && { reasoning }),
    ...(toolCalls.length > 0 && { toolCalls }),
  });
}

function detailsFor(text: string, request: ChatRequest) {
  return {
    model: request.model,
    inputTokens: countTokens(promptOf(request)),
    outputTokens: countTokens(text),
    rawFinishReason: "stop",
  };
}

/** `work`, or the signal's reason as soon as it aborts. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(reasonOf(signal));
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function reasonOf(signal: AbortSignal): TrunklineError {
  return signal.reason instanceof TrunklineError ? signal.reason : abortError(signal);
}
