import type { GrowingAnswer } from "../growing-answer.ts";
import { isObject, memberOf, textIn } from "../json-value.ts";

/** The name under which a turn keeps this wire's own blocks. */
export const wireName = "anthropic";

/** A block of thinking as it must go back, signature and all. */
interface Thinking {
  readonly type: "thinking";
  thinking: string;
  signature: string;
}

/** The content blocks of one message, whole or in pieces, as they are put into an answer. */
export class Blocks {
  readonly #answer: GrowingAnswer;
  /** Thinking that the next turn must bring back, by the index of its block. */
  readonly #kept = new Map<number, Thinking | Record<string, unknown>>();
  /** What a call's `input` was when it began, until its own pieces come. */
  readonly #inputs = new Map<number, unknown>();

  constructor(answer: GrowingAnswer) {
    this.#answer = answer;
  }

  /** A block begins, or is there as a whole. Kinds that are not ours (searches of the server) are read over. */
  start(index: number, block: unknown): void {
    if (!isObject(block)) throw this.#answer.broken("a content block that is not a JSON object");
    switch (block.type) {
      case "text":
        if (typeof block.text === "string") this.#answer.text(block.text);
        break;
      case "thinking":
        this.#thinking(index, textIn(block.thinking) ?? "", textIn(block.signature) ?? "");
        break;
      case "redacted_thinking":
        this.#kept.set(index, { type: "redacted_thinking", data: textIn(block.data) ?? "" });
        break;
      case "tool_use":
        this.#answer.piece({ index, id: block.id, function: { name: block.name } });
        this.#inputs.set(index, block.input);
        break;
    }
  }

  /** A piece of a block. */
  delta(index: number, delta: unknown): void {
    if (!isObject(delta)) throw this.#answer.broken("a delta that is not a JSON object");
    switch (delta.type) {
      case "text_delta":
        this.#answer.text(textIn(delta.text) ?? "");
        break;
      case "thinking_delta":
        this.#thinking(index, textIn(delta.thinking) ?? "", "");
        break;
      case "signature_delta":
        this.#thinking(index, "", textIn(delta.signature) ?? "");
        break;
      case "input_json_delta":
        // Only calls of our tools are made by us; what the server calls itself is its own business.
        if (this.#inputs.has(index)) this.#input(index, textIn(delta.partial_json) ?? "");
        break;
    }
  }

  /** A block has ended: a call without pieces has the input it began with. */
  stop(index: number): void {
    const input = this.#inputs.get(index);
    this.#inputs.delete(index);
    if (input !== undefined) this.#answer.piece({ index, function: { arguments: JSON.stringify(input) } });
  }

  /** The message has ended. */
  end(): void {
    for (const index of [...this.#inputs.keys()]) this.stop(index);
    const kept = [...this.#kept].sort(([a], [b]) => a - b).map(([, block]) => block);
    if (kept.some((block) => memberOf(block, "signature") !== "")) this.#answer.keep({ [wireName]: kept });
  }

  #input(index: number, text: string): void {
    if (text === "") return;
    this.#inputs.set(index, undefined);
    this.#answer.piece({ index, function: { arguments: text } });
  }

  #thinking(index: number, text: string, signature: string): void {
    const known = this.#kept.get(index) as Thinking | undefined;
    const block = known ?? { type: "thinking", thinking: "", signature: "" };
    block.thinking += text;
    block.signature += signature;
    if (known === undefined) this.#kept.set(index, block);
    this.#answer.reasoning(text);
  }
}
