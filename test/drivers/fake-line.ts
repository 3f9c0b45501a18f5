import { TrunklineError } from "../../src/core/errors.ts";
import type { Line } from "../../src/drivers/http-driver.ts";
import type { Exchange, Reading, Receiver } from "../../src/transport/exchange.ts";

/** What a fake pool answers. Without an `end` the exchange ends well after the last piece. */
export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: readonly (string | Uint8Array)[];
  readonly end?: unknown;
}

export interface FakeLine extends Line {
  readonly exchanges: Exchange[];
  /** What the reader said about each piece. */
  readonly readings: Reading[];
}

type Config = Partial<Line["config"]> & { key?: string | (() => string | Promise<string>) };

/** A Client's line without sockets: each answer is used once, in order. */
export function fakeLine(
  answers: readonly FakeAnswer[],
  { key = "sk-secret-0001", ...config }: Config = {},
): FakeLine {
  const exchanges: Exchange[] = [];
  const readings: Reading[] = [];
  const left = [...answers];
  return {
    exchanges,
    readings,
    config: {
      baseURL: "https://api.test/v1",
      headers: {},
      organization: undefined,
      project: undefined,
      ...config,
    },
    key: typeof key === "string" ? () => key : key,
    refreshKey: (stale) => stale,
    pool: {
      async send(exchange, receiver) {
        exchanges.push(exchange);
        const answer = left.shift();
        if (answer === undefined) throw new Error("the fake pool has no more answers");
        await play(answer, exchange, receiver, readings);
      },
    },
  };
}

async function play(
  answer: FakeAnswer,
  exchange: Exchange,
  receiver: Receiver,
  readings: Reading[],
): Promise<void> {
  receiver.onSent?.();
  await Promise.resolve();
  if (exchange.signal?.aborted) throw exchange.signal.reason;
  if (answer.status !== 0) {
    receiver.onHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
    for (const piece of answer.body ?? []) {
      const reading = receiver.onData(typeof piece === "string" ? Buffer.from(piece) : piece);
      readings.push(reading);
      if (reading === "done") return;
    }
  }
  if (answer.end !== undefined) throw answer.end;
}

/** An answer of OpenAI's protocol. */
export function chat(text: string, more: object = {}): FakeAnswer {
  return {
    body: [
      JSON.stringify({
        id: "c1",
        model: "m1-2026",
        choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
        usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
        ...more,
      }),
    ],
  };
}

export const chunk = (content: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: "c1", model: "m1-2026", choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;

export function events(...body: string[]): FakeAnswer {
  return { headers: { "content-type": "text/event-stream" }, body };
}

export const lost = (): TrunklineError =>
  new TrunklineError("network", "https://api.test: the connection broke");
