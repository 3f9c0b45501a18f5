import { checks, show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import { type FieldSource, type GivenBy, type GotFrom, readFields } from "./fields.ts";
import type { InferSignature } from "./infer.ts";
import { parseSignature } from "./parse.ts";
import { Signature } from "./signature.ts";
import type { Field, SideName } from "./types.ts";
import { defaultInstructions, withoutIndentation } from "./words.ts";

/** A signature made of schemas, records of types, or texts: one source a side. */
export interface SignatureSpec<I extends FieldSource = FieldSource, O extends FieldSource = FieldSource> {
  readonly input: I;
  readonly output: O;
  readonly instructions?: string;
}

/**
 * A signature from a string, or from schemas.
 *
 * ```ts
 * const Emotion = signature("sentence -> emotion: 'joy' | 'anger' | 'fear'", "Name the strongest feeling.");
 * const Answer = signature({
 *   input: "question, context?: string[]",
 *   output: { answer: "string", confidence: "number 'from 0 to 1'" },
 * });
 * ```
 */
export function signature<const S extends string>(
  text: S,
  instructions?: string,
): Signature<InferSignature<S>["inputs"], InferSignature<S>["outputs"]>;
export function signature<const I extends FieldSource, const O extends FieldSource>(
  spec: SignatureSpec<I, O>,
): Signature<GivenBy<I>, GotFrom<O>>;
export function signature(source: string | SignatureSpec, instructions?: string): Signature {
  if (typeof source === "string") return fromText(source, instructions);
  if (checks.plainObject(source) !== undefined || !("input" in source) || !("output" in source)) {
    throw new TrunklineError(
      "signature",
      `signature: expected a text like "question -> answer" or { input, output, instructions }, got ${show(source)}`,
    );
  }
  const fields = {
    inputs: readFields("inputs", source.input),
    outputs: readFields("outputs", source.output),
  };
  return made(fields, source.instructions);
}

function made(fields: Readonly<Record<SideName, readonly Field[]>>, instructions: unknown): Signature {
  return new Signature({
    ...fields,
    instructions:
      typeof instructions === "string"
        ? withoutIndentation(instructions)
        : ((instructions as undefined) ?? defaultInstructions(fields.inputs, fields.outputs)),
  });
}

/** Texts that were read before: programs made once a row name the same few. */
const known = new Map<string, Signature>();
const maxKnown = 1_000;

function fromText(text: string, instructions: unknown): Signature {
  if (instructions !== undefined) return made(parseSignature(text), instructions);
  let value = known.get(text);
  if (value === undefined) {
    value = made(parseSignature(text), undefined);
    if (known.size === maxKnown) known.clear();
    known.set(text, value);
  }
  return value;
}

/** The types of the inputs of a signature, or of a signature string. */
export type InputsOf<S> = S extends string
  ? InferSignature<S>["inputs"]
  : S extends { readonly "~types"?: { readonly inputs: infer I } }
    ? I
    : never;

/** The types of the outputs of a signature, or of a signature string. */
export type OutputsOf<S> = S extends string
  ? InferSignature<S>["outputs"]
  : S extends { readonly "~types"?: { readonly outputs: infer O } }
    ? O
    : never;

/** A signature as it is, or the one that a text means. One of another copy of the package is taken as well. */
export function asSignature<const S extends string | Signature<unknown, unknown>>(
  source: S,
): Signature<InputsOf<S>, OutputsOf<S>> {
  if (typeof source === "string") return signature(source) as Signature<InputsOf<S>, OutputsOf<S>>;
  if (checks.plainObject(source) === undefined && "canonicalText" in (source as object)) {
    return source as unknown as Signature<InputsOf<S>, OutputsOf<S>>;
  }
  throw new TrunklineError(
    "signature",
    `expected a signature, or a text like "question -> answer", got ${show(source)}`,
  );
}
