import type { Piece, Reply } from "./reply.ts";

/** Ready-made replies for {@link faultyServer}; spread them to change a detail. */
export const replies = {
  /** A JSON body. */
  json: (value: unknown, more: Reply = {}): Reply => ({
    ...more,
    headers: { "content-type": "application/json", ...more.headers },
    body: JSON.stringify(value),
  }),

  /** An answer of an OpenAI-compatible chat endpoint. */
  chat: (text: string, more: Reply = {}): Reply =>
    replies.json(
      {
        id: "chatcmpl-1",
        object: "chat.completion",
        model: "test-model",
        choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
        usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
      },
      more,
    ),

  /** Pieces of an event stream, each sent by itself, cut wherever the caller cut them. */
  events: (pieces: readonly Piece[], more: Reply = {}): Reply => ({
    ...more,
    headers: { "content-type": "text/event-stream", ...more.headers },
    body: pieces,
  }),

  /** The same answer as `chat`, streamed: a delta for each text, a finish reason, then `[DONE]`. */
  chatStream: (texts: readonly string[], more: Reply = {}): Reply =>
    replies.events(
      [
        ...texts.map((content) => chatEvent({ delta: { content }, finish_reason: null })),
        chatEvent({ delta: {}, finish_reason: "stop" }),
        "data: [DONE]\n\n",
      ],
      more,
    ),

  /** An error in OpenAI's shape. A 429 with any headers is `replies.error(429, {}, { "retry-after": "2" })`. */
  error: (
    status: number,
    error: { readonly message?: string; readonly type?: string; readonly code?: string | null } = {},
    headers: NonNullable<Reply["headers"]> = {},
  ): Reply =>
    replies.json(
      { error: { message: "simulated failure", type: "error", code: null, ...error } },
      { status, headers },
    ),

  /** A web page where an API's answer was expected. */
  html: (status = 200): Reply => ({
    status,
    headers: { "content-type": "text/html" },
    body: "<!doctype html><title>Oops</title><h1>Something went wrong</h1>",
  }),
} as const;

function chatEvent(choice: object): string {
  const event = {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    model: "test-model",
    choices: [{ index: 0, ...choice }],
  };
  return `data: ${JSON.stringify(event)}\n\n`;
}
