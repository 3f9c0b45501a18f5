import type { Delta } from "../../core/call.ts";
import type { Completion } from "../../core/completion.ts";
import type { EventDecoder } from "../answer.ts";
import type { AnswerFacts } from "../answer-facts.ts";
import { GrowingAnswer } from "../growing-answer.ts";
import { objectIn, without } from "../json-answer.ts";
import { isObject, memberOf, parseJson, textIn } from "../json-value.ts";
import type { Reading, SseEvent } from "../sse.ts";
import { decodeUsage } from "./usage.ts";

/** Puts the lines of one answer together; a whole answer is one line that is its own end. */
export class LineDecoder implements EventDecoder {
  readonly #answer: GrowingAnswer;
  #calls = 0;
  #done = false;

  constructor(facts: AnswerFacts, onDelta?: (delta: Delta) => void, maxLength?: number) {
    this.#answer = new GrowingAnswer(facts, onDelta, maxLength);
  }

  event(line: string): Reading {
    const object = parseJson(line);
    if (!isObject(object)) {
      throw this.#answer.broken(`a line of ${line.length} characters that is not a JSON object`);
    }
    return this.read(object);
  }

  end(tail: SseEvent | undefined): Completion {
    // A last line without its line end counts when it is whole; half of one is just where the cut was.
    if (tail !== undefined && parseJson(tail.data) !== undefined) this.event(tail.data);
    if (!this.#done) throw this.#answer.cut('a line with "done": true');
    return this.#answer.complete();
  }

  /** One object: a piece of the message, the end, or an error. */
  read(object: Record<string, unknown>): Reading {
    const answer = this.#answer;
    if (object.error) throw answer.failed(object);
    answer.model ??= textIn(object.model);
    const { message, done } = object;
    if (isObject(message)) this.#message(message);
    if (done !== true) return isObject(message) ? "progress" : "idle";
    this.#done = true;
    answer.usage = decodeUsage(object);
    answer.finish(textIn(object.done_reason) ?? "stop");
    return "done";
  }

  #message({ content, thinking, tool_calls }: Record<string, unknown>): void {
    const thought = textIn(thinking);
    if (thought !== undefined) this.#answer.reasoning(thought);
    // Every line has a content, be it empty: only one with something in it says anything.
    const text = textIn(content);
    if (text !== undefined) this.#answer.text(text);
    if (!Array.isArray(tool_calls)) return;
    for (const call of tool_calls) {
      const fn = memberOf(call, "function");
      const args = memberOf(fn, "arguments") ?? {};
      this.#answer.piece({
        // Each comes whole; the numbers that models give them repeat.
        index: this.#calls++,
        id: memberOf(call, "id"),
        function: { name: memberOf(fn, "name"), arguments: args },
      });
    }
  }
}

/** Reads a whole answer, or the lines of one that a server streamed without saying so. */
export function decodeChat(body: string, facts: AnswerFacts): Completion {
  const decoder = new LineDecoder(facts);
  const lines = body.split("\n").filter((line) => line.trim() !== "");
  if (lines.length > 1 && isObject(parseJson(lines[0]!))) {
    for (const line of lines) decoder.event(line);
    return decoder.end(undefined);
  }
  const answer = objectIn(body, facts);
  if (answer.error || !isObject(answer.message)) throw without("message", answer, facts);
  decoder.read(answer);
  return decoder.end(undefined);
}
