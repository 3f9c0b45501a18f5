import type { Cost, Usage } from "../core/completion.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { Message } from "../core/message.ts";
import type { FieldValues } from "../signature/check.ts";

/** What a failed call of a run failed with, as plain data. */
export interface TraceError {
  /** A code of the catalogue, where the error has one. */
  readonly code?: string;
  readonly message: string;
}

/** One call of a predictor. */
export interface TraceEntry {
  /** Counts the calls of a run, from 1, in the order in which they started. */
  readonly id: number;
  /** Its name in the module that ran, such as `judge.predict`; one that the module does not hold is `Predict#1`. */
  readonly predictor: string;
  /** The signature as a string, without instructions. */
  readonly signature: string;
  readonly inputs: FieldValues;
  /** Absent where the call failed or the run ended before it did. */
  readonly outputs?: FieldValues;
  /** With `n` above 1: the outputs of every choice that could be read, in order. */
  readonly choices?: readonly FieldValues[];
  /** What was asked last. */
  readonly messages: readonly Message[];
  /** The text that was answered last. */
  readonly answer?: string;
  /** The thinking that came with it. */
  readonly reasoning?: string;
  /** The model that answered. */
  readonly model?: string;
  readonly cacheHit?: boolean;
  /** Of all answers of this call, those that could not be read included. */
  readonly usage?: Usage;
  readonly cost?: Cost;
  readonly error?: TraceError;
  /** How often it asked again because an answer could not be read. */
  readonly reasks: number;
  /** The id of the module's call that it was made in; absent for one made by no module. */
  readonly parent?: number;
}

/** One call of a module. */
export interface TraceModule {
  readonly id: number;
  /** Its path in the module that ran, empty for that one itself. */
  readonly name: string;
  readonly type: string;
  readonly parent?: number;
}

/** One call of a tool. */
export interface TraceTool {
  readonly id: number;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: string;
  readonly parent?: number;
}

/** A trace as plain data. */
export interface TraceData {
  readonly entries: readonly TraceEntry[];
  readonly modules: readonly TraceModule[];
  readonly tools: readonly TraceTool[];
  /** Of every answer an LM gave in the run. */
  readonly usage: Usage;
  /** Undefined where no price is known. */
  readonly cost?: Cost;
  /** Calls that are not listed, because there were too many. */
  readonly dropped: number;
}

/**
 * What happened in one run of a program: a value of that run alone.
 *
 * ```ts
 * const program = new ChainOfThought("question -> answer");
 * const { prediction, trace } = await program.run({ question: "Why is the sky blue?" }, { lm });
 * console.log(prediction.answer, trace.entries[0]?.usage?.totalTokens);
 * console.log(String(trace));
 * ```
 */
export class Trace implements TraceData {
  readonly entries: readonly TraceEntry[];
  readonly modules: readonly TraceModule[];
  readonly tools: readonly TraceTool[];
  readonly usage: Usage;
  declare readonly cost?: Cost;
  readonly dropped: number;

  constructor(data: TraceData) {
    this.entries = Object.freeze(data.entries);
    this.modules = Object.freeze(data.modules);
    this.tools = Object.freeze(data.tools);
    this.usage = data.usage;
    if (data.cost !== undefined) (this as { cost?: Cost }).cost = data.cost;
    this.dropped = data.dropped;
    Object.freeze(this);
  }

  toString(): string {
    return JSON.stringify(this.entries, undefined, 2);
  }
}

const traces = new WeakMap<object, Trace>();

/** The trace of the run that rejected with this error, up to there. */
export function traceOf(error: unknown): Trace | undefined {
  return typeof error === "object" && error !== null ? traces.get(error) : undefined;
}

/**
 * Remembers the trace of the run that rejects with `error`, and gives the error to reject with: where many callers
 * share one failure, each run's has to be its own.
 */
export function leaveTrace(error: unknown, trace: Trace): unknown {
  if (typeof error !== "object" || error === null) return error;
  const own = traces.has(error) && isTrunklineError(error) ? copyOf(error) : error;
  traces.set(own, trace);
  return own;
}

function copyOf(error: TrunklineError): TrunklineError {
  return new TrunklineError(error.code, error.message, { ...error, cause: error.cause });
}
