import type { Message } from "../core/message.ts";
import type { ResponseFormat } from "../core/request.ts";
import type { Checked, FieldValues } from "../signature/check.ts";
import type { Signature } from "../signature/signature.ts";

/** Values of one example by field name. Fields may be absent; names that the signature has not are left out. */
export type Demo = Readonly<Record<string, unknown>>;

/** The strictest form that the backend can hold an answer to. */
export type Form = ResponseFormat["type"];

/** What goes to the LM. */
export interface Question {
  readonly messages: readonly Message[];
  readonly responseFormat?: ResponseFormat;
}

/** What an answer said: the values that fit the signature, and what is wrong with the others. */
export type Reading = Checked;

/** A piece of one field while the answer is written, or a field's value at its end. */
export type FieldEvent =
  | { readonly type: "delta"; readonly field: string; readonly text: string }
  | { readonly type: "field"; readonly field: string; readonly value: unknown };

/**
 * Reads one answer while it is written. The deltas of a text field make up its value; other fields stream as they
 * are written. A field that is written twice streams once, and its later value comes as a second "field" event.
 * The whole answer has the last word, through `Plan.read`.
 */
export interface FieldReader {
  push(text: string): readonly FieldEvent[];
  end(): readonly FieldEvent[];
}

/** How questions of one signature with one list of demos are asked, and their answers read. */
export interface Plan {
  /** The question for inputs that were checked. `form` is what the backend can do; not every adapter uses it. */
  ask(inputs: FieldValues, form: Form): Question;
  /** The question once more, behind the answer that could not be read and what was wrong with it. */
  askAgain(question: Question, answer: string, problem: string): Question;
  /** Reads the text of one answer: tolerant of how it is written, strict in what it holds. Never throws for it. */
  read(answer: string): Reading | Promise<Reading>;
  reader(): FieldReader;
}

/**
 * Writes a signature's fields as messages and reads them from an answer. Keeps no state of calls, so one serves
 * any number of predictors.
 */
export interface Adapter {
  readonly name: string;
  /** Renders what no call changes. The caller keeps the plan as long as signature and demos are the same. */
  plan(signature: Signature<unknown, unknown>, demos: readonly Demo[]): Plan;
}
