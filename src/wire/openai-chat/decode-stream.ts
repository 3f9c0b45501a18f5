import type { Delta } from "../../core/call.ts";
import type { Choice, Completion } from "../../core/completion.ts";
import type { EventDecoder } from "../answer.ts";
import { type AnswerFacts, brokenAnswer, type Progress } from "../answer-facts.ts";
import { errorOf } from "../http-error.ts";
import { isObject, memberOf, parseJson, textIn } from "../json-value.ts";
import type { Reading, SseEvent } from "../sse.ts";
import { assistant, reasoningOf, textOfContent } from "./content.ts";
import { empty, isEmpty } from "./decode-answer.ts";
import { decodeFinish } from "./finish.ts";
import { nameless, ToolPieces } from "./tool-pieces.ts";
import { decodeUsage } from "./usage.ts";

/** The highest index a choice may have: servers take an `n` of at most 128. */
const maxChoices = 128;

/** One choice while it is being written. */
interface Growing {
  /** Undefined until the first text came, be it empty. */
  text: string | undefined;
  reasoning: string | undefined;
  refused: boolean;
  calls: ToolPieces | undefined;
  finish: string | undefined;
}

/** Puts the chunks of one streamed answer together. */
export class ChatDecoder implements EventDecoder {
  readonly #facts: AnswerFacts;
  readonly #onDelta: ((delta: Delta) => void) | undefined;
  readonly #maxLength: number;
  readonly #choices = new Map<number, Growing>();
  #length = 0;
  #usage: unknown;
  #model: string | undefined;
  #id: string | undefined;
  /** What a choice said had failed it; the chunk around it may say it better. */
  #error: unknown;
  #done = false;
  #delivered = false;

  constructor(facts: AnswerFacts, onDelta: ((delta: Delta) => void) | undefined, maxLength: number) {
    this.#facts = facts;
    this.#onDelta = onDelta;
    this.#maxLength = maxLength;
  }

