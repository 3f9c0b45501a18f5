import type { Demo } from "../adapter/adapter.ts";
import { type AdapterChoice, adapterOf } from "../adapter/adapters.ts";
import { type Check, checkOptions, checks, wrongOption } from "../core/check.ts";
import { frozenCopy } from "../core/plain-copy.ts";
import { type Sampling, samplingChecks } from "../core/request.ts";
import type { LM } from "../lm/lm.ts";
import { asSignature, type InputsOf, type OutputsOf } from "../signature/make.ts";
import type { Signature } from "../signature/signature.ts";
import { ask, Way } from "./ask.ts";
import { inRun } from "./in-run.ts";
import { Module } from "./module.ts";
import { invoke, ownLM, predictorMark } from "./own.ts";
import { noDemos } from "./plans.ts";
import type { Predictor } from "./predictors.ts";
import { plainRun, type RunInit } from "./run-init.ts";

/** What `new Predict` takes beside its signature: how it is asked, and sampling options of its calls. */
export interface PredictOptions extends Sampling {
  /** "chat", "json", "xml", or an adapter of your own. Default: `context`'s, `configure`'s, the LM's, "chat". */
  readonly adapter?: AdapterChoice;
  /** How often to ask again where an answer cannot be read. Default 1; 0 is off. */
  readonly reask?: number;
}

/** The outputs of a signature: a frozen object. */
export type Prediction<S> = Readonly<OutputsOf<S>>;

const own: unique symbol = Symbol("predict");

const optionChecks: Readonly<Record<string, Check>> = {
  ...samplingChecks,
  adapter: () => undefined,
  reask: checks.count,
};

/**
 * One question to an LM, typed by its signature.
 *
 * ```ts
 * const predict = new Predict("sentence -> emotion: 'joy' | 'anger' | 'fear'");
 * const { emotion } = await predict.call({ sentence: "What a day!" }, { lm });
 * ```
 */
export class Predict<const S extends string | Signature<unknown, unknown> = string>
  extends Module
  implements Predictor
{
  /** Not `#own`: a clone is made from outside. */
  [own]: Way;

  constructor(source: S, options: PredictOptions = {}) {
    super();
    checkOptions("Predict", options, optionChecks);
    const { adapter, reask = 1, ...config } = options;
    this[own] = new Way({
      signature: asSignature(source),
      demos: noDemos,
      config: frozenCopy(config, "Predict"),
      adapter: adapter === undefined ? undefined : adapterOf(adapter, "Predict: adapter"),
      reask,
    });
  }

  get [predictorMark](): true {
    return true;
  }

  /** What it takes and gives. Another one may be put in its place, best made by an edit of this. */
  get signature(): Signature<InputsOf<S>, OutputsOf<S>> {
    return this[own].signature as Signature<InputsOf<S>, OutputsOf<S>>;
  }
  set signature(signature: Signature<InputsOf<S>, OutputsOf<S>>) {
    change(this, { signature: asSignature(signature) });
  }

  /** Examples that the prompt shows, fields by name; incomplete ones too. They are copied. */
  get demos(): readonly Demo[] {
    return this[own].demos;
  }
  set demos(demos: readonly object[]) {
    if (!Array.isArray(demos) || demos.some((demo) => checks.plainObject(demo) !== undefined)) {
      throw wrongOption("Predict: demos", "a list of objects", demos);
    }
    change(this, { demos: Object.freeze(demos.map((demo): Demo => Object.freeze({ ...demo }))) });
  }

  /** Sampling options of its calls. */
  get config(): Sampling {
    return this[own].config;
  }
  set config(config: Sampling) {
    checkOptions("Predict: config", config, samplingChecks);
    change(this, { config: frozenCopy(config, "Predict: config") });
  }

  /** The LM that `setLM` gave it. */
  get lm(): LM | undefined {
    return this[ownLM];
  }

  async forward(inputs: InputsOf<S>): Promise<Prediction<S>> {
    return ask(this, this[own], inputs, plainRun) as Promise<Prediction<S>>;
  }

  /** What a call says is nearer than the predictor's own options, which are nearer than what runs around say. */
  override async [invoke](inputs: unknown, init: RunInit): Promise<unknown> {
    if (this.forward !== Predict.prototype.forward) return super[invoke](inputs, init);
    const { deadline, ...rest } = init;
    if (deadline === undefined) return ask(this, this[own], inputs, init);
    return inRun({ deadline }, () => ask(this, this[own], inputs, rest));
  }
}

function change(predict: { [own]: Way }, some: Partial<Way>): void {
  predict[own] = new Way({ ...predict[own], ...some });
}
