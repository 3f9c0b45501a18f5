import type { Delta } from "../../core/call.ts";
import type { Completion } from "../../core/completion.ts";
import type { EventDecoder } from "../answer.ts";
import type { AnswerFacts } from "../answer-facts.ts";
import { GrowingAnswer } from "../growing-answer.ts";
import { isObject, memberOf, parseJson, textIn } from "../json-value.ts";
import type { Reading, SseEvent } from "../sse.ts";
import { finishResponse } from "./output.ts";

type Event = Record<string, unknown>;

/** Puts the events of one streamed response together. Its last event holds the response as a whole. */
export class ResponseDecoder implements EventDecoder {
  readonly #answer: GrowingAnswer;
  /** Places of calls whose arguments came in pieces. */
  readonly #pieced = new Set<unknown>();
  #summaries = 0;
  #last: Event | undefined;

  constructor(facts: AnswerFacts, onDelta: ((delta: Delta) => void) | undefined, maxLength: number) {
    this.#answer = new GrowingAnswer(facts, onDelta, maxLength);
  }

  event(data: string, name: string): Reading {
    if (this.#last !== undefined || data.trim() === "[DONE]") return "done";
    if (data.trim() === "" || name === "ping") return "idle";
    const event = parseJson(data);
    if (!isObject(event)) {
      throw this.#answer.broken(`an event of ${data.length} characters that is not a JSON object`);
    }
    return this.#read(event, textIn(event.type) ?? name);
  }

  end(tail: SseEvent | undefined): Completion {
    if (tail !== undefined && parseJson(tail.data) !== undefined) this.event(tail.data, tail.name);
    if (this.#last === undefined) throw this.#answer.cut("response.completed");
    return finishResponse(this.#answer, this.#last);
  }

  #read(event: Event, type: string): Reading {
    const answer = this.#answer;
    if (type === "error" || (event.error && !isObject(event.response))) throw answer.failed(event);
    switch (type) {
      case "response.output_text.delta":
        answer.text(textIn(event.delta) ?? "");
        return "progress";
      case "response.refusal.delta":
        answer.refusal(textIn(event.delta) ?? "");
        return "progress";
      case "response.reasoning_summary_part.added":
        // Parts of a summary are paragraphs.
        if (this.#summaries++ > 0) answer.reasoning("\n\n");
        return "progress";
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        answer.reasoning(textIn(event.delta) ?? "");
        return "progress";
      case "response.output_item.added":
        return this.#added(event);
      case "response.function_call_arguments.delta":
        this.#arguments(event.output_index, event.delta);
        this.#pieced.add(event.output_index);
        return "progress";
      case "response.function_call_arguments.done":
        // Some servers send no pieces.
        if (!this.#pieced.has(event.output_index)) this.#arguments(event.output_index, event.arguments);
        return "progress";
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        return this.#ended(event.response);
      case "response.created":
        answer.id ??= textIn(memberOf(event.response, "id"));
        answer.model ??= textIn(memberOf(event.response, "model"));
        return "progress";
      default:
        return type.startsWith("response.") ? "progress" : "idle";
    }
  }

  #added({ item, output_index: index }: Event): Reading {
    if (memberOf(item, "type") === "message") this.#answer.begin();
    if (memberOf(item, "type") !== "function_call") return "progress";
    const { call_id: id, name } = item as Event;
    this.#answer.piece({ index, id, function: { name } });
    return "progress";
  }

  #arguments(index: unknown, text: unknown): void {
    if (typeof text === "string" && text !== "") this.#answer.piece({ index, function: { arguments: text } });
  }

  #ended(response: unknown): Reading {
    if (!isObject(response)) throw this.#answer.broken("a last event without its response");
    this.#last = response;
    return "done";
  }
}
