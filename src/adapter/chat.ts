import { checkOutputs, type FieldValues } from "../signature/check.ts";
import type { Signature } from "../signature/signature.ts";
import type { Adapter, Demo, FieldReader, Form, Plan, Question, Reading } from "./adapter.ts";

const marker = (name: string): string => `[[ ## ${name} ## ]]`;

/** Fields as sections under `[[ ## field ## ]]` markers: the default, which any model that can chat understands. */
export class ChatAdapter implements Adapter {
  readonly name = "chat";

  plan(signature: Signature<unknown, unknown>, _demos: readonly Demo[]): Plan {
    return new ChatPlan(signature);
  }
}

class ChatPlan implements Plan {
  readonly #signature: Signature<unknown, unknown>;

  constructor(signature: Signature<unknown, unknown>) {
    this.#signature = signature;
  }

  ask(inputs: FieldValues, _form: Form): Question {
    const { inputs: fields, outputs, instructions } = this.#signature;
    const sections = fields
      .filter(({ name }) => inputs[name] !== undefined)
      .map(({ name }) => `${marker(name)}\n${inputs[name]}`);
    const order = outputs.map(({ name }) => marker(name)).join(", ");
    return {
      messages: [
        { role: "system", content: instructions },
        { role: "user", content: [...sections, `Answer with ${order}.`].join("\n\n") },
      ],
    };
  }

  askAgain(question: Question, answer: string, problem: string): Question {
    const messages = [
      ...question.messages,
      { role: "assistant", content: answer } as const,
      { role: "user", content: `That answer could not be read: ${problem}.` } as const,
    ];
    return { ...question, messages };
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
