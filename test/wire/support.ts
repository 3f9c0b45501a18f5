import type { Delta } from "../../src/core/call.ts";
import type { Completion } from "../../src/core/completion.ts";
import { isTrunklineError, type TrunklineError } from "../../src/core/errors.ts";
import { type AnswerFormat, AnswerReader } from "../../src/wire/answer.ts";
import type { AnswerFacts } from "../../src/wire/answer-facts.ts";
import { openaiChat } from "../../src/wire/openai-chat.ts";
import type { Reading } from "../../src/wire/sse.ts";

/** Friday, 9 October 2026, 12:00 UTC: where the clock of these tests stands. */
export const noon: number = Date.UTC(2026, 9, 9, 12);
export const clock = { wall: () => noon };

export function factsOf(facts: Partial<AnswerFacts> = {}): AnswerFacts {
  return { status: 200, headers: {}, model: "asked", provider: "prov", clock, ...facts };
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** `all` in pieces that end at the given places. */
export function cut(all: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...new Set(places.filter((at) => at > 0 && at < all.length))].sort((a, b) => a - b);
  return [...ends, all.length].map((end, i) => all.subarray(i === 0 ? 0 : ends[i - 1]!, end));
}

export const stream: Partial<AnswerFacts> = { headers: { "content-type": "text/event-stream" } };
export const json: Partial<AnswerFacts> = { headers: { "content-type": "application/json" } };

export interface Outcome {
  readonly completion?: Completion;
  readonly error?: TrunklineError;
  readonly deltas: readonly Delta[];
  readonly readings: readonly Reading[];
}

/** Reads one answer as a driver would: until the body ends, or the reader says "done". */
export function read(
  body: string | readonly Uint8Array[],
  facts: Partial<AnswerFacts> = stream,
  options: { readonly listen?: boolean; readonly maxBytes?: number; readonly format?: AnswerFormat } = {},
): Outcome {
  const deltas: Delta[] = [];
  const readings: Reading[] = [];
  const onDelta = options.listen === false ? undefined : (delta: Delta) => void deltas.push(delta);
  const reader = new AnswerReader({
    format: options.format ?? openaiChat,
    facts: factsOf(facts),
    onDelta,
    maxBytes: options.maxBytes,
  });
  for (const piece of typeof body === "string" ? [bytes(body)] : body) {
    const reading = reader.push(piece);
    readings.push(reading);
    if (reading === "done") break;
  }
  try {
    return { completion: reader.end(), deltas, readings };
  } catch (error) {
    if (!isTrunklineError(error)) throw error;
    return { error, deltas, readings };
  }
}

/** Events of a stream from values: strings as they are, everything else as JSON. */
export function events(...values: readonly unknown[]): string {
  return values
    .map((value) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`)
    .join("");
}

/** A chunk with one choice. */
export function chunk(delta: unknown, finish: string | null = null, rest: object = {}): object {
  return {
    id: "a1",
    object: "chat.completion.chunk",
    model: "said",
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...rest,
  };
}

/** A whole answer with one message. */
export function answer(message: object, finish: string | null = "stop", rest: object = {}): string {
  return JSON.stringify({
    id: "a1",
    model: "said",
    choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason: finish }],
    ...rest,
  });
}
