import { checkOutputs, type FieldValues } from "../signature/check.ts";
import type { Signature } from "../signature/signature.ts";
import type { Field } from "../signature/types.ts";
import type { Adapter, Demo, FieldReader, Plan, Question, Reading } from "./adapter.ts";
import { valueText } from "./content.ts";
import { guard, guardJson } from "./guard.ts";
import { fieldList, noteOf } from "./notes.ts";
import { type NamedValue, Prompt, type Style, withoutHistory } from "./prompt.ts";

const marker = (name: string): string => `[[ ## ${name} ## ]]`;
const completed = marker("completed");
const escapes = { text: guard, json: guardJson };

/**
 * Fields as sections under `[[ ## field ## ]]` markers: the default, which any model that can chat understands.
 *
 * ```ts
 * const shout = new Predict("word -> loud", { adapter: new ChatAdapter() });
 * ```
 */
export class ChatAdapter implements Adapter {
  readonly name = "chat";

  plan(signature: Signature<unknown, unknown>, demos: readonly Demo[]): Plan {
    return new ChatPlan(signature, demos);
  }
}

class ChatPlan implements Plan {
  readonly #signature: Signature<unknown, unknown>;
  readonly #prompt: Prompt;

  constructor(signature: Signature<unknown, unknown>, demos: readonly Demo[]) {
    this.#signature = signature;
    this.#prompt = new Prompt(signature, demos, styleOf(signature));
  }

  ask(inputs: FieldValues): Question {
    return this.#prompt.ask(inputs);
  }

  askAgain(question: Question, answer: string, problem: string): Question {
    return this.#prompt.askAgain(question, answer, problem);
  }

  read(answer: string): Reading | Promise<Reading> {
    const pieces = answer.split(/^\[\[ ## (\w+) ## \]\]$/mu);
    const values: Record<string, unknown> = {};
    for (let i = 1; i < pieces.length; i += 2) values[pieces[i]!] = pieces[i + 1]!.trim();
    return checkOutputs(this.#signature, values);
  }

  reader(): FieldReader {
    return { push: () => [], end: () => [] };
  }
}

function styleOf({ inputs, outputs, instructions }: Signature<unknown, unknown>): Style {
  const shown = withoutHistory(inputs);
  return {
    ...escapes,
    open: (name) => `${marker(name)}\n`,
    close: () => "",
    system: systemText(shown, outputs, instructions),
    reminder: reminderText(outputs),
    answer: answerText,
  };
}

function systemText(inputs: readonly Field[], outputs: readonly Field[], instructions: string): string {
  const form = [
    ...inputs.map(({ name }) => `${marker(name)}\n{${name}}`),
    ...outputs.map((field) => `${marker(field.name)}\n{${field.name}}${behind(noteOf(field))}`),
    completed,
  ].join("\n\n");
  const given = inputs.length === 0 ? "" : `The fields you are given:\n${fieldList(inputs)}\n`;
  const asked = `The fields you write:\n${fieldList(outputs)}`;
  return `${given}${asked}

Every field stands under a marker of its own, in this form:

${form}

Your task:
${instructions}`;
}

const behind = (note: string | undefined): string => (note === undefined ? "" : `   # ${note}`);

function reminderText(outputs: readonly Field[]): string {
  const fields = outputs.map((field) => {
    const note = noteOf(field);
    const hint = note === undefined ? "" : ` (${note.length > 120 ? "JSON, as described above" : note})`;
    return `\`${marker(field.name)}\`${hint}`;
  });
  return `Now write the fields ${fields.join(", then ")}, each under its marker, and end with \`${completed}\`.`;
}

function answerText(values: readonly NamedValue[]): string {
  const sections = values.map(({ name, value }) => `${marker(name)}\n${valueText(value, name, escapes)}`);
  return `${[...sections, completed].join("\n\n")}\n`;
}
