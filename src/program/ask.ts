import type { Adapter, Demo, Plan, Question } from "../adapter/adapter.ts";
import { type AdapterChoice, adapterOf } from "../adapter/adapters.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { Sampling } from "../core/request.ts";
import { thrownText } from "../core/thrown.ts";
import type { LM } from "../lm/lm.ts";
import type { CallInit } from "../lm/options.ts";
import { currentAdapter } from "../lm/settings.ts";
import { checkInputs, type FieldValues } from "../signature/check.ts";
import type { Signature } from "../signature/signature.ts";
import { type Outcome, outcomeOf, outcomesOf, type Unfinished } from "./choices.ts";
import { formFor, stepDown } from "./form.ts";
import { checkedInTime } from "./leaving.ts";
import { Listener } from "./listen.ts";
import { type ModuleLike, nameOf } from "./own.ts";
import { named } from "./place.ts";
import { planOf } from "./plans.ts";
import type { OpenEntry } from "./recorder.ts";
import type { RunInit } from "./run-init.ts";
import { type RunScope, runScope } from "./run-scope.ts";
import { Tally } from "./tally.ts";
import { lmFor } from "./which-lm.ts";

interface WayParts {
  readonly signature: Signature<unknown, unknown>;
  readonly demos: readonly Demo[];
  readonly config: Sampling;
  readonly adapter: Adapter | undefined;
  readonly reask: number;
}

/** How a predictor asks. A frozen value of a class, so that copies of a predictor share it as it is. */
export class Way implements WayParts {
  declare readonly signature: Signature<unknown, unknown>;
  declare readonly demos: readonly Demo[];
  declare readonly config: Sampling;
  declare readonly adapter: Adapter | undefined;
  declare readonly reask: number;

  constructor(parts: WayParts) {
    Object.freeze(Object.assign(this, parts));
  }
}

/** Characters of a signature that an error shows. */
const longestShown = 200;

/** One call of a predictor: inputs checked, one question, at most `reask` more, outputs checked. */
export function ask(asker: ModuleLike, way: Way, given: unknown, init: RunInit): Promise<FieldValues> {
  const scope = runScope();
  const asking = new Asking(asker, way, init, scope);
  return scope?.recorder === undefined ? asking.ask(given) : asking.recorded(given);
}

class Asking {
  readonly #asker: ModuleLike;
  readonly #way: Way;
  readonly #init: RunInit;
  readonly #scope: RunScope | undefined;
  /** Read here and nowhere else: what a run lays over a predictor lies here. */
  readonly #signature: Signature<unknown, unknown>;
  readonly #demos: readonly Demo[];
  readonly #laid: FieldValues | undefined;
  #entry: OpenEntry | undefined;
  #tally: Tally | undefined;
  #listener: Listener | undefined;

  constructor(asker: ModuleLike, way: Way, init: RunInit, scope: RunScope | undefined) {
    const overlay = scope?.overlay?.(asker);
    this.#asker = asker;
    this.#way = way;
    this.#init = init;
    this.#scope = scope;
    this.#signature = overlay?.signature ?? way.signature;
    this.#demos = overlay?.demos ?? way.demos;
    this.#laid = overlay?.inputs;
  }

