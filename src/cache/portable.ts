import { checks, show } from "../core/check.ts";
import { type Completion, type FinishReason, finishReasons } from "../core/completion.ts";
import { storedKey } from "./key.ts";
import { asHit, freeze, isComplete } from "./storable.ts";
import type { Entry } from "./store.ts";

/** Times as one process tells them to another. */
export interface Times {
  now(): number;
  wall(): number;
}

/** One entry as a line of JSON. */
export function lineOf(key: string, { answer, givenAt, ttl }: Entry, times: Times): string {
  const storedAt = Math.round(times.wall() - Math.min(times.now() - givenAt, times.wall()));
  return `${JSON.stringify({ key, storedAt, ttl, answer })}\n`;
}

/** The entry of a line; throws with what is wrong with it. */
export function entryOf(line: string, times: Times): [key: string, entry: Entry] {
  const { key, storedAt, ttl, answer } = parse(line);
  if (typeof key !== "string" || !storedKey.test(key)) throw new Error("its key is not one of this version");
  if (checks.finite(storedAt) !== undefined)
    throw new Error(`storedAt: expected a time, got ${show(storedAt)}`);
  if (ttl !== undefined && checks.duration(ttl) !== undefined) throw new Error(`ttl: got ${show(ttl)}`);
  const flaw = flawOf(answer);
  if (flaw !== undefined) throw new Error(`answer: ${flaw}`);
  const age = Math.max(0, times.wall() - (storedAt as number));
  return [
    key,
    Object.freeze({
      answer: asHit(freeze(answer as Completion)),
      bytes: Buffer.byteLength(JSON.stringify(answer)),
      givenAt: times.now() - age,
      ...(ttl !== undefined && { ttl: ttl as number }),
    }),
  ];
}

function parse(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error("it is not JSON");
  }
  if (checks.plainObject(value) !== undefined) throw new Error(`expected an object, got ${show(value)}`);
  return value as Record<string, unknown>;
}

type Members = Readonly<Record<string, unknown>>;

const counts = ["inputTokens", "outputTokens", "totalTokens", "cachedInputTokens", "cacheWriteTokens"];

/** What keeps a value from being a completion that may be stored. */
export function flawOf(value: unknown): string | undefined {
  if (checks.plainObject(value) !== undefined) return `expected an object, got ${show(value)}`;
  const { text, model, choices, usage, vectors } = value as Members;
  if (typeof text !== "string" || typeof model !== "string") return "text and model are strings";
  if (checks.plainObject(usage) !== undefined) return "usage is missing";
  const uncounted = counts.find((name) => checks.count((usage as Members)[name]) !== undefined);
  if (uncounted !== undefined) return `usage.${uncounted} is no count`;
  if (!Array.isArray(choices)) return "choices is a list";
  const flaw = choices.map(flawOfChoice).find((each) => each !== undefined);
  if (flaw !== undefined) return flaw;
  if (vectors === undefined && text !== choices[0]?.message.content) return "text is not the first choice's";
  if (vectors !== undefined && !isVectors(vectors)) return "vectors are lists of numbers";
  return isComplete(value as unknown as Completion) ? undefined : "it is cut short, filtered or empty";
}

function flawOfChoice(choice: unknown): string | undefined {
  const { message, finishReason } = membersOf(choice);
  const { content, reasoning, toolCalls } = membersOf(message);
  if (typeof content !== "string" || !finishReasons.includes(finishReason as FinishReason)) {
    return "a choice without a message or a finish reason";
  }
  if (reasoning !== undefined && typeof reasoning !== "string") return "reasoning is no text";
  if (toolCalls === undefined || (Array.isArray(toolCalls) && toolCalls.every(isToolCall))) return undefined;
  return "toolCalls are { id, name, arguments, argumentsText }";
}

function isToolCall(call: unknown): boolean {
  const { arguments: parsed, ...texts } = membersOf(call);
  const areTexts = ["id", "name", "argumentsText"].every((name) => typeof texts[name] === "string");
  return areTexts && checks.plainObject(parsed) === undefined;
}

const isVectors = (value: unknown): boolean =>
  Array.isArray(value) && value.every((vector) => Array.isArray(vector) && vector.every(Number.isFinite));

/** The members of an object; what is none has none. */
const membersOf = (value: unknown): Members =>
  checks.plainObject(value) === undefined ? (value as Members) : {};
