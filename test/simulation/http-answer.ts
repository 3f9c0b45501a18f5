import type { RateSignal } from "../../src/core/call.ts";
import type { Completion } from "../../src/core/completion.ts";
import { isTrunklineError, type TrunklineError } from "../../src/core/errors.ts";
import type { Chance } from "./chance.ts";
import { type Fate, idOf, pieceOf, pieceTimes } from "./fate.ts";
import type { Attempt } from "./sight.ts";

/** What a fate looks like on the wire. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parts of the body that come one by one, then the rest at once. */
  readonly pieces: readonly string[];
  readonly rest: string;
  /** The connection breaks with it, in place of the rest. */
  readonly error?: unknown;
  /** What it asks to wait, as a reader of its headers must understand it. */
  readonly hintMs?: number;
}

export interface HttpManner {
  readonly streamed: boolean;
  readonly chance: Chance;
  readonly signals: readonly RateSignal[];
  /** Milliseconds since 1970 when the question came. */
  readonly wall: number;
}

const json = { "content-type": "application/json" };
const events = { "content-type": "text/event-stream; charset=utf-8" };

export function httpAnswer(fate: Fate, attempt: Attempt, manner: HttpManner): HttpAnswer {
  const end = fate.end();
  const limits = limitHeaders(manner.signals);
  if (fate.name === "answer" || fate.name === "hang")
    return answerOf(fate, attempt, end as Completion, manner, limits);
  const error = typeof end === "object" && "error" in end ? end.error : undefined;
  if (isTrunklineError(error)) return errorOf(fate, attempt, error, manner, limits);
  return junkOf(fate.name, limits);
}

function answerOf(
  fate: Fate,
  attempt: Attempt,
  answer: Completion,
  { streamed }: HttpManner,
  limits: Readonly<Record<string, string>>,
): HttpAnswer {
  const { id, model, text, usage } = answer;
  const counted = {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.totalTokens,
  };
  if (!streamed) {
    const message = { role: "assistant", content: text };
    const body = JSON.stringify({
      id,
      model,
      choices: [{ index: 0, message, finish_reason: "stop" }],
      usage: counted,
    });
    return { status: 200, headers: { ...json, ...limits }, pieces: cut(body, fate.pieces), rest: "" };
  }
  const last = event({ id, model, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  const sums = event({ id, model, choices: [], usage: counted });
  return {
    status: 200,
    headers: { ...events, ...limits },
    pieces: deltasOf(fate, attempt),
    rest: `${last}${sums}data: [DONE]\n\n`,
  };
}

function errorOf(
  fate: Fate,
  attempt: Attempt,
  error: TrunklineError,
  { chance, wall, streamed }: HttpManner,
  limits: Readonly<Record<string, string>>,
): HttpAnswer {
  if (error.code === "network" || error.code === "timeout") {
    const body = streamed ? deltasOf(fate, attempt) : ["{"];
    const headers = streamed ? events : json;
    return { status: 200, headers, pieces: body, rest: "", error };
  }
  if (error.code === "incomplete")
    return { status: 200, headers: events, pieces: deltasOf(fate, attempt), rest: "" };
  if (error.code === "bad_response") return { status: 200, headers: json, pieces: [], rest: "<html>" };
  const { headers, text, hintMs } = hintOf(error.retryAfterMs, chance, wall);
  const code = error.code === "quota" ? { code: "insufficient_quota" } : {};
  return {
    status: error.status ?? 500,
    headers: { ...json, ...limits, ...headers },
    pieces: [],
    rest: JSON.stringify({ error: { message: `${error.message}${text}`, ...code } }),
    ...(hintMs !== undefined && hintMs > 0 && { hintMs }),
  };
}

/** What a broken server says; it is never an answer. */
function junkOf(name: string, limits: Readonly<Record<string, string>>): HttpAnswer {
  const bodies: Readonly<Record<string, string>> = {
    "answers undefined": "",
    "answers text": "<html>hi</html>",
    "rejects with null": "null",
    "rejects with text": '{"error":{"code":500,"message":"broken inside"}}',
    "rejects with a foreign error": '{"error":{"code":429,"message":"slow down, please"}}',
  };
  return { status: 200, headers: { ...json, ...limits }, pieces: [], rest: bodies[name] ?? '{"choices":[]}' };
}

interface Hint {
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly hintMs?: number;
}

/** The same wait in one of the forms that providers use; each is as exact as its form. */
function hintOf(ms: number | undefined, chance: Chance, wall: number): Hint {
  const header = (name: string, value: string, hintMs?: number): Hint => ({
    headers: { [name]: value },
    text: "",
    ...(hintMs !== undefined && { hintMs }),
  });
  if (ms === undefined) return { headers: {}, text: "" };
  if (!Number.isFinite(ms) || ms < 0)
    return header("retry-after", chance.pick(["soon", "-1", "", "NaN", "Infinity"]));
  const seconds = Math.ceil(ms / 1_000);
  const date = new Date(Math.ceil((wall + ms) / 1_000) * 1_000);
  const forms: readonly (() => Hint)[] = [
    () => header("retry-after-ms", String(ms), ms),
    () => header("retry-after", String(seconds), seconds * 1_000),
    () => header("retry-after", (ms / 1_000).toFixed(3), ms),
    () => ({ headers: {}, text: `. Please try again in ${ms / 1_000}s.`, hintMs: ms }),
    // A date is read some milliseconds later, when the answer has come.
    () => header("retry-after", date.toUTCString(), Math.max(0, date.getTime() - wall - 5_000)),
  ];
  return chance.pick(Number.isNaN(date.getTime()) || ms > 1e11 ? forms.slice(0, 2) : forms)();
}

function limitHeaders(signals: readonly RateSignal[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { of, limit, remaining, resetMs } of signals) {
    if (limit !== undefined) headers[`x-ratelimit-limit-${of}`] = String(limit);
    if (remaining !== undefined) headers[`x-ratelimit-remaining-${of}`] = String(remaining);
    if (resetMs !== undefined) headers[`x-ratelimit-reset-${of}`] = `${resetMs}ms`;
  }
  return headers;
}

function deltasOf(fate: Fate, attempt: Attempt): string[] {
  const id = idOf(attempt);
  return pieceTimes(fate).map((_, i) =>
    event({ id, choices: [{ index: 0, delta: { content: pieceOf(attempt, i) } }] }),
  );
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** `text` in so many parts, cut wherever it falls. */
function cut(text: string, parts: number): string[] {
  const length = Math.ceil(text.length / Math.max(1, parts));
  return Array.from({ length: Math.max(1, parts) }, (_, i) => text.slice(i * length, (i + 1) * length));
}
