import { replies } from "../../src/testing/faulty/replies.ts";
import type { Piece, Reply } from "../../src/testing/faulty/reply.ts";
import { body, chunks } from "../fixtures/read.ts";

/** How the backend of one provider answers, in its own protocol. */
export interface Backend {
  /** As it stands before the slash. */
  readonly provider: string;
  /** Whether a request wants a stream. */
  readonly asksForStream: (request: { readonly path: string; readonly body: string }) => boolean;
  readonly whole: string;
  /** The chunks of a stream that says "A few words.". */
  readonly stream: readonly string[];
  /** The place in `stream` behind its first text. */
  readonly firstText: number;
  /** Makes a stream of chunks. */
  readonly streamed: (pieces: readonly Piece[], more?: Reply) => Reply;
  /** An error's body, as this provider writes one. */
  readonly error: (status: number) => unknown;
  /** An error after the stream has begun, as a chunk. */
  readonly errorChunk: string;
  /** What a refusal is: a whole answer, and what becomes of it. */
  readonly refusals: readonly (readonly [
    string,
    "content_filter" | { readonly finishReason: "content_filter" },
  ])[];
  /** Whole answers that say nothing. */
  readonly empties: readonly unknown[];
}

const bodyStream = ({ body }: { readonly body: string }): boolean => body.includes('"stream":true');
const lines = (pieces: readonly Piece[], more: Reply = {}): Reply =>
  replies.events(pieces, { ...more, headers: { "content-type": "application/x-ndjson", ...more.headers } });
const event = (value: object, name = ""): string =>
  `${name === "" ? "" : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`;

const openaiError = (status: number) => ({ error: { message: "no", type: null, code: null, status } });
const chat = (choice: object): object => ({
  id: "c1",
  model: "test-model",
  choices: [{ index: 0, ...choice }],
});
const chatChunks = ["A ", "few ", "words."].map((content) => event(chat({ delta: { content } })));
const filtered = { finishReason: "content_filter" } as const;

/** One backend a protocol, in the protocol's own words. */
export const backends: readonly Backend[] = [
  {
    provider: "openai",
    asksForStream: bodyStream,
    whole: JSON.stringify(
      chat({ message: { role: "assistant", content: "A few words." }, finish_reason: "stop" }),
    ),
    stream: [...chatChunks, event(chat({ delta: {}, finish_reason: "stop" })), "data: [DONE]\n\n"],
    firstText: 1,
    streamed: replies.events,
    error: openaiError,
    errorChunk: event({ error: { message: "busy", code: 503 } }),
    refusals: [
      [JSON.stringify(chat({ message: { content: null, refusal: "No." }, finish_reason: "stop" })), filtered],
      [JSON.stringify(chat({ message: { content: "" }, finish_reason: "content_filter" })), filtered],
    ],
    empties: [
      chat({ message: { content: null }, finish_reason: "stop" }),
      { id: "c1", model: "m", choices: [] },
      {},
    ],
  },
  {
    provider: "openai-responses",
    asksForStream: bodyStream,
    whole: body("openai-responses/text.json"),
    stream: chunks("openai-responses/text.sse"),
    firstText: 5,
    streamed: replies.events,
    error: openaiError,
    errorChunk: event({ type: "error", code: "server_error", message: "busy" }, "error"),
    refusals: [[body("openai-responses/refusal.json"), filtered]],
    empties: [{ status: "completed", output: [] }, { status: "completed" }, {}],
  },
  {
    provider: "anthropic",
    asksForStream: bodyStream,
    whole: body("anthropic/text.json"),
    stream: chunks("anthropic/text.sse"),
    firstText: 4,
    streamed: replies.events,
    error: (status) => ({ type: "error", error: { type: `status_${status}`, message: "no" } }),
    errorChunk: event({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, "error"),
    refusals: [[body("anthropic/refusal.json"), filtered]],
    empties: [{ content: [], stop_reason: "end_turn" }, { stop_reason: "end_turn" }, {}],
  },
  {
    provider: "gemini",
    asksForStream: ({ path }) => path.includes(":streamGenerateContent?alt=sse"),
    whole: body("gemini/text.json"),
    stream: chunks("gemini/text.sse"),
    firstText: 1,
    streamed: replies.events,
    error: (status) => [{ error: { code: status, message: "no" } }],
    errorChunk: event({ error: { code: 503, message: "busy", status: "UNAVAILABLE" } }),
    refusals: [
      [body("gemini/blocked.json"), "content_filter"],
      [JSON.stringify({ candidates: [{ finishReason: "SAFETY" }] }), filtered],
    ],
    empties: [
      { candidates: [{ content: { parts: [] }, finishReason: "STOP" }] },
      { candidates: [] },
      JSON.parse(body("gemini/malformed-call.json")),
      {},
    ],
  },
  {
    provider: "ollama",
    asksForStream: bodyStream,
    whole: body("ollama/text.json"),
    stream: chunks("ollama/text.ndjson"),
    firstText: 1,
    streamed: lines,
    error: () => ({ error: "no" }),
    errorChunk: '{"error":"server busy"}\n',
    refusals: [],
    empties: [{ message: { role: "assistant", content: "" }, done: true, done_reason: "stop" }, {}],
  },
];
