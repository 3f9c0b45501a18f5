import type { AnswerFormat } from "../answer.ts";
import { vectorFormat } from "../vectors.ts";
import { decodeUsage } from "./usage.ts";

/** The answers of `/api/embed`; its requests are written as OpenAI's. */
export const ollamaEmbeddings: AnswerFormat = vectorFormat({
  vectors: ({ embeddings }) => (Array.isArray(embeddings) ? embeddings : undefined),
  usage: decodeUsage,
});
