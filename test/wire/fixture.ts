import type { AnswerFormat } from "../../src/wire/answer.ts";
import { body, chunks } from "../fixtures/read.ts";
import { bytes, json, type Outcome, read, stream } from "./support.ts";

/** Reads a fixture as its driver would: a stream chunk by chunk, anything else as a whole body. */
export function readFixture(format: AnswerFormat, name: string): Outcome {
  if (name.endsWith(".sse")) return read(chunks(name).map(bytes), stream, { format });
  if (name.endsWith(".ndjson")) return read(chunks(name).map(bytes), lines, { format });
  return read(body(name), json, { format });
}

export const lines = { headers: { "content-type": "application/x-ndjson" } } as const;

/** What a message says, without what only the wire knows. */
export function said({ completion, error }: Outcome) {
  if (completion === undefined) throw error ?? new Error("there is no completion");
  const [choice] = completion.choices;
  const { content, reasoning, toolCalls, opaque } = choice!.message;
  return {
    text: content,
    reasoning,
    calls: toolCalls?.map(({ id, name, arguments: args }) => [id, name, args]),
    opaque,
    finish: [choice!.finishReason, choice!.rawFinishReason],
    usage: completion.usage,
    model: completion.model,
    id: completion.id,
  };
}
