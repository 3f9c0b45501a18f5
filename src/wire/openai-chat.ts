import type { AnswerFormat } from "./answer.ts";
import { decodeAnswer } from "./openai-chat/decode-answer.ts";
import { ChatDecoder } from "./openai-chat/decode-stream.ts";

export { type DecodedRequest, decodeRequest } from "./openai-chat/decode-request.ts";
export { ChunkWriter, encodeAnswer } from "./openai-chat/encode-answer.ts";
export {
  encodeRequest,
  type Quirks,
  standardQuirks,
} from "./openai-chat/encode-request.ts";

/** The answers of OpenAI's chat completions, and of everybody who speaks them. */
export const openaiChat: AnswerFormat = {
  decode: decodeAnswer,
  stream: (facts, onDelta, maxBytes) => new ChatDecoder(facts, onDelta, maxBytes),
};
