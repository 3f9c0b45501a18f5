import type { Clock } from "../../core/clock.ts";
import { charactersPerToken, countTokens } from "./tokens.ts";

export interface PrefixCacheOptions {
  /** Prompts and matches below this many tokens are not cached. Default 1,024. */
  readonly minTokens?: number;
  /** How long a prefix stays readable after its last use. Default 300,000. */
  readonly lifetimeMs?: number;
}

/** What the cache did for one prompt. */
export interface PrefixUse {
  readonly readTokens: number;
  readonly writeTokens: number;
  /** Makes what was written readable; called when the answer begins. */
  publish(): void;
}

const blockTokens = 128;
const blockCharacters = blockTokens * charactersPerToken;
/** About 60 MB of prompts; beyond it the oldest blocks go. */
const maxBlocks = 100_000;

interface Block {
  readonly id: number;
  expiresAt: number;
}

/**
 * A provider's prompt cache: prompts are matched from their start in blocks of 128 tokens, and what a request
 * writes can be read only once its answer has begun, so that requests that start together all write.
 */
export class PrefixCache {
  readonly #clock: Pick<Clock, "now">;
  readonly #minTokens: number;
  readonly #lifetimeMs: number;
  /** By the block before and the text. */
  readonly #blocks = new Map<string, Block>();
  #nextId = 1;

  constructor(clock: Pick<Clock, "now">, { minTokens = 1_024, lifetimeMs = 300_000 }: PrefixCacheOptions) {
    this.#clock = clock;
    this.#minTokens = minTokens;
    this.#lifetimeMs = lifetimeMs;
  }

  use(model: string, prompt: string): PrefixUse {
    const whole = Math.floor(prompt.length / blockCharacters);
    if (countTokens(prompt) < this.#minTokens || whole === 0) return nothing;
    let parent = model;
    let read = 0;
    while (read < whole) {
      const block = this.#fresh(keyOf(parent, prompt, read));
      if (block === undefined) break;
      parent = String(block.id);
      read++;
    }
    const readTokens = read * blockTokens >= this.#minTokens ? read * blockTokens : 0;
    const writeTokens = whole * blockTokens - readTokens;
    return {
      readTokens,
      writeTokens,
      publish: writeTokens === 0 ? ignore : () => this.#write(model, prompt, whole),
    };
  }

  /** A block that can be read, its life renewed. */
  #fresh(key: string): Block | undefined {
    const block = this.#blocks.get(key);
    const now = this.#clock.now();
    if (block === undefined || block.expiresAt <= now) return undefined;
    block.expiresAt = now + this.#lifetimeMs;
    return block;
  }

  #write(model: string, prompt: string, whole: number): void {
    const expiresAt = this.#clock.now() + this.#lifetimeMs;
    let parent = model;
    for (let i = 0; i < whole; i++) {
      const key = keyOf(parent, prompt, i);
      let block = this.#blocks.get(key);
      if (block === undefined) {
        block = { id: this.#nextId++, expiresAt };
        this.#blocks.set(key, block);
        if (this.#blocks.size > maxBlocks) this.#blocks.delete(this.#blocks.keys().next().value!);
      }
      block.expiresAt = expiresAt;
      parent = String(block.id);
    }
  }
}

function keyOf(parent: string, prompt: string, i: number): string {
  return `${parent}\n${prompt.slice(i * blockCharacters, (i + 1) * blockCharacters)}`;
}

function ignore(): void {}

const nothing: PrefixUse = { readTokens: 0, writeTokens: 0, publish: ignore };
