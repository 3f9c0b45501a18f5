import type { Adapter, Demo, Plan, Question, Reading } from "../adapter/adapter.ts";
import { type AdapterChoice, adapterOf } from "../adapter/adapters.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { Sampling } from "../core/request.ts";
import type { LM } from "../lm/lm.ts";
import type { CallInit } from "../lm/options.ts";
import { currentAdapter } from "../lm/settings.ts";
import { checkInputs, describe, type FieldValues } from "../signature/check.ts";
import type { Signature } from "../signature/signature.ts";
import { unfinished } from "./finish.ts";
import { formFor, stepDown } from "./form.ts";
import { listen } from "./listen.ts";
import { type ModuleLike, nameOf } from "./own.ts";
import { planOf } from "./plans.ts";
import { pathIn } from "./predictors.ts";
import type { OpenEntry } from "./recorder.ts";
import type { RunInit } from "./run-init.ts";
import { type RunScope, runScope } from "./run-scope.ts";
import { Tally } from "./tally.ts";
import { lmFor } from "./which-lm.ts";

/** How a predictor asks. A frozen value, so that copies of a predictor may share it. */
export interface Way {
  readonly signature: Signature<unknown, unknown>;
  readonly demos: readonly Demo[];
  readonly config: Sampling;
  readonly adapter: Adapter | undefined;
  readonly reask: number;
}

/** One call of a predictor: inputs checked, one question, at most `reask` more, outputs checked. */
export async function ask(asker: ModuleLike, way: Way, given: unknown, init: RunInit): Promise<FieldValues> {
  const scope = runScope();
  if (scope === undefined) return new Asking(asker, way, init, scope).ask(given);
  const asking = new Asking(asker, way, init, scope);
  return scope.recorder === undefined ? asking.ask(given) : asking.recorded(given);
}

class Asking {
  readonly #asker: ModuleLike;
  readonly #way: Way;
  readonly #init: RunInit;
  readonly #scope: RunScope | undefined;
  /** Instructions and demos, read here and nowhere else: what is laid over a predictor in a run lies here. */
  readonly #signature: Signature<unknown, unknown>;
  readonly #demos: readonly Demo[];
  #laid: FieldValues | undefined;
  #entry: OpenEntry | undefined;
  #tally: Tally | undefined;

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
      const message = error instanceof Error ? error.message : String(error);
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
      const reading = await this.#read(plan, answer);
      if (reading.problems.length === 0) return Object.freeze(reading.values);
      const problem = describe(reading.problems);
      if (reasks === this.#way.reask) throw this.#unreadable(answer, problem);
      if (this.#entry) this.#entry.reasks++;
      this.#emitRestart();
      question = plan.askAgain(question, answer.text, problem);
      answer = await this.#send(lm, plan, question);
    }
  }

  async #inputs(given: unknown): Promise<FieldValues> {
    const laid = this.#laid === undefined ? given : { ...(given as FieldValues), ...this.#laid };
    const inputs = await checkInputs(this.#signature, laid);
    if (this.#entry) this.#entry.inputs = inputs;
    return inputs;
  }

  #adapter(lm: LM): Adapter {
    const { adapter } = this.#init;
    if (adapter !== undefined) return adapterOf(adapter);
    return this.#way.adapter ?? adapterOf((currentAdapter() as AdapterChoice) ?? lm.prefers ?? "chat");
  }

  /** The first answer. A backend that refuses the answer's form is asked once more, in a looser one. */
  async #first(
    lm: LM,
    plan: Plan,
    inputs: FieldValues,
  ): Promise<{ readonly question: Question; readonly answer: Completion }> {
    for (;;) {
      const form = formFor(lm);
      const question = plan.ask(inputs, form);
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
    const { emit, recorder } = this.#scope ?? {};
    if (emit === undefined) return this.#took(await lm.call(question.messages, call));
    const heard = listen(plan.reader(), recorder!.nameOf(this.#asker), emit);
    const answer = await lm.call(question.messages, { ...call, onDelta: heard.onDelta });
    heard.end();
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

  /** What the answer said; of several choices the first one that fits, else the first. */
  async #read(plan: Plan, answer: Completion): Promise<Reading> {
    const { choices } = answer;
    if (choices.length === 1) return this.#readChoice(plan, answer, 0);
    const readings = await Promise.all(choices.map((_, i) => this.#readChoice(plan, answer, i)));
    const fit = readings.filter(({ problems }) => problems.length === 0);
    if (this.#entry) this.#entry.choices = fit.map(({ values }) => values);
    return fit[0] ?? readings[0]!;
  }

  #readChoice(plan: Plan, answer: Completion, index: number): Reading | Promise<Reading> {
    const { finishReason, message } = answer.choices[index]!;
    const error = unfinished(finishReason, answer);
    if (error) throw error;
    return plan.read(message.content);
  }

  #emitRestart(): void {
    const { emit, recorder } = this.#scope ?? {};
    emit?.({ type: "restart", predictor: recorder!.nameOf(this.#asker) });
  }

  #unreadable(answer: Completion, problem: string): TrunklineError {
    return new TrunklineError("parse", `${this.#name()}: the answer does not fit its signature: ${problem}`, {
      answer: answer.text,
      model: answer.model,
    });
  }

  /** The predictor's name, as far as the modules around tell it. */
  #name(): string {
    let outermost = this.#scope?.enclosing;
    while (outermost?.outer) outermost = outermost.outer;
    const path = outermost && pathIn(outermost.module, this.#asker);
    return path ? `"${path}" of ${nameOf(outermost!.module)}` : `${nameOf(this.#asker)}(${this.#signature})`;
  }
}
