import type { Delta } from "../../core/call.ts";
import type { Completion } from "../../core/completion.ts";
import type { EventDecoder } from "../answer.ts";
import type { AnswerFacts } from "../answer-facts.ts";
import { GrowingAnswer } from "../growing-answer.ts";
import { isObject, memberOf, parseJson, textIn } from "../json-value.ts";
import type { Reading, SseEvent } from "../sse.ts";
import { Blocks } from "./blocks.ts";
import { decodeUsage } from "./usage.ts";

/** More blocks in one message than any honest model writes. */
const maxBlocks = 1_000;

/** Puts the events of one streamed message together. */
export class MessageDecoder implements EventDecoder {
  readonly #answer: GrowingAnswer;
  readonly #blocks: Blocks;
  #usage: Record<string, unknown> = {};
  #done = false;

  constructor(facts: AnswerFacts, onDelta: ((delta: Delta) => void) | undefined, maxLength: number) {
    this.#answer = new GrowingAnswer(facts, onDelta, maxLength);
    this.#blocks = new Blocks(this.#answer);
  }

  event(data: string, name: string): Reading {
    if (this.#done) return "done";
    if (name === "ping" || data.trim() === "") return "idle";
    const event = parseJson(data);
    if (!isObject(event)) {
      throw this.#answer.broken(`an event of ${data.length} characters that is not a JSON object`);
    }
    return this.#read(event, textIn(event.type) ?? name);
  }

  end(tail: SseEvent | undefined): Completion {
    if (tail !== undefined && parseJson(tail.data) !== undefined) this.event(tail.data, tail.name);
    // A stop reason is the end of the answer, though the last event was lost.
    if (!this.#done && !this.#answer.finished) throw this.#answer.cut("message_stop");
    this.#blocks.end();
    this.#answer.usage = decodeUsage(this.#usage);
    return this.#answer.complete();
  }

  #read(event: Record<string, unknown>, type: string): Reading {
    if (event.error || type === "error") throw this.#answer.failed(event);
    switch (type) {
      case "message_start":
        return this.#start(event.message);
      case "content_block_start":
        this.#blocks.start(this.#index(event), event.content_block);
        return "progress";
      case "content_block_delta":
        this.#blocks.delta(this.#index(event), event.delta);
        return "progress";
      case "content_block_stop":
        this.#blocks.stop(this.#index(event));
        return "progress";
      case "message_delta":
        return this.#delta(event);
      case "message_stop":
        this.#done = true;
        return "done";
      default:
        // "ping", and kinds that come in the future: nothing of the answer is in them.
        return "idle";
    }
  }

  #start(message: unknown): Reading {
    this.#answer.id ??= textIn(memberOf(message, "id"));
    this.#answer.model ??= textIn(memberOf(message, "model"));
    this.#answer.begin();
    this.#count(memberOf(message, "usage"));
    return "progress";
  }

  #delta(event: Record<string, unknown>): Reading {
    this.#count(event.usage);
    const reason = textIn(memberOf(event.delta, "stop_reason"));
    if (reason !== undefined) this.#answer.finish(reason);
    return "progress";
  }

  /** Later counts are cumulative and replace earlier ones; what is null was not counted anew. */
  #count(usage: unknown): void {
    if (!isObject(usage)) return;
    const told = Object.entries(usage).filter(([, value]) => value !== null);
    this.#usage = { ...this.#usage, ...Object.fromEntries(told) };
    this.#answer.usage = decodeUsage(this.#usage);
  }

  #index({ index }: Record<string, unknown>): number {
    if (typeof index === "number" && Number.isInteger(index) && index >= 0 && index < maxBlocks) return index;
    throw this.#answer.broken(`a block whose index is not a whole number from 0 to ${maxBlocks - 1}`);
  }
}
