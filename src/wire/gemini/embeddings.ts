import { textOf } from "../../core/message.ts";
import type { ChatRequest } from "../../core/request.ts";
import type { AnswerFormat } from "../answer.ts";
import { checkedExtra } from "../extra.ts";
import { memberOf } from "../json-value.ts";
import { vectorFormat } from "../vectors.ts";
import { resource } from "./encode-request.ts";
import { decodeUsage } from "./parts.ts";

/** The end of the address of an embed request. */
export const embedPath = (model: string): string => `/${resource(model)}:batchEmbedContents`;

/** The body of an embed request. `extra` (`taskType`) belongs to each text, as the API wants it. */
export function encodeEmbed({ model, messages, embed, extra }: ChatRequest): string {
  const own = extra && checkedExtra(extra);
  const requests = messages.map(({ content }) => ({
    model: resource(model),
    content: { parts: [{ text: textOf(content) }] },
    outputDimensionality: embed?.dimensions,
    ...own,
  }));
  return JSON.stringify({ requests });
}

export const geminiEmbeddings: AnswerFormat = vectorFormat({
  vectors: ({ embeddings }) =>
    Array.isArray(embeddings) ? embeddings.map((each) => memberOf(each, "values")) : undefined,
  usage: (answer) => decodeUsage(answer.usageMetadata),
});
