import type { AnswerFormat } from "./answer.ts";
import { decodeChat, LineDecoder } from "./ollama/decode-chat.ts";

export { ollamaEmbeddings } from "./ollama/embeddings.ts";
export { encodeRequest } from "./ollama/encode-request.ts";

/** The answers of Ollama's own API: a JSON object, or one a line. */
export const ollama: AnswerFormat = {
  framing: "lines",
  decode: decodeChat,
  stream: (facts, onDelta, maxBytes) => new LineDecoder(facts, onDelta, maxBytes),
};
