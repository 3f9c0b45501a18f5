import type { AnswerFormat } from "./answer.ts";
import { decodeMessage } from "./anthropic-messages/decode-message.ts";
import { MessageDecoder } from "./anthropic-messages/decode-stream.ts";

export { encodeRequest } from "./anthropic-messages/encode-request.ts";

/** The answers of Anthropic's Messages API. */
export const anthropicMessages: AnswerFormat = {
  decode: decodeMessage,
  stream: (facts, onDelta, maxBytes) => new MessageDecoder(facts, onDelta, maxBytes),
};
