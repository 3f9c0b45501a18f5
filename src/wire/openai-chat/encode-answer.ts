import type { Delta } from "../../core/call.ts";
import type { Choice, Completion } from "../../core/completion.ts";
import { deliver } from "../deltas.ts";
import { encodeFinish } from "../finish.ts";
import { writeEvent } from "../sse.ts";
import { encodeToolCall } from "./encode-request.ts";
import { encodeUsage } from "./usage.ts";

export interface AnswerHead {
  /** Names the answer when the completion has no id of its own. */
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
}

/** A completion as the body of an answer. */
export function encodeAnswer(completion: Completion, head: AnswerHead): string {
  return JSON.stringify({
    id: completion.id ?? head.id,
    object: "chat.completion",
    created: head.created,
    model: completion.model,
    choices: completion.choices.map(encodeChoice),
    usage: encodeUsage(completion.usage),
  });
}

function encodeChoice({ index, message, finishReason, rawFinishReason }: Choice): object {
  const { content, toolCalls, reasoning } = message;
  const silent = content === "" && (toolCalls !== undefined || reasoning !== undefined);
  return {
    index,
    message: {
      role: "assistant",
      content: silent ? null : content,
      ...(reasoning !== undefined && { reasoning_content: reasoning }),
      ...(toolCalls !== undefined && { tool_calls: toolCalls.map(encodeToolCall) }),
    },
    logprobs: null,
    finish_reason: encodeFinish(finishReason, rawFinishReason),
  };
}

export interface StreamHead extends AnswerHead {
  readonly model: string;
  /** Whether the client asked for a last chunk with the usage. */
  readonly usage: boolean;
}

/**
 * Writes one answer as a stream of chunks: `delta` for each piece as it comes, `finish` at the end; or `whole`
 * for an answer that is there already. Each method returns the text to send.
 *
 * ```ts
 * const writer = new ChunkWriter({ id: "a1", created: 1_760_000_000, model: "m", usage: true });
 * const text = writer.delta({ text: "Hi." }) + writer.finish(completion("Hi."));
 * ```
 */
export class ChunkWriter {
  readonly #head: string;
  readonly #tail: string;
  readonly #usage: boolean;
  readonly #begun = new Set<number>();

  constructor({ id, created, model, usage }: StreamHead) {
    const head = JSON.stringify({ id, object: "chat.completion.chunk", created, model });
    this.#head = `${head.slice(0, -1)},"choices":[`;
    this.#tail = usage ? '],"usage":null}' : "]}";
    this.#usage = usage;
  }

  /** One piece of the answer. */
  delta(delta: Delta): string {
    const { text, reasoning, toolCall, choice = 0 } = delta;
    const first = !this.#begun.has(choice);
    this.#begun.add(choice);
    return this.#chunk(
      choice,
      {
        role: first ? "assistant" : undefined,
        content: text !== "" || (reasoning === undefined && toolCall === undefined) ? text : undefined,
        reasoning_content: reasoning,
        tool_calls: toolCall === undefined ? undefined : [encodePiece(toolCall)],
      },
      null,
    );
  }

  /** The end of every choice, the usage if it was asked for, and the last word. */
  finish(completion: Completion): string {
    let out = "";
    for (const { index, finishReason, rawFinishReason } of completion.choices) {
      if (!this.#begun.has(index)) out += this.delta({ text: "", choice: index });
      out += this.#chunk(index, {}, encodeFinish(finishReason, rawFinishReason));
    }
    if (this.#usage)
      out += writeEvent(`${this.#head}],"usage":${JSON.stringify(encodeUsage(completion.usage))}}`);
    return `${out}data: [DONE]\n\n`;
  }

  /** All of an answer that is there already. */
  whole(completion: Completion): string {
    let out = "";
    deliver(completion, (delta) => {
      out += this.delta(delta);
    });
    return out + this.finish(completion);
  }

  #chunk(index: number, delta: object, finish: string | null): string {
    const choice = `{"index":${index},"delta":${JSON.stringify(delta)},"finish_reason":${JSON.stringify(finish)}}`;
    return `data: ${this.#head}${choice}${this.#tail}\n\n`;
  }
}

function encodePiece({ index, id, name, argumentsText }: NonNullable<Delta["toolCall"]>): object {
  const fn = { name, arguments: argumentsText ?? "" };
  return { index, id, type: id === undefined ? undefined : "function", function: fn };
}
