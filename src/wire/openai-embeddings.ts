import { textOf } from "../core/message.ts";
import type { ChatRequest } from "../core/request.ts";
import type { AnswerFormat } from "./answer.ts";
import { writeBody } from "./extra.ts";
import { memberOf } from "./json-value.ts";
import { decodeUsage } from "./openai-chat/usage.ts";
import { vectorFormat } from "./vectors.ts";

/** The body of an embed request. */
export function encodeEmbed({ model, messages, embed, extra }: ChatRequest): string {
  const input = messages.map(({ content }) => textOf(content));
  return writeBody({ model, input, dimensions: embed?.dimensions }, extra);
}

/** Embeddings of OpenAI, and of everybody who speaks as it does. */
export const openaiEmbeddings: AnswerFormat = vectorFormat({
  vectors: ({ data }) => (Array.isArray(data) ? inOrder(data) : undefined),
  usage: ({ usage }) => decodeUsage(usage),
});

/** Each says which text it is for; those that do not are in order already. */
function inOrder(data: readonly unknown[]): unknown[] {
  const place = (each: unknown, at: number): number => {
    const index = memberOf(each, "index");
    return typeof index === "number" ? index : at;
  };
  return data
    .map((each, at) => ({ at: place(each, at), vector: memberOf(each, "embedding") }))
    .sort((a, b) => a.at - b.at)
    .map(({ vector }) => vector);
}
