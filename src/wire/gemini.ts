import type { AnswerFormat } from "./answer.ts";
import { decodeContent } from "./gemini/decode-content.ts";
import { ContentDecoder } from "./gemini/decode-stream.ts";

export { embedPath, encodeEmbed, geminiEmbeddings } from "./gemini/embeddings.ts";
export { chatPath, encodeRequest } from "./gemini/encode-request.ts";

/** The answers of Gemini's own API. */
export const gemini: AnswerFormat = {
  decode: decodeContent,
  stream: (facts, onDelta, maxBytes) => new ContentDecoder(facts, onDelta, maxBytes),
};
