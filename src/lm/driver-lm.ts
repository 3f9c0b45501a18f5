import { type Check, checkOptions, wrongOption } from "../core/check.ts";
import { type Sampling, samplingChecks } from "../core/request.ts";
import { type FunctionTargetOptions, functionTargetChecks, trunk } from "../trunk.ts";
import { fallbacks, LM, type LMOptions } from "./lm.ts";
import { type Behaviour, behaviourChecks } from "./options.ts";

/** What `new DriverLM` takes: two functions, what they can carry, and an LM's own options. */
export interface DriverLMOptions<Raw>
  extends FunctionTargetOptions<Raw>,
    Sampling,
    Behaviour,
    Pick<LMOptions, "fallbacks"> {}

const optionChecks: Readonly<Record<string, Check>> = {
  ...behaviourChecks,
  ...functionTargetChecks,
  ...samplingChecks,
  fallbacks,
};

/**
 * Any backend as an LM, by two functions: one asks, one reads. Admission, retries, usage, events and the limits of
 * an LM come along. `model` also names the cache entries, on disk too: give another name, or `cache: "refresh"`, when
 * the functions behind it change. Without a name answers are remembered in memory, for these very functions alone.
 *
 * ```ts
 * const lm = new DriverLM({
 *   model: "llama3.2-vision:11b",
 *   requestFn: async ({ prompt, temperature, maxTokens, signal }) => {
 *     const body = JSON.stringify({ prompt, temperature, max_tokens: maxTokens });
 *     const response = await fetch("http://localhost:8080/ask", { method: "POST", body, signal });
 *     if (!response.ok) throw Object.assign(new Error("the backend refused"), { status: response.status });
 *     return (await response.json()) as { answer: string };
 *   },
 *   outputFn: (raw) => completion(raw.answer.trim(), { finishReason: "stop" }),
 * });
 * ```
 */
export class DriverLM<Raw = unknown> extends LM {
  constructor(options: DriverLMOptions<Raw>) {
    if (options === undefined)
      throw wrongOption("DriverLM", "an object with requestFn and outputFn", options);
    checkOptions("DriverLM", options, optionChecks);
    super(trunk().functionTarget(options), { temperature: 0.7, maxTokens: 256, ...defined(options) });
  }
}

/** Without members that are undefined, which would hide a default. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
