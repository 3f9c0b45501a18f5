import type { Delta } from "../../core/call.ts";
import type { Completion } from "../../core/completion.ts";
import type { EventDecoder } from "../answer.ts";
import type { AnswerFacts } from "../answer-facts.ts";
import { GrowingAnswer } from "../growing-answer.ts";
import { isObject, memberOf, parseJson } from "../json-value.ts";
import type { Reading, SseEvent } from "../sse.ts";
import { Parts } from "./parts.ts";

/** Puts the responses of one stream together. It has no last word: every candidate says why it ended. */
export class ContentDecoder implements EventDecoder {
  readonly #answer: GrowingAnswer;
  readonly #parts: Parts;

  constructor(facts: AnswerFacts, onDelta: ((delta: Delta) => void) | undefined, maxLength: number) {
    this.#answer = new GrowingAnswer(facts, onDelta, maxLength);
    this.#parts = new Parts(this.#answer);
  }

  event(data: string, name: string): Reading {
    if (data.trim() === "") return "idle";
    const response = parseJson(data);
    if (Array.isArray(response) && memberOf(response[0], "error")) throw this.#answer.failed(response);
    if (!isObject(response)) {
      throw this.#answer.broken(`an event of ${data.length} characters that is not a JSON object`);
    }
    if (response.error || name === "error") throw this.#answer.failed(response);
    return this.#parts.read(response) ? "progress" : "idle";
  }

  end(tail: SseEvent | undefined): Completion {
    if (tail !== undefined && parseJson(tail.data) !== undefined) this.event(tail.data, tail.name);
    if (!this.#answer.finished) throw this.#answer.cut("a finishReason");
    this.#parts.end();
    return this.#answer.complete();
  }
}
