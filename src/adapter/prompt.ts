import type { AssistantMessage, Message, UserMessage } from "../core/message.ts";
import { frozenCopy } from "../core/plain-copy.ts";
import type { FieldValues } from "../signature/check.ts";
import { ownMember } from "../signature/check-value.ts";
import type { Signature } from "../signature/signature.ts";
import type { Field } from "../signature/types.ts";
import type { Demo } from "./adapter.ts";
import { Content, type Escapes, holdsMedia, valueText } from "./content.ts";
import { sendable } from "./guard.ts";
import { leftOut } from "./template.ts";

/** How one adapter writes. */
export interface Style extends Escapes {
  readonly system: string;
  /** What stands before and behind the value of an input. */
  readonly open: (name: string) => string;
  readonly close: (name: string) => string;
  /** The form of the answer once more, at the end of every question. */
  readonly reminder: string;
  /** An earlier answer, in the form that is asked for. */
  readonly answer: (values: readonly NamedValue[]) => string;
}

/** The value of one output of a demo or an earlier turn. */
export interface NamedValue {
  readonly name: string;
  readonly value: unknown;
}

interface Section {
  readonly name: string;
  readonly open: string;
  readonly close: string;
  readonly hasMedia: boolean;
}

const incomplete = "(An example with some of its fields left out.)\n\n";
const noInputs = "(no inputs)";

/** An answer that goes back to the model is cut in its middle beyond this. */
const maxEcho = 16_000;

/** The messages of one signature with one list of demos. What no call changes is rendered once. */
export class Prompt {
  readonly #style: Style;
  readonly #fields: readonly Field[];
  readonly #outputs: readonly Field[];
  readonly #sections: readonly Section[];
  readonly #histories: readonly string[];
  readonly #hasMedia: boolean;
  readonly #fixed: readonly Message[];

  constructor({ inputs, outputs }: Signature<unknown, unknown>, demos: readonly Demo[], style: Style) {
    this.#style = style;
    this.#fields = [...withoutHistory(inputs), ...outputs];
    this.#outputs = outputs;
    this.#sections = withoutHistory(inputs).map(({ name, type }) => ({
      name,
      open: style.open(name),
      close: `${style.close(name)}\n\n`,
      hasMedia: holdsMedia(type),
    }));
    this.#histories = inputs.filter(({ type }) => type.kind === "history").map(({ name }) => name);
    this.#hasMedia = this.#sections.some(({ hasMedia }) => hasMedia);
    const system: Message = { role: "system", content: sendable(style.system) };
    this.#fixed = [system, ...this.#demoTurns(demos)].map((message) => frozenCopy(message, "messages"));
  }

  ask(inputs: FieldValues): readonly Message[] {
    const messages = this.#fixed.slice();
    for (const name of this.#histories) this.#addHistory(messages, inputs[name]);
    messages.push(this.#user(inputs, "", this.#style.reminder));
    return messages;
  }

  askAgain(question: readonly Message[], answer: string, problem: string): readonly Message[] {
    const wrong = `That answer could not be used: ${problem}. Write the whole answer again, corrected.`;
    return [
      ...question,
      { role: "assistant", content: sendable(shortened(answer)) },
      { role: "user", content: sendable(`${wrong}\n\n${this.#style.reminder}`) },
    ];
  }

  /** Incomplete ones first, so that what stands next to the question is a whole one. */
  #demoTurns(demos: readonly Demo[]): Message[] {
    const isWhole = (demo: Demo): boolean => this.#fields.every((field) => isGiven(field, demo));
    const parts = demos.filter((demo) => !isWhole(demo) && this.#showsBothSides(demo));
    return [
      ...parts.flatMap((demo) => [this.#user(demo, incomplete, ""), this.#assistant(demo, leftOut)]),
      ...demos.filter(isWhole).flatMap((demo) => [this.#user(demo, "", ""), this.#assistant(demo)]),
    ];
  }

  #showsBothSides(demo: Demo): boolean {
    return holdsAny(this.#sections, demo) && holdsAny(this.#outputs, demo);
  }

  /** Earlier turns: fields of an exchange in the adapter's own form, messages as they were. */
  #addHistory(messages: Message[], turns: unknown): void {
    for (const turn of (turns ?? []) as readonly (Demo | Message)[]) {
      if (this.#isMessage(turn)) {
        messages.push(this.#guarded(turn));
        continue;
      }
      if (holdsAny(this.#sections, turn)) messages.push(this.#user(turn, "", ""));
      if (holdsAny(this.#outputs, turn)) messages.push(this.#assistant(turn));
    }
  }

  #isMessage(turn: Demo | Message): turn is Message {
    const isField = this.#fields.some(({ name }) => name === "role");
    return !isField && typeof turn.role === "string" && "content" in turn;
  }

  /** A message's own text is content like any other. */
  #guarded(message: Message): Message {
    const { content } = message;
    const text = (own: string): string => sendable(this.#style.text(own));
    if (typeof content === "string") return { ...message, content: text(content) } as Message;
    if (!Array.isArray(content)) return message;
    const parts = content.map((part) => (part?.type === "text" ? { ...part, text: text(part.text) } : part));
    return { ...message, content: parts } as Message;
  }

  #user(values: FieldValues, before: string, after: string): UserMessage {
    const content = this.#hasMedia
      ? this.#parts(values, before, after)
      : sendable(this.#text(values, before, after));
    return { role: "user", content };
  }

  #text(values: FieldValues, before: string, after: string): string {
    let text = before;
    for (const { name, open, close } of this.#sections) {
      const value = ownMember(values, name);
      if (value !== undefined) text += open + valueText(value, name, this.#style) + close;
    }
    return after === "" ? text.trimEnd() || noInputs : text + after;
  }

  #parts(values: FieldValues, before: string, after: string): UserMessage["content"] {
    const content = new Content();
    content.add(before);
    for (const { name, open, close, hasMedia } of this.#sections) {
      const value = ownMember(values, name);
      if (value === undefined) continue;
      content.add(open);
      if (hasMedia) content.addValue(value, name, this.#style);
      else content.add(valueText(value, name, this.#style));
      content.add(close);
    }
    content.add(after);
    return content.done() || noInputs;
  }

  /** `absent` stands in for outputs that are not there; without it they are left out. */
  #assistant(values: FieldValues, absent?: string): AssistantMessage {
    const given = this.#outputs.flatMap((field) => {
      const value = isGiven(field, values) ? ownMember(values, field.name) : absent;
      return value === undefined ? [] : { name: field.name, value };
    });
    return { role: "assistant", content: sendable(this.#style.answer(given)) };
  }
}

/** The inputs that are shown in the question itself. */
export function withoutHistory(inputs: readonly Field[]): readonly Field[] {
  return inputs.filter(({ type }) => type.kind !== "history");
}

function isGiven({ name, optional, nullable }: Field, values: FieldValues): boolean {
  const value = ownMember(values, name) ?? undefined;
  return value !== undefined || optional || (nullable && ownMember(values, name) === null);
}

function holdsAny(fields: readonly { readonly name: string }[], values: FieldValues): boolean {
  return fields.some(({ name }) => (ownMember(values, name) ?? undefined) !== undefined);
}

function shortened(answer: string): string {
  if (answer.trim() === "") return "(an empty answer)";
  if (answer.length <= maxEcho) return answer;
  return `${answer.slice(0, maxEcho / 2)}\n...\n${answer.slice(-maxEcho / 2)}`;
}
