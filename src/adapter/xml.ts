import type { Signature } from "../signature/signature.ts";
import type { Field } from "../signature/types.ts";
import type { Adapter, Demo, Plan } from "./adapter.ts";
import { valueText } from "./content.ts";
import { objectIn } from "./json-answer.ts";
import { fieldList, hintOf, noteOf } from "./notes.ts";
import { Outline } from "./outline.ts";
import { RenderedPlan } from "./plan.ts";
import { type NamedValue, Prompt, type Style, withoutHistory } from "./prompt.ts";
import type { Reader } from "./reading.ts";
import { sectionsIn } from "./sections.ts";
import { tagsIn } from "./tags.ts";
import { XmlFields } from "./xml-fields.ts";
import { encodeJsonXml, encodeXml } from "./xml-text.ts";

const escapes = { text: encodeXml, json: encodeJsonXml };
const reader: Reader = { own: tagsIn, others: [objectIn, sectionsIn], guards: false };

/**
 * Fields between tags of their names, for models that were trained on such prompts.
 *
 * ```ts
 * const shout = new Predict("word -> loud", { adapter: new XMLAdapter() });
 * ```
 */
export class XMLAdapter implements Adapter {
  readonly name = "xml";

  plan(signature: Signature<unknown, unknown>, demos: readonly Demo[]): Plan {
    const outline = new Outline(signature);
    return new RenderedPlan({
      prompt: new Prompt(signature, demos, styleOf(signature)),
      outline,
      reader,
      fields: () => new XmlFields(outline),
    });
  }
}

const open = (name: string): string => `<${name}>\n`;
const close = (name: string): string => `\n</${name}>`;

function styleOf({ inputs, outputs, instructions }: Signature<unknown, unknown>): Style {
  const fields = outputs.map((field) => `<${field.name}>${hintOf(field)}`);
  return {
    ...escapes,
    open,
    close,
    system: systemText(withoutHistory(inputs), outputs, instructions),
    reminder: `Now write ${fields.join(", then ")}, each with its end tag.`,
    answer: answerText,
  };
}

function systemText(inputs: readonly Field[], outputs: readonly Field[], instructions: string): string {
  const form = [
    ...inputs.map(({ name }) => `${open(name)}{${name}}${close(name)}`),
    ...outputs.map((field) => `${open(field.name)}${inside(field)}${close(field.name)}`),
  ].join("\n\n");
  return `${fieldList(inputs, outputs)}

Every field stands between tags of its name, with & and < inside them written as &amp; and &lt;, in this form:

${form}

Your task:
${instructions}`;
}

function inside(field: Field): string {
  const note = noteOf(field);
  return `{${field.name}}${note === undefined ? "" : `   # ${note}`}`;
}

function answerText(values: readonly NamedValue[]): string {
  return values
    .map(({ name, value }) => `${open(name)}${valueText(value, name, escapes)}${close(name)}`)
    .join("\n\n");
}
