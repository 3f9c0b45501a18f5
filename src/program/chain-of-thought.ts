import { asSignature, type InputsOf, type OutputsOf } from "../signature/make.ts";
import type { Signature } from "../signature/signature.ts";
import { Module } from "./module.ts";
import { Predict, type PredictOptions } from "./predict.ts";

/** The outputs of a signature with the thinking before them. */
export type Reasoned<S> = { readonly reasoning: string } & Readonly<OutputsOf<S>>;

/**
 * A question that the model thinks about first: the signature with an output `reasoning` before its own.
 *
 * ```ts
 * const why = new ChainOfThought("question -> answer");
 * const { reasoning, answer } = await why.call({ question: "Why is the sky blue?" }, { lm });
 * ```
 */
export class ChainOfThought<const S extends string | Signature<unknown, unknown> = string> extends Module {
  /** The predictor inside; its signature has the output `reasoning`. */
  readonly predict: Predict<Signature<InputsOf<S>, Reasoned<S>>>;

  constructor(source: S, options: PredictOptions = {}) {
    super();
    const signature = asSignature(source) as Signature<unknown, unknown>;
    const reasoned = signature.outputs.some(({ name }) => name === "reasoning")
      ? signature
      : signature.prepend("outputs", "reasoning");
    this.predict = new Predict(reasoned as Signature<InputsOf<S>, Reasoned<S>>, options);
  }

  forward(inputs: InputsOf<S>): Promise<Reasoned<S>> {
    return this.predict.call(inputs as never) as unknown as Promise<Reasoned<S>>;
  }
}
