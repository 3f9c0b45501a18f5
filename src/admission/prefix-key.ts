import type { Message, Part } from "../core/message.ts";
import type { ChatRequest } from "../core/request.ts";
import { tokensOfText, tokensPerMedia, tokensPerMessage } from "./estimate.ts";

/** The places in a prompt, at message boundaries and shortest first, up to which it may be shared. */
export interface Prefixes {
  /** A hash of everything up to there. Two prompts with one key share that much. */
  readonly keys: readonly number[];
  /** About how many tokens that is. */
  readonly tokens: readonly number[];
  /** How many messages that is. */
  readonly messages: readonly number[];
  /** About how many tokens the whole prompt has. */
  readonly total: number;
}

/** Long chats have many boundaries; the ones that calls share are near the start or near the end. */
const atEachEnd = 8;
/** Texts at least this long are worth remembering; shorter ones are hashed as quickly as looked up. */
const rememberedFrom = 256;
const mostTexts = 1_024;
const mostCharacters = 4_000_000;
/** Media are told apart by their size and so many of their bytes. */
const sampled = 512;
/** No letter, as JavaScript counts them, has more UTF-8 bytes than this. */
const mostBytesPerLetter = 3;

interface Weighed {
  readonly key: number;
  readonly tokens: number;
}

/**
 * Hashes prompts so that 2,000 calls with one long system prompt cost one pass over it: texts are remembered by
 * value, and a string that calls share by reference is not even read again. Equal keys of different prompts
 * would cost one needless wait, so a fast hash is enough.
 */
export class PrefixHasher {
  readonly #texts = new Map<string, Weighed>();
  #characters = 0;
  /** What the pass over the present prompt has come to. */
  #key = 0;
  #tokens = 0;

  /** The boundaries of `request` at `least` tokens and more; undefined when it is smaller than that. */
  prefixesOf(request: ChatRequest, least: number): Prefixes | undefined {
    if (mostTokens(request) < least) return undefined;
    const keys: number[] = [];
    const tokens: number[] = [];
    const messages: number[] = [];
    this.#key = 0;
    this.#tokens = 0;
    // As it goes on the wire: there, too, another order of members is another prefix.
    if (request.tools !== undefined) this.#addText(JSON.stringify(request.tools));
    let count = 0;
    for (const message of request.messages) {
      this.#addMessage(message);
      count++;
      if (this.#tokens < least) continue;
      keys.push(this.#key);
      tokens.push(this.#tokens);
      messages.push(count);
    }
    if (keys.length === 0) return undefined;
    const total = Math.ceil(this.#tokens);
    if (keys.length <= 2 * atEachEnd) return { keys, tokens, messages, total };
    return { keys: ends(keys), tokens: ends(tokens), messages: ends(messages), total };
  }

  #add(key: number, tokens: number): void {
    this.#key = join(this.#key, key);
    this.#tokens += tokens;
  }

  #addMessage(message: Message): void {
    this.#add(hash(message.role), tokensPerMessage);
    if (typeof message.content === "string") this.#addText(message.content);
    else for (const part of message.content) this.#addPart(part);
    if (message.role === "tool") this.#add(hash(message.toolCallId), 0);
    if (message.role !== "assistant") return;
    for (const call of message.toolCalls ?? []) {
      this.#add(hash(call.id), 0);
      this.#addText(call.name);
      this.#addText(call.argumentsText);
    }
  }

  #addPart(part: Part): void {
    if (part.type === "text") this.#addText(part.text);
    else this.#add(mediaKey(part), tokensPerMedia);
  }

  #addText(text: string): void {
    if (text.length < rememberedFrom) {
      this.#add(hash(text), tokensOfText(text));
      return;
    }
    const { key, tokens } = this.#remembered(text);
    this.#add(key, tokens);
  }

  #remembered(text: string): Weighed {
    let weighed = this.#texts.get(text);
    if (weighed !== undefined) this.#texts.delete(text);
    else {
      weighed = { key: hash(text), tokens: tokensOfText(text) };
      this.#characters += text.length;
    }
    // The end of a Map is its youngest entry: what is in use stays, the rest falls out at the front.
    this.#texts.set(text, weighed);
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= mostTexts && this.#characters <= mostCharacters) break;
      this.#texts.delete(oldest);
      this.#characters -= oldest.length;
    }
    return weighed;
  }
}

/** An upper bound that costs no pass over the text, so that small prompts cost next to nothing. */
function mostTokens({ messages, tools }: ChatRequest): number {
  if (tools !== undefined) return Number.POSITIVE_INFINITY;
  let tokens = 0;
  for (const message of messages) {
    if (typeof message.content !== "string" || "toolCalls" in message) return Number.POSITIVE_INFINITY;
    tokens += tokensPerMessage + (message.content.length * mostBytesPerLetter) / 4;
  }
  return tokens;
}

function mediaKey({ type, mediaType = "", data, url = "" }: Exclude<Part, { type: "text" }>): number {
  const key = hash(`${type} ${mediaType} ${url}`);
  if (data === undefined) return key;
  const step = Math.max(1, Math.floor(data.length / sampled));
  let bytes = data.length;
  for (let i = 0; i < data.length; i += step) {
    bytes = Math.imul(bytes ^ (typeof data === "string" ? data.charCodeAt(i) : data[i]!), 0x01000193);
  }
  return join(key, bytes >>> 0);
}

function ends(list: readonly number[]): number[] {
  return [...list.slice(0, atEachEnd), ...list.slice(-atEachEnd)];
}

/** A fast 53-bit hash of a text (cyrb53): two multiplications a letter. */
export function hash(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const letter = text.charCodeAt(i);
    high = Math.imul(high ^ letter, 2654435761);
    low = Math.imul(low ^ letter, 1597334677);
  }
  return finish(high, low);
}

/** The hash of one thing followed by another. */
function join(before: number, after: number): number {
  let high = Math.imul(before ^ 0x9e3779b9, 2654435761) ^ (before / 2 ** 32);
  let low = Math.imul((before / 2 ** 32) ^ 0x85ebca6b, 1597334677) ^ before;
  high = Math.imul(high ^ after, 2246822519);
  low = Math.imul(low ^ (after / 2 ** 32) ^ (after << 7), 3266489917);
  return finish(high, low);
}

function finish(one: number, two: number): number {
  let high = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
  const low = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}
