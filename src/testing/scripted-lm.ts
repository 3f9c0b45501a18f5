import { checks, show } from "../core/check.ts";
import type { Completion } from "../core/completion.ts";
import { TrunklineError } from "../core/errors.ts";
import type { ChatRequest, Sampling } from "../core/request.ts";
import type { CacheOption } from "../lm/cache-use.ts";
import { LM } from "../lm/lm.ts";
import { trunk } from "../trunk.ts";
import { fieldsAsText } from "./scripted/fields-as-text.ts";
import {
  type ScriptedCall,
  type ScriptedDriver,
  type ScriptedDriverOptions,
  type ScriptedStep,
  scriptedDriver,
} from "./scripted-driver.ts";

/** The outputs of a signature by name, or anything that a scripted driver can say. */
export type ScriptedAnswer = ScriptedStep | Readonly<Record<string, unknown>>;

/** Answers used up in order (more calls than answers are an error), or a function of the request. */
export type LMScript =
  | readonly ScriptedAnswer[]
  | ((request: ChatRequest, call: ScriptedCall) => ScriptedAnswer | Promise<ScriptedAnswer>);

export interface ScriptedLMOptions extends Omit<ScriptedDriverOptions, "name">, Sampling {
  /** Default "scripted". */
  readonly model?: string;
  /** Default false: every call is a step of the script. */
  readonly cache?: CacheOption;
  readonly fallbacks?: readonly LM[];
}

let made = 0;

/** An LM that says what a test wrote, and remembers what it was asked. */
export class ScriptedLM extends LM {
  readonly #driver: ScriptedDriver;

  constructor(script: LMScript, options: ScriptedLMOptions = {}) {
    const { model = "scripted", abilities, keepCalls, ...settings } = options;
    const driver = scriptedDriver(
      (request, call) => answerOf(script, request, call),
      // Of its own, so that two of them share neither lane nor cache.
      {
        name: `scripted-lm-${++made}`,
        ...(abilities && { abilities }),
        ...(keepCalls !== undefined && { keepCalls }),
      },
    );
    super(trunk().driverTarget(driver, model), { cache: false, ...settings });
    this.#driver = driver;
  }

  /** The calls so far, oldest first. */
  get calls(): readonly ScriptedCall[] {
    return this.#driver.calls;
  }

  /** Waits until the predicate holds for the calls. */
  saw(predicate: (calls: readonly ScriptedCall[]) => boolean): Promise<void> {
    return this.#driver.saw(predicate);
  }
}

/**
 * An LM for tests of programs: answers by field, written in the form that the adapter asked for.
 *
 * ```ts
 * import { scriptedLM } from "trunkline/testing";
 *
 * const lm = scriptedLM([{ emotion: "joy" }, { emotion: "fear" }]);
 * const predict = new Predict("sentence -> emotion: 'joy' | 'anger' | 'fear'").setLM(lm);
 * console.log((await predict.call({ sentence: "Hurray!" })).emotion, lm.calls.length);
 * ```
 */
export function scriptedLM(script: LMScript, options: ScriptedLMOptions = {}): ScriptedLM {
  return new ScriptedLM(script, options);
}

async function answerOf(script: LMScript, request: ChatRequest, call: ScriptedCall): Promise<ScriptedStep> {
  const answer = typeof script === "function" ? await script(request, call) : script[call.number - 1];
  if (answer === undefined) {
    return new TrunklineError(
      "config",
      `scriptedLM: call ${call.number} has no answer, for the script ends before it`,
    );
  }
  if (isStep(answer)) return answer;
  if (checks.plainObject(answer) === undefined) return fieldsAsText(answer, request);
  return new TrunklineError(
    "config",
    `scriptedLM: answer ${call.number}: expected fields by name, a text, a completion, an error or a list of steps, got ${show(answer)}`,
  );
}

function isStep(answer: ScriptedAnswer): answer is ScriptedStep {
  return (
    typeof answer === "string" || answer instanceof Error || Array.isArray(answer) || isCompletion(answer)
  );
}

function isCompletion(answer: object): answer is Completion {
  const { text, choices, usage } = (answer ?? {}) as Partial<Completion>;
  return typeof text === "string" && Array.isArray(choices) && typeof usage === "object";
}
