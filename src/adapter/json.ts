import { frozenCopy } from "../core/plain-copy.ts";
import type { ResponseFormat } from "../core/request.ts";
import type { Signature } from "../signature/signature.ts";
import type { Field } from "../signature/types.ts";
import type { Adapter, Demo, Form, Plan } from "./adapter.ts";
import { chatInputs } from "./chat.ts";
import { jsonText } from "./content.ts";
import { guardJson } from "./guard.ts";
import { objectIn } from "./json-answer.ts";
import { JsonFields } from "./json-fields.ts";
import { fieldList, noteOf } from "./notes.ts";
import { Outline } from "./outline.ts";
import { RenderedPlan } from "./plan.ts";
import { type NamedValue, Prompt, type Style, withoutHistory } from "./prompt.ts";
import type { Reader } from "./reading.ts";
import { sectionsIn } from "./sections.ts";
import { withAllRequired } from "./strict-schema.ts";
import { tagsIn } from "./tags.ts";

const reader: Reader = { own: objectIn, others: [sectionsIn, tagsIn], guards: true };

/**
 * The outputs as one JSON object. A backend that can hold an answer to a JSON Schema, or to JSON, is asked to; any
 * other is told in the prompt.
 *
 * ```ts
 * const extract = new Predict("mail -> sender, amount: number", { adapter: new JSONAdapter() });
 * ```
 */
export class JSONAdapter implements Adapter {
  readonly name = "json";

  plan(signature: Signature<unknown, unknown>, demos: readonly Demo[]): Plan {
    const outline = new Outline(signature);
    return new RenderedPlan({
      prompt: new Prompt(signature, demos, styleOf(signature)),
      outline,
      reader,
      fields: () => new JsonFields(outline),
      formats: formatsOf(signature),
    });
  }
}

/** As frozen copies, which requests take as they are. */
function formatsOf(signature: Signature<unknown, unknown>): Readonly<Partial<Record<Form, ResponseFormat>>> {
  const schema = withAllRequired(signature.jsonSchema("outputs"));
  return {
    json_schema: frozenCopy({ type: "json_schema", name: "answer", schema }, "responseFormat"),
    json: frozenCopy({ type: "json" }, "responseFormat"),
  };
}

function styleOf({ inputs, outputs, instructions }: Signature<unknown, unknown>): Style {
  const names = outputs.map(({ name }) => `\`${name}\``).join(", then ");
  return {
    ...chatInputs,
    system: systemText(withoutHistory(inputs), outputs, instructions),
    reminder: `Now write the JSON object with ${names}, and nothing else.`,
    answer: answerText,
  };
}

function systemText(inputs: readonly Field[], outputs: readonly Field[], instructions: string): string {
  const given = inputs.map(({ name }) => `${chatInputs.open(name)}{${name}}`).join("\n\n");
  const members = outputs.map((field) => `  ${JSON.stringify(field.name)}: ${placeholderOf(field)}`);
  return `${fieldList(inputs, outputs)}

${given === "" ? "" : `What you are given stands under markers, in this form:\n\n${given}\n\n`}\
What you write is one JSON object of this form, and nothing else:

{
${members.join(",\n")}
}

Your task:
${instructions}`;
}

function placeholderOf(field: Field): string {
  return `<${noteOf(field) ?? "text"}>`;
}

function answerText(values: readonly NamedValue[]): string {
  const members = values.map(({ name, value }) => `  ${JSON.stringify(name)}: ${jsonText(value, name)}`);
  return guardJson(`{\n${members.join(",\n")}\n}`);
}
