import type { Delta } from "../../core/call.ts";
import type { Completion } from "../../core/completion.ts";
import type { EventDecoder } from "../answer.ts";
import { type AnswerFacts, brokenAnswer } from "../answer-facts.ts";
import { GrowingAnswer } from "../growing-answer.ts";
import { isObject, memberOf, parseJson, textIn } from "../json-value.ts";
import type { Reading, SseEvent } from "../sse.ts";
import { reasoningOf, textOfContent } from "./content.ts";
import { decodeUsage } from "./usage.ts";

/** The highest index a choice may have: servers take an `n` of at most 128. */
const maxChoices = 128;

/** Puts the chunks of one streamed answer together. */
export class ChatDecoder implements EventDecoder {
  readonly #answer: GrowingAnswer;
  /** What a choice said had failed it; the chunk around it may say it better. */
  #error: unknown;
  #done = false;

  constructor(facts: AnswerFacts, onDelta: ((delta: Delta) => void) | undefined, maxLength: number) {
    this.#answer = new GrowingAnswer(facts, onDelta, maxLength);
  }

  event(data: string, name: string): Reading {
    if (this.#done) return "done";
    if (data === "[DONE]" || data.trim() === "[DONE]") {
      this.#done = true;
      return "done";
    }
    if (data.trim() === "" || name === "ping") return "idle";
    const chunk = parseJson(data);
    if (chunk === undefined)
      throw this.#answer.broken(`an event of ${data.length} characters that is not JSON`);
    return this.#chunk(chunk, name);
  }

  end(tail: SseEvent | undefined): Completion {
    // A last event without its blank line counts when it is whole; half of one is just where the cut was.
    if (tail !== undefined && (tail.data.trim() === "[DONE]" || parseJson(tail.data) !== undefined)) {
      this.event(tail.data, tail.name);
    }
    const answer = this.#answer;
    // "[DONE]" is enough, and so is a finish reason for everything that was begun.
    if (!this.#done && !answer.finished) throw answer.cut("a finish reason or [DONE]");
    if (!answer.begun) throw brokenAnswer("bad_response", "the stream had no choices", answer.facts);
    return answer.complete();
  }

  #chunk(chunk: unknown, name: string): Reading {
    const answer = this.#answer;
    if (!isObject(chunk)) {
      // The only list that servers send is an error in brackets.
      if (Array.isArray(chunk) && memberOf(chunk[0], "error")) throw answer.failed(chunk);
      throw answer.broken("an event that is not a JSON object");
    }
    const { choices, usage, error } = chunk;
    answer.id ??= textIn(chunk.id);
    answer.model ??= textIn(chunk.model);
    const counted = isObject(usage) ? usage : memberOf(chunk.x_groq, "usage");
    if (isObject(counted)) answer.usage = decodeUsage(counted);
    if (Array.isArray(choices)) {
      for (const choice of choices) this.#choice(choice);
    } else if (choices !== undefined && choices !== null) {
      throw answer.broken("a chunk whose `choices` is no list");
    }
    if (error || name === "error" || chunk.object === "error") throw answer.failed(chunk);
    if (this.#error !== undefined) throw answer.failed({ error: this.#error });
    return Array.isArray(choices) || isObject(counted) ? "progress" : "idle";
  }

  #choice(choice: unknown): void {
    const answer = this.#answer;
    if (!isObject(choice)) throw answer.broken("a choice that is not a JSON object");
    const index = choice.index ?? 0;
    if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index >= maxChoices) {
      throw answer.broken(`a choice whose index is not a whole number from 0 to ${maxChoices - 1}`);
    }
    answer.begin(index);
    // Some servers put a whole message where a delta belongs.
    const delta = choice.delta ?? choice.message;
    if (isObject(delta)) this.#delta(delta, index);
    const finish = textIn(choice.finish_reason);
    if (finish !== undefined) answer.finish(finish, index);
    if (choice.error || finish === "error") this.#error ??= choice.error ?? { type: "server_error" };
  }

  #delta(delta: Record<string, unknown>, index: number): void {
    const reasoning = reasoningOf(delta);
    if (reasoning !== undefined) this.#answer.reasoning(reasoning, index);
    const text = textOfContent(delta.content);
    if (text !== undefined) this.#answer.text(text, index);
    const refusal = textIn(delta.refusal);
    if (refusal !== undefined) this.#answer.refusal(refusal, index);
    if (Array.isArray(delta.tool_calls)) {
      for (const piece of delta.tool_calls) this.#answer.piece(piece, index);
    }
  }
}