  /** `ask`, taken down in the trace. */
  async recorded(given: unknown): Promise<FieldValues> {
    const { recorder, parent } = this.#scope!;
    const inputs = given as FieldValues;
    const facts = { signature: this.#signature.toString(), inputs, messages: [], reasks: 0 };
    const entry = recorder!.predictor(this.#asker, facts, parent);
    this.#entry = entry;
    this.#tally = new Tally();
    try {
      entry.outputs = await this.ask(given);
      return entry.outputs;
    } catch (error) {
      const message = thrownText(error);
      entry.error = isTrunklineError(error) ? { code: error.code, message } : { message };
      throw error;
    }
  }

  async ask(given: unknown): Promise<FieldValues> {
    const inputs = await this.#inputs(given);
    const lm = lmFor(this.#asker, this.#init.lm);
    const plan = planOf(this.#adapter(lm), this.#signature, this.#demos);
    let { question, answer } = await this.#first(lm, plan, inputs);
    for (let reasks = 0; ; reasks++) {
      const outcome = await checkedInTime(this.#outcome(plan, answer), this.#init.signal);
      if ("code" in outcome) throw this.#unfinished(answer, outcome);
      if ("outputs" in outcome) {
        this.#listener?.settle(outcome.outputs);
        return outcome.outputs;
      }
      if (reasks === this.#way.reask) throw this.#unreadable(answer, outcome);
      if (this.#entry) this.#entry.reasks++;
      this.#scope?.emit?.(this.#asker, { type: "restart" });
      question = plan.askAgain(question, outcome.text, outcome.problem);
      answer = await this.#send(lm, plan, question);
    }
  }

  async #inputs(given: unknown): Promise<FieldValues> {
    const laid = this.#laid === undefined ? given : { ...(given as FieldValues), ...this.#laid };
    const inputs = await checkedInTime(checkInputs(this.#signature, laid), this.#init.signal);
    if (this.#entry) this.#entry.inputs = inputs;
    return inputs;
  }

  #adapter(lm: LM): Adapter {
    const { adapter } = this.#init;
    if (adapter !== undefined) return adapterOf(adapter);
    return this.#way.adapter ?? adapterOf((currentAdapter() ?? lm.prefers ?? "chat") as AdapterChoice);
  }

  /** The first answer. A backend that refuses the answer's form is asked once more, in a looser one. */
  async #first(
    lm: LM,
    plan: Plan,
    inputs: FieldValues,
  ): Promise<{ readonly question: Question; readonly answer: Completion }> {
    for (;;) {
      const question = plan.ask(inputs, formFor(lm));
      try {
        return { question, answer: await this.#send(lm, plan, question) };
      } catch (error) {
        if (!stepDown(lm, question.responseFormat?.type, error)) throw error;
      }
    }
  }

  async #send(lm: LM, plan: Plan, question: Question): Promise<Completion> {
    if (this.#entry) this.#entry.messages = question.messages;
    const call = this.#callInit(question);
    const emit = this.#scope?.emit;
    if (emit === undefined) return this.#took(await lm.call(question.messages, call));
    const listener = new Listener(plan.reader(), (event) => emit(this.#asker, event));
    this.#listener = listener;
    const answer = await lm.call(question.messages, { ...call, onDelta: listener.onDelta });
    listener.end();
    return this.#took(answer);
  }

  #callInit({ responseFormat }: Question): CallInit {
    const { signal, rolloutId, temperature, cache } = this.#init;
    return {
      ...this.#way.config,
      ...(responseFormat && { responseFormat }),
      ...(temperature !== undefined && { temperature }),
      ...(signal && { signal }),
      ...(rolloutId !== undefined && { rolloutId }),
      ...(cache !== undefined && { cache }),
    };
  }

  /** Writes an answer into the trace. */
  #took(answer: Completion): Completion {
    const entry = this.#entry;
    if (entry === undefined) return answer;
    this.#tally!.add(answer);
    const { usage, cost } = this.#tally!;
    const { text, model, cacheHit, choices } = answer;
    const reasoning = choices[0]?.message.reasoning;
    Object.assign(entry, { answer: text, model, cacheHit, usage });
    if (cost) entry.cost = cost;
    if (reasoning) entry.reasoning = reasoning;
    return answer;
  }

  /** What came of an answer: of several choices the first that fits, else the first that could be asked again. */
  #outcome(plan: Plan, answer: Completion): Outcome | Promise<Outcome> {
    const { choices } = answer;
    return choices.length === 1 ? outcomeOf(plan, choices[0]!) : this.#firstFit(plan, answer);
  }

  async #firstFit(plan: Plan, answer: Completion): Promise<Outcome> {
    const outcomes = await outcomesOf(plan, answer);
    const fit = outcomes.filter((outcome) => "outputs" in outcome);
    if (this.#entry) this.#entry.choices = fit.map(({ outputs }) => outputs);
    return fit[0] ?? outcomes.find((outcome) => "problem" in outcome) ?? outcomes[0]!;
  }

  #unfinished(partial: Completion, { code, why }: Unfinished): TrunklineError {
    return new TrunklineError(code, `${this.#name()}: ${why}`, { partial, model: partial.model });
  }

  #unreadable({ model }: Completion, { text, problem }: { text: string; problem: string }): TrunklineError {
    return new TrunklineError("parse", `${this.#name()}: the answer does not fit its signature: ${problem}`, {
      answer: text,
      model,
    });
  }

  #name(): string {
    const text = String(this.#signature);
    const outputs = this.#signature.outputs.map(({ name }) => name).join(", ");
    const short = text.length <= longestShown ? text : `... -> ${outputs}`;
    return named(this.#asker, `${nameOf(this.#asker)}(${short})`);
  }
}
