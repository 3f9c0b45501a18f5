/** What must and must not compile; `compilers.test.ts` holds it under TypeScript 7 and 5.9. */
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { asSignature, type InputsOf, type OutputsOf, signature } from "../../src/signature/make.ts";
import type { Signature } from "../../src/signature/signature.ts";
import type { Same } from "./table.ts";

/** Does not compile unless the signature has exactly these types. */
function typed<I, O>() {
  return <const S>(
    _value: S,
    ..._same: Same<InputsOf<S>, I> extends true
      ? Same<OutputsOf<S>, O> extends true
        ? []
        : [OutputsOf<S>]
      : [InputsOf<S>]
  ): void => {};
}

type Any = Record<string, unknown>;
const QA = signature("question, hint? -> answer, score: number");

// R21: named inputs and outputs, typed; the samples of the documentation.
const Emotion = signature("sentence -> emotion: 'joy' | 'anger' | 'fear'", "Name the strongest feeling.");
typed<{ sentence: string }, { emotion: "joy" | "anger" | "fear" }>()(Emotion);
typed<{ sentence: string }, { emotion: "joy" | "anger" | "fear" }>()(
  "sentence -> emotion: 'joy' | 'anger' | 'fear'",
);
typed<{ document: string }, { facts: string[] }>()("document -> facts: string[]");
typed<{ facts: string[]; question: string }, { verdict: boolean }>()(
  asSignature("facts: string[], question -> verdict: boolean"),
);
typed<{ sentence: string }, { emotion: "joy" | "anger" | "fear" }>()(asSignature(Emotion));

declare const inputs: InputsOf<typeof Emotion>;
declare const outputs: OutputsOf<typeof Emotion>;
export const sentence: string = inputs.sentence;
// @ts-expect-error a field that is not there
inputs.sentense;
// @ts-expect-error an output is no input
inputs.emotion;
// @ts-expect-error a literal that is not there
outputs.emotion === "joyful";
// @ts-expect-error a missing input
export const missing: InputsOf<typeof Emotion> = {};
// @ts-expect-error an input of another type
export const wrong: InputsOf<typeof Emotion> = { sentence: 1 };
// @ts-expect-error an input that nobody named
export const extra: InputsOf<typeof Emotion> = { sentence: "", mood: "" };
export const withoutHint: InputsOf<typeof QA> = { question: "" };

// What the compiler cannot read is any field, never `never`.
declare const text: string;
declare const pattern: `${string} -> answer`;
typed<Any, Any>()(signature(text));
typed<Any, Any>()(signature(pattern));
typed<Any, Any>()(signature("a -> b: strng"));
typed<Any, Any>()(signature("a, b"));
typed<Any, Any>()(signature("a -> b -> c"));
typed<Any, Any>()(signature("a -> b: 'c"));
typed<Any, Any>()(signature("a -> b: { c: int"));
typed<Any, Any>()(signature("a -> b,"));
typed<Any, Any>()(signature("a ->"));
typed<Any, Any>()(signature(""));

// A signature of known fields is one of any fields.
export const any: Signature = QA;
export const unknown: Signature<unknown, unknown> = Emotion;
// @ts-expect-error but not of other fields
export const other: typeof Emotion = QA;

// Edits.
typed<{ question: string; hint?: string }, { answer: string; score: number }>()(QA.withInstructions("x"));
typed<{ question: string; hint?: string }, { answer: string; score: number; why?: string[] }>()(
  QA.append("outputs", "why?: list[str] 'each reason'"),
);
// R113: what a chain of thought makes of a signature string.
typed<{ sentence: string }, { reasoning: string; emotion: string }>()(
  signature("sentence -> emotion").prepend("outputs", "reasoning"),
);
typed<{ reasoning: string; answer: string }, { b: number }>()(
  signature("answer -> b: int").prepend("inputs", { reasoning: "string" }),
);
typed<{ question: string; hint?: string }, { answer: string; score: number; n: number }>()(
  QA.insert("outputs", 1, { n: z.string().transform(Number) }),
);
typed<{ question: string }, { answer: string; score: number }>()(QA.delete("hint"));
typed<{ question: string; hint?: string }, { answer: string }>()(QA.delete("score"));
typed<{ question: string; hint?: string }, { answer: string[]; score: number }>()(
  QA.withUpdatedField("answer", { type: "string[] 'all of them'" }),
);
typed<{ question: string; hint?: string }, { answer: string; score: number }>()(
  QA.withUpdatedField("answer", { description: "short" }),
);
typed<{ question: string; hint: string }, { answer: string; score: number }>()(
  QA.withUpdatedField("hint", { optional: false }),
);
typed<{ question: string; hint?: string }, { answer: string; score?: number }>()(
  QA.withUpdatedField("score", { optional: true, type: z.number() }),
);
// @ts-expect-error no such field
QA.delete("scores");
// @ts-expect-error no such field
QA.withUpdatedField("scores", { description: "x" });
// @ts-expect-error no such side
QA.append("output", "why");

// Schemas: the caller gives an input schema's input and gets an output schema's output.
const zod = signature({
  input: { question: z.string(), when: z.string().optional(), pages: "string[]" },
  output: { length: z.string().transform((s) => s.length), mood: z.enum(["good", "bad"]) },
  instructions: "Measure it.",
});
typed<{ question: string; pages: string[]; when?: string }, { length: number; mood: "good" | "bad" }>()(zod);
typed<{ question: string; n?: number }, { answer: string; n: number }>()(
  signature({
    input: z.object({ question: z.string(), n: z.number().default(1) }),
    output: z.object({ answer: z.string(), n: z.number().default(1) }),
  }),
);
typed<{ a: string }, { n: number; list: string[] }>()(
  signature({
    input: "a",
    output: toStandardJsonSchema(
      v.object({ n: v.pipe(v.string(), v.transform(Number)), list: v.array(v.string()) }),
    ),
  }),
);
typed<{ a: string; b?: number }, { score: number; kind: "x" | "y" }>()(
  signature({
    input: type({ a: "string", "b?": "number" }),
    output: { score: type("number > 0"), kind: type("'x' | 'y'") },
  }),
);
// @ts-expect-error not a source of fields
signature({ input: 1, output: "a" });
// @ts-expect-error a side is missing
signature({ input: "a" });
