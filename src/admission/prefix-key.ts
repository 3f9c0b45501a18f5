import type { Message, Part } from "../core/message.ts";
import type { ChatRequest } from "../core/request.ts";
import { tokensOfMessage, tokensOfText } from "./estimate.ts";

/** The places in a prompt, at message boundaries and shortest first, up to which it may be shared. */
export interface Prefixes {
  /** A hash of everything up to there. Two prompts with one key share that much. */
  readonly keys: readonly number[];
  /** About how many tokens that is. */
  readonly tokens: readonly number[];
}

/** Long chats have many boundaries; the ones that calls share are near the start or near the end. */
const atEachEnd = 8;
/** Texts at least this long are worth remembering; shorter ones are hashed as quickly as looked up. */
const rememberedFrom = 256;
const mostTexts = 1_024;
const mostCharacters = 4_000_000;
/** Media are told apart by their size and so many of their bytes. */
const sampled = 512;

/**
 * Hashes prompts so that 2,000 calls with one long system prompt cost one pass over it: texts are remembered by
 * value, and a string that calls share by reference is not even read again. Equal keys of different prompts
 * would cost one needless wait, so a fast hash is enough.
 */
export class PrefixHasher {
  readonly #texts = new Map<string, number>();
  #characters = 0;

  /** The boundaries of `request` at `least` tokens and more, when it is that large at all. */
  prefixesOf(request: ChatRequest, least: number): Prefixes | undefined {
    const keys: number[] = [];
    const tokens: number[] = [];
    let key = 0;
    let size = 0;
    if (request.tools !== undefined) {
      // As it goes on the wire: there, too, another order of members is another prefix.
      const text = JSON.stringify(request.tools);
      key = this.#text(text);
      size = tokensOfText(text);
    }
    for (const message of request.messages) {
      key = join(key, this.#message(message));
      size += tokensOfMessage(message);
      if (size < least) continue;
      keys.push(key);
      tokens.push(size);
    }
    if (keys.length === 0) return undefined;
    return keys.length <= 2 * atEachEnd ? { keys, tokens } : { keys: ends(keys), tokens: ends(tokens) };
  }

  #message(message: Message): number {
    let key = join(hash(message.role), this.#content(message.content));
    if (message.role === "tool") key = join(key, hash(message.toolCallId));
    if (message.role !== "assistant") return key;
    for (const call of message.toolCalls ?? []) {
      key = join(join(key, hash(call.id)), join(hash(call.name), this.#text(call.argumentsText)));
    }
    return key;
  }

  #content(content: string | readonly Part[]): number {
    if (typeof content === "string") return this.#text(content);
    let key = content.length;
    for (const part of content)
      key = join(key, part.type === "text" ? this.#text(part.text) : mediaKey(part));
    return key;
  }

  #text(text: string): number {
    if (text.length < rememberedFrom) return hash(text);
    let key = this.#texts.get(text);
    if (key !== undefined) this.#texts.delete(text);
    else {
      key = hash(text);
      this.#characters += text.length;
    }
    // The end of a Map is its youngest entry: what is in use stays, the rest falls out at the front.
    this.#texts.set(text, key);
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= mostTexts && this.#characters <= mostCharacters) break;
      this.#texts.delete(oldest);
      this.#characters -= oldest.length;
    }
    return key;
  }
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