  event(data: string, name: string): Reading {
    if (this.#done) return "done";
    if (data === "[DONE]" || data.trim() === "[DONE]") {
      this.#done = true;
      return "done";
    }
    if (data.trim() === "" || name === "ping") return "idle";
    const chunk = parseJson(data);
    if (chunk === undefined) throw this.#broken(`an event of ${data.length} characters that is not JSON`);
    return this.#chunk(chunk, name);
  }

  end(tail: SseEvent | undefined): Completion {
    // A last event without its blank line counts when it is whole; half of one is just where the cut was.
    if (tail !== undefined && (tail.data.trim() === "[DONE]" || parseJson(tail.data) !== undefined)) {
      this.event(tail.data, tail.name);
    }
    if (!this.#isComplete()) throw this.#cut();
    if (this.#choices.size === 0)
      throw brokenAnswer("bad_response", "the stream had no choices", this.#facts);
    for (const { calls } of this.#choices.values()) {
      const at = calls?.nameless ?? -1;
      if (at !== -1) throw nameless(this.#facts, at, this.#progress());
    }
    const completion = this.#completion();
    if (completion.choices.every((choice) => this.#isEmpty(choice))) throw empty(this.#facts);
    return completion;
  }

  #chunk(chunk: unknown, name: string): Reading {
    if (!isObject(chunk)) {
      // The only list that servers send is an error in brackets.
      if (Array.isArray(chunk) && memberOf(chunk[0], "error")) throw this.#failed(chunk);
      throw this.#broken("an event that is not a JSON object");
    }
    const { choices, usage, error } = chunk;
    this.#id ??= textIn(chunk.id);
    this.#model ??= textIn(chunk.model);
    const counted = isObject(usage) ? usage : memberOf(chunk.x_groq, "usage");
    if (isObject(counted)) this.#usage = counted;
    if (Array.isArray(choices)) {
      for (const choice of choices) this.#choice(choice);
    } else if (choices !== undefined && choices !== null) {
      throw this.#broken("a chunk whose `choices` is no list");
    }
    if (error || name === "error" || chunk.object === "error") throw this.#failed(chunk);
    if (this.#error !== undefined) throw this.#failed({ error: this.#error });
    return Array.isArray(choices) || isObject(counted) ? "progress" : "idle";
  }

  #choice(choice: unknown): void {
    if (!isObject(choice)) throw this.#broken("a choice that is not a JSON object");
    const index = choice.index ?? 0;
    if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index >= maxChoices) {
      throw this.#broken(`a choice whose index is not a whole number from 0 to ${maxChoices - 1}`);
    }
    let growing = this.#choices.get(index);
    if (growing === undefined) {
      growing = {
        text: undefined,
        reasoning: undefined,
        refused: false,
        calls: undefined,
        finish: undefined,
      };
      this.#choices.set(index, growing);
    }
    // Some servers put a whole message where a delta belongs.
    const delta = choice.delta ?? choice.message;
    if (isObject(delta)) this.#delta(growing, delta, index);
    const finish = textIn(choice.finish_reason);
    if (finish !== undefined) growing.finish = finish;
    if (choice.error || finish === "error") this.#error ??= choice.error ?? { type: "server_error" };
  }

  #delta(growing: Growing, delta: Record<string, unknown>, index: number): void {
    const reasoning = reasoningOf(delta);
    if (reasoning !== undefined) {
      growing.reasoning = (growing.reasoning ?? "") + reasoning;
      this.#grow(reasoning.length);
      if (this.#onDelta !== undefined) this.#deliver({ text: "", reasoning }, index);
    }
    const text = textOfContent(delta.content);
    if (text !== undefined) this.#text(growing, text, index);
    const refusal = textIn(delta.refusal);
    if (refusal !== undefined) {
      growing.refused = true;
      this.#text(growing, refusal, index);
    }
    if (Array.isArray(delta.tool_calls)) this.#pieces(growing, delta.tool_calls, index);
  }

  #text(growing: Growing, text: string, index: number): void {
    growing.text = growing.text === undefined ? text : growing.text + text;
    if (text === "") return;
    this.#grow(text.length);
    if (this.#onDelta !== undefined) this.#deliver({ text }, index);
  }

  #pieces(growing: Growing, pieces: readonly unknown[], index: number): void {
    growing.calls ??= new ToolPieces(this.#facts);
    for (const piece of pieces) {
      const toolCall = growing.calls.add(piece);
      if (toolCall === undefined) throw this.#broken("a piece of a tool call that is not a JSON object");
      this.#grow((toolCall.argumentsText?.length ?? 0) + (toolCall.name?.length ?? 0));
      if (this.#onDelta !== undefined) this.#deliver({ text: "", toolCall }, index);
    }
  }

  #deliver(delta: Delta, choice: number): void {
    this.#delivered = true;
    this.#onDelta!(choice === 0 ? delta : { ...delta, choice });
  }

  #grow(length: number): void {
    this.#length += length;
    if (this.#length > this.#maxLength) throw this.#broken(`more than ${this.#maxLength} characters`);
  }

  /** "[DONE]" is enough, and so is a finish reason for everything that was begun. */
  #isComplete(): boolean {
    if (this.#done) return true;
    if (this.#choices.size === 0) return false;
    for (const { finish } of this.#choices.values()) if (finish === undefined) return false;
    return true;
  }

  #completion(): Completion {
    const entries = [...this.#choices].sort(([a], [b]) => a - b);
    const choices = entries.map(([index, growing]): Choice => {
      const toolCalls =
        growing.calls === undefined || growing.calls.length === 0 ? undefined : growing.calls.finish();
      return {
        index,
        message: assistant(growing.text ?? "", toolCalls, growing.reasoning),
        finishReason: decodeFinish(growing.finish, toolCalls !== undefined, growing.refused),
        rawFinishReason: growing.finish,
      };
    });
    return {
      text: choices[0]?.message.content ?? "",
      choices,
      usage: decodeUsage(this.#usage),
      model: this.#model ?? this.#facts.model,
      cacheHit: false,
      id: this.#id,
    };
  }

  #isEmpty({ index, message, finishReason }: Choice): boolean {
    const { toolCalls, reasoning } = message;
    return isEmpty(this.#choices.get(index)?.text ?? toolCalls ?? reasoning, finishReason);
  }

  /** What had arrived, if anything had. */
  #progress(): Progress {
    return this.#length === 0
      ? { delivered: this.#delivered }
      : { partial: this.#completion(), delivered: this.#delivered };
  }

  #failed(payload: unknown): Error {
    return errorOf(payload, this.#facts, this.#progress());
  }

  #broken(what: string): Error {
    return brokenAnswer("bad_response", `the stream brought ${what}`, this.#facts, this.#progress());
  }

  #cut(): Error {
    return brokenAnswer(
      "incomplete",
      "the stream ended without a finish reason or [DONE]",
      this.#facts,
      this.#progress(),
    );
  }
}
