import type { ResponseFormat } from "../core/request.ts";
import type { FieldValues } from "../signature/check.ts";
import type { FieldReader, Form, Plan, Question, Reading } from "./adapter.ts";
import type { Outline } from "./outline.ts";
import type { Prompt } from "./prompt.ts";
import { type Reader, readAnswer } from "./reading.ts";

/** What makes the plan of one of our adapters. */
export interface PlanParts {
  readonly prompt: Prompt;
  readonly outline: Outline;
  readonly reader: Reader;
  readonly fields: () => FieldReader;
  /** The form that the backend should hold the answer to, by what it can do. */
  readonly formats?: Readonly<Partial<Record<Form, ResponseFormat>>>;
}

/** A plan of one of our adapters. */
export class RenderedPlan implements Plan {
  readonly #parts: PlanParts;

  constructor(parts: PlanParts) {
    this.#parts = parts;
  }

  ask(inputs: FieldValues, form: Form): Question {
    const messages = this.#parts.prompt.ask(inputs);
    const responseFormat = this.#parts.formats?.[form];
    return responseFormat === undefined ? { messages } : { messages, responseFormat };
  }

  askAgain(question: Question, answer: string, problem: string): Question {
    return { ...question, messages: this.#parts.prompt.askAgain(question.messages, answer, problem) };
  }

  read(answer: string): Reading | Promise<Reading> {
    return readAnswer(answer, this.#parts.outline, this.#parts.reader);
  }

  reader(): FieldReader {
    return this.#parts.fields();
  }
}
