import type { AnswerFormat } from "./answer.ts";
import { decodeResponse } from "./openai-responses/decode-response.ts";
import { ResponseDecoder } from "./openai-responses/decode-stream.ts";

export { encodeRequest } from "./openai-responses/encode-request.ts";

/** The answers of OpenAI's Responses API. */
export const openaiResponses: AnswerFormat = {
  decode: decodeResponse,
  stream: (facts, onDelta, maxBytes) => new ResponseDecoder(facts, onDelta, maxBytes),
};
