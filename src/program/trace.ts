import type { Cost, Usage } from "../core/completion.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import { jsonText } from "./json-text.ts";
import type { TraceData, TraceEntry, TraceModule, TraceTool } from "./trace-data.ts";
import { traceText } from "./trace-text.ts";

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

  /** For people: what called what, with inputs and outputs, long values cut. */
  toString(): string {
    return traceText(this);
  }

  /** Plain JSON data: bytes of media become base64, what JSON does not have is left out. */
  toJSON(): TraceData {
    const { entries, modules, tools, usage, cost, dropped } = this;
    return JSON.parse(jsonText({ entries, modules, tools, usage, ...(cost && { cost }), dropped }));
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
