import type { Signature } from "../signature/signature.ts";
import type { Field } from "../signature/types.ts";
import type { Adapter, Demo, Plan } from "./adapter.ts";
import { ChatFields } from "./chat-fields.ts";
import { valueText } from "./content.ts";
import { guard, guardJson } from "./guard.ts";
import { objectIn } from "./json-answer.ts";
import { labelsIn } from "./labels.ts";
import { fieldList, hintOf, noteOf } from "./notes.ts";
import { Outline } from "./outline.ts";
import { RenderedPlan } from "./plan.ts";
import { type NamedValue, Prompt, type Style, withoutHistory } from "./prompt.ts";
import type { Reader } from "./reading.ts";
import { sectionsIn } from "./sections.ts";
import { tagsIn } from "./tags.ts";

const marker = (name: string): string => `[[ ## ${name} ## ]]`;
const escapes = { text: guard, json: guardJson };

/** How the chat form is read where it was asked for, and where another was. */
export const chatReader: Reader = {
  own: sectionsIn,
  loose: labelsIn,
  others: [objectIn, tagsIn],
  guards: true,
};

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
    const outline = new Outline(signature);
    return new RenderedPlan({
      prompt: new Prompt(signature, demos, styleOf(outline)),
      outline,
      reader: chatReader,
      fields: () => new ChatFields(outline),
    });
  }
}

/** Inputs as the chat form writes them, which the JSON form shares. */
export const chatInputs: Pick<Style, "text" | "json" | "open" | "close"> = {
  ...escapes,
  open: (name) => `${marker(name)}\n`,
  close: () => "",
};

function styleOf(outline: Outline): Style {
  const { inputs, outputs, instructions } = outline.signature;
  const end = marker(outline.endName);
  return {
    ...chatInputs,
    system: systemText(withoutHistory(inputs), outputs, instructions, end),
    reminder: reminderText(outputs, end),
    answer: (values) => answerText(values, end),
  };
}

function systemText(
  inputs: readonly Field[],
  outputs: readonly Field[],
  instructions: string,
  end: string,
): string {
  const form = [
    ...inputs.map(({ name }) => `${marker(name)}\n{${name}}`),
    ...outputs.map((field) => `${marker(field.name)}\n{${field.name}}${behind(noteOf(field))}`),
    end,
  ].join("\n\n");
  return `${fieldList(inputs, outputs)}

Every field stands under a marker of its own, in this form:

${form}

Your task:
${instructions}`;
}

const behind = (note: string | undefined): string => (note === undefined ? "" : `   # ${note}`);

function reminderText(outputs: readonly Field[], end: string): string {
  const fields = outputs.map((field) => `\`${marker(field.name)}\`${hintOf(field)}`);
  return `Now write ${fields.join(", then ")}, each value under its marker, and end with \`${end}\`.`;
}

function answerText(values: readonly NamedValue[], end: string): string {
  const sections = values.map(({ name, value }) => `${marker(name)}\n${valueText(value, name, escapes)}`);
  return `${[...sections, end].join("\n\n")}\n`;
}
