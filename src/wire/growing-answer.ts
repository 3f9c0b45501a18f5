import type { Delta } from "../core/call.ts";
import type { Choice, Completion, Usage } from "../core/completion.ts";
import type { AssistantMessage } from "../core/message.ts";
import { type AnswerFacts, brokenAnswer, type Progress } from "./answer-facts.ts";
import { assistant } from "./assistant.ts";
import { empty, isEmpty } from "./empty.ts";
import { decodeFinish } from "./finish.ts";
import { errorOf } from "./http-error.ts";
import { noUsage } from "./token-count.ts";
import { nameless, ToolPieces } from "./tool-pieces.ts";

/** One choice while it is being written. */
interface Growing {
  /** Undefined until the first text came, be it empty. */
  text: string | undefined;
  reasoning: string | undefined;
  refused: boolean;
  calls: ToolPieces | undefined;
  finish: string | undefined;
  opaque: Readonly<Record<string, unknown>> | undefined;
}

/**
 * An answer while its pieces arrive, whatever the wire: tells the listener each of them, bounds what is gathered,
 * and makes the completion, or the error with what had come until then.
 */
export class GrowingAnswer {
  readonly facts: AnswerFacts;
  readonly #onDelta: ((delta: Delta) => void) | undefined;
  readonly #maxLength: number;
  readonly #choices = new Map<number, Growing>();
  #length = 0;
  #delivered = false;
  usage: Usage = noUsage;
  model: string | undefined;
  id: string | undefined;

  constructor(facts: AnswerFacts, onDelta?: (delta: Delta) => void, maxLength = Number.POSITIVE_INFINITY) {
    this.facts = facts;
    this.#onDelta = onDelta;
    this.#maxLength = maxLength;
  }

  /** Whether any choice was begun. */
  get begun(): boolean {
    return this.#choices.size > 0;
  }

  /** Whether every choice that was begun has said why it ended. */
  get finished(): boolean {
    for (const { finish } of this.#choices.values()) if (finish === undefined) return false;
    return this.begun;
  }

  /** Begins a choice that has nothing to say yet. */
  begin(index = 0): void {
    this.#choice(index);
  }

  text(text: string, index = 0): void {
    const growing = this.#choice(index);
    growing.text = growing.text === undefined ? text : growing.text + text;
    if (text === "") return;
    this.#grow(text.length);
    if (this.#onDelta !== undefined) this.#deliver({ text }, index);
  }

  reasoning(reasoning: string, index = 0): void {
    if (reasoning === "") return;
    const growing = this.#choice(index);
    growing.reasoning = (growing.reasoning ?? "") + reasoning;
    this.#grow(reasoning.length);
    if (this.#onDelta !== undefined) this.#deliver({ text: "", reasoning }, index);
  }

  /** A refusal, whose words are the choice's text. */
  refusal(text: string, index = 0): void {
    this.#choice(index).refused = true;
    this.text(text, index);
  }

  /** A piece of a tool call in OpenAI's form: `{ index?, id?, function: { name?, arguments? } }`. */
  piece(piece: unknown, index = 0): void {
    const growing = this.#choice(index);
    growing.calls ??= new ToolPieces(this.facts);
    const toolCall = growing.calls.add(piece);
    if (toolCall === undefined) throw this.broken("a piece of a tool call that is not a JSON object");
    this.#grow((toolCall.argumentsText?.length ?? 0) + (toolCall.name?.length ?? 0));
    if (this.#onDelta !== undefined) this.#deliver({ text: "", toolCall }, index);
  }

  finish(raw: string, index = 0): void {
    this.#choice(index).finish = raw;
  }

  /** What the provider wants to see again with this turn. */
  keep(opaque: Readonly<Record<string, unknown>>, index = 0): void {
    this.#choice(index).opaque = opaque;
  }

  /** The whole answer. Throws where it holds nothing, or a call that cannot be made. */
  complete(): Completion {
    for (const { calls } of this.#choices.values()) {
      const at = calls?.nameless ?? -1;
      if (at !== -1) throw nameless(this.facts, at, this.progress());
    }
    const completion = this.#completion();
    if (completion.choices.every((choice) => this.#isEmpty(choice))) {
      throw empty(this.facts, completion.choices[0]?.rawFinishReason);
    }
    return completion;
  }

  /** What had arrived, if anything had. */
  progress(): Progress {
    return this.#length === 0
      ? { delivered: this.#delivered }
      : { partial: this.#completion(), delivered: this.#delivered };
  }

  /** The error that the provider reported. */
  failed(payload: unknown): Error {
    return errorOf(payload, this.facts, this.progress());
  }

  /** The error of something that does not belong into a stream. */
  broken(what: string): Error {
    return brokenAnswer("bad_response", `the stream brought ${what}`, this.facts, this.progress());
  }

  /** The error of a stream that ended before the answer did. */
  cut(lacking: string): Error {
    return brokenAnswer("incomplete", `the stream ended without ${lacking}`, this.facts, this.progress());
  }

  #choice(index: number): Growing {
    let growing = this.#choices.get(index);
    if (growing === undefined) {
      growing = {
        text: undefined,
        reasoning: undefined,
        refused: false,
        calls: undefined,
        finish: undefined,
        opaque: undefined,
      };
      this.#choices.set(index, growing);
    }
    return growing;
  }

  #deliver(delta: Delta, choice: number): void {
    this.#delivered = true;
    this.#onDelta!(choice === 0 ? delta : { ...delta, choice });
  }

  #grow(length: number): void {
    this.#length += length;
    if (this.#length > this.#maxLength) throw this.broken(`more than ${this.#maxLength} characters`);
  }

  #completion(): Completion {
    const entries = [...this.#choices].sort(([a], [b]) => a - b);
    const choices = entries.map(([index, growing]): Choice => {
      const calls = growing.calls?.finish() ?? [];
      const toolCalls = calls.length === 0 ? undefined : calls;
      return {
        index,
        message: withOpaque(assistant(growing.text ?? "", toolCalls, growing.reasoning), growing.opaque),
        finishReason: decodeFinish(growing.finish, toolCalls !== undefined, growing.refused),
        ...(growing.finish !== undefined && { rawFinishReason: growing.finish }),
      };
    });
    return {
      text: choices[0]?.message.content ?? "",
      choices,
      usage: this.usage,
      model: this.model ?? this.facts.model,
      cacheHit: false,
      ...(this.id !== undefined && { id: this.id }),
    };
  }

  #isEmpty({ index, message, finishReason }: Choice): boolean {
    const { toolCalls, reasoning } = message;
    return isEmpty(this.#choices.get(index)?.text ?? toolCalls ?? reasoning, finishReason);
  }
}

function withOpaque(
  message: AssistantMessage,
  opaque: AssistantMessage["opaque"] | undefined,
): AssistantMessage {
  return opaque === undefined ? message : { ...message, opaque };
}
