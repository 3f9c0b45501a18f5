import type { Delta } from "../core/call.ts";
import type { ToolCall } from "../core/message.ts";
import { type AnswerFacts, brokenAnswer, type Progress } from "./answer-facts.ts";
import { isObject, memberOf, parseJson, textIn } from "./json-value.ts";

/** More calls in one answer than any honest model makes. */
export const maxToolCalls = 256;

/** One call while its pieces arrive. */
interface Growing {
  id: string | undefined;
  name: string | undefined;
  argumentsText: string;
}

/**
 * Puts tool calls together from the pieces of a stream. Servers number them badly: an index is used again for a
 * second id, is missing, or is wrong on the last piece; an id may come first and alone. So a piece belongs, in
 * this order, to the call with its id, to the latest call of its index, or to the call in progress. Indexes are
 * only looked up in a map and never become positions.
 */
export class ToolPieces {
  readonly #facts: AnswerFacts;
  readonly #calls: Growing[] = [];
  readonly #byIndex = new Map<number, number>();

  constructor(facts: AnswerFacts) {
    this.#facts = facts;
  }

  get length(): number {
    return this.#calls.length;
  }

  /** Takes one piece; returns what is new in it, under our own index, or nothing when it is no piece. */
  add(piece: unknown): NonNullable<Delta["toolCall"]> | undefined {
    if (!isObject(piece)) return undefined;
    const id = textIn(piece.id);
    const name = textIn(memberOf(piece.function, "name"));
    const argumentsText = argumentsIn(piece.function);
    const index = this.#placeOf(piece.index, id, name, argumentsText);
    const call = this.#calls[index]!;
    const news: { index: number; id?: string; name?: string; argumentsText?: string } = { index };
    if (id !== undefined && call.id === undefined) news.id = call.id = id;
    if (name !== undefined && call.name === undefined) news.name = call.name = name;
    if (argumentsText !== "") {
      call.argumentsText += argumentsText;
      news.argumentsText = argumentsText;
    }
    return news;
  }

  /** The first call that got no name, or -1. */
  get nameless(): number {
    return this.#calls.findIndex((call) => call.name === undefined);
  }

  /** The calls that have a name, in the order in which they began. */
  finish(): ToolCall[] {
    return this.#calls.flatMap(({ id, name, argumentsText }, index) =>
      name === undefined ? [] : toolCall(id, name, argumentsText, index),
    );
  }

  #placeOf(index: unknown, id: string | undefined, name: string | undefined, argumentsText: string): number {
    const key = Number.isSafeInteger(index) ? (index as number) : undefined;
    const byId = id === undefined ? -1 : this.#calls.findIndex((call) => call.id === id);
    const place = byId !== -1 ? byId : this.#openPlace(key, id, name, argumentsText);
    const found = place ?? this.#begin();
    if (key !== undefined) this.#byIndex.set(key, found);
    return found;
  }

  /** The call that a piece without a known id goes on with, or undefined where it begins a new one. */
  #openPlace(
    key: number | undefined,
    id: string | undefined,
    name: string | undefined,
    argumentsText: string,
  ): number | undefined {
    const last = this.#calls.length - 1;
    const ofIndex = key === undefined ? undefined : this.#byIndex.get(key);
    if (ofIndex !== undefined) return this.#begins(ofIndex, id, name, argumentsText) ? undefined : ofIndex;
    if (last < 0) return undefined;
    // No index, or one never seen: a piece of arguments alone is the tail of the call in progress.
    if (key !== undefined) return id === undefined && name === undefined ? last : undefined;
    return this.#begins(last, id, name, argumentsText) ? undefined : last;
  }

  /** Whether a piece is the start of another call than `place`, although nothing else tells them apart. */
  #begins(place: number, id: string | undefined, name: string | undefined, argumentsText: string): boolean {
    const call = this.#calls[place]!;
    if (id !== undefined) return call.id !== undefined;
    if (name === undefined || call.name === undefined) return false;
    return name !== call.name || (call.argumentsText !== "" && argumentsText.startsWith("{"));
  }

  #begin(): number {
    if (this.#calls.length >= maxToolCalls) throw tooMany(this.#facts);
    return this.#calls.push({ id: undefined, name: undefined, argumentsText: "" }) - 1;
  }
}

/** Arguments as text; some servers send the object itself. */
function argumentsIn(fn: unknown): string {
  const value = memberOf(fn, "arguments");
  if (typeof value === "string") return value;
  return isObject(value) ? JSON.stringify(value) : "";
}

const tooMany = (facts: AnswerFacts): Error =>
  brokenAnswer("bad_response", `more than ${maxToolCalls} tool calls in one answer`, facts);

/** A finished call; one without an id gets one from its place. */
function toolCall(id: string | undefined, name: string, argumentsText: string, index: number): ToolCall {
  const parsed = parseJson(argumentsText);
  return { id: id ?? `call_${index}`, name, arguments: isObject(parsed) ? parsed : {}, argumentsText };
}

/** The calls of a whole message, or undefined where there are none. */
export function decodeToolCalls(list: unknown, facts: AnswerFacts): ToolCall[] | undefined {
  if (!Array.isArray(list) || list.length === 0) return undefined;
  if (list.length > maxToolCalls) throw tooMany(facts);
  return list.map((each, index) => {
    const fn = memberOf(each, "function");
    const name = textIn(memberOf(fn, "name"));
    if (name === undefined) throw nameless(facts, index);
    return toolCall(textIn(memberOf(each, "id")), name, argumentsIn(fn), index);
  });
}

/** The error of a call that cannot be made. */
export const nameless = (facts: AnswerFacts, index: number, progress?: Progress): Error =>
  brokenAnswer("bad_response", `tool call ${index} of the answer has no name`, facts, progress);
