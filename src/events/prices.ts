import type { Price } from "../core/answer.ts";

/**
 * Prices of well-known models in USD per million tokens, as published in November 2026 for plain requests: no
 * batch or priority tier, no surcharge for very long prompts (above about 200,000 tokens), cache writes of the
 * shortest life. Sources: developers.openai.com/api/docs/pricing, ai.google.dev/gemini-api/docs/pricing,
 * platform.claude.com (about-claude/pricing), groq.com/pricing, cerebras.ai/pricing. Gemini 3.8 Flash doubles on
 * 1 January 2027. Whoever needs other prices, or exact ones, passes `price` or a table of their own.
 */
const prices: Readonly<Record<string, Readonly<Record<string, Price>>>> = {
  openai: {
    "gpt-5.6-sol": { input: 5, output: 30, cachedInput: 0.5, cacheWrite: 6.25 },
    "gpt-5.6-terra": { input: 2, output: 12, cachedInput: 0.2, cacheWrite: 2.5 },
    "gpt-5.6-luna": { input: 0.2, output: 1.2, cachedInput: 0.02, cacheWrite: 0.25 },
    "gpt-5.5": { input: 5, output: 30, cachedInput: 0.5 },
    "gpt-5.4": { input: 2.5, output: 15, cachedInput: 0.25 },
    "gpt-5.4-mini": { input: 0.75, output: 4.5, cachedInput: 0.075 },
    "gpt-5.4-nano": { input: 0.2, output: 1.25, cachedInput: 0.02 },
    "gpt-5": { input: 1.25, output: 10, cachedInput: 0.125 },
    "gpt-5-mini": { input: 0.25, output: 2, cachedInput: 0.025 },
    "gpt-4.1": { input: 2, output: 8, cachedInput: 0.5 },
    "gpt-4.1-mini": { input: 0.4, output: 1.6, cachedInput: 0.1 },
    "gpt-4o": { input: 2.5, output: 10, cachedInput: 1.25 },
    "gpt-4o-mini": { input: 0.15, output: 0.6, cachedInput: 0.075 },
  },
  gemini: {
    "gemini-3.8-flash": { input: 0.75, output: 3.75, cachedInput: 0.075 },
    "gemini-3.5-flash": { input: 1.5, output: 9, cachedInput: 0.15 },
    "gemini-3.1-pro": { input: 2, output: 12, cachedInput: 0.2 },
    "gemini-2.5-pro": { input: 1.25, output: 10, cachedInput: 0.125 },
    "gemini-2.5-flash": { input: 0.3, output: 2.5, cachedInput: 0.03 },
    "gemini-2.5-flash-lite": { input: 0.1, output: 0.4, cachedInput: 0.01 },
  },
  groq: {
    "openai/gpt-oss-120b": { input: 0.15, output: 0.6, cachedInput: 0.075 },
    "llama-3.3-70b-versatile": { input: 0.59, output: 0.79 },
    "llama-3.1-8b-instant": { input: 0.05, output: 0.08 },
  },
  cerebras: {
    "gpt-oss-120b": { input: 0.35, output: 0.75 },
  },
  anthropic: {
    "claude-opus-5": { input: 5, output: 25, cachedInput: 0.5, cacheWrite: 6.25 },
    "claude-sonnet-5": { input: 2, output: 10, cachedInput: 0.2, cacheWrite: 2.5 },
    "claude-sonnet-4-6": { input: 3, output: 15, cachedInput: 0.3, cacheWrite: 3.75 },
    "claude-sonnet-4-5": { input: 3, output: 15, cachedInput: 0.3, cacheWrite: 3.75 },
    "claude-haiku-4-5": { input: 1, output: 5, cachedInput: 0.1, cacheWrite: 1.25 },
  },
};

/** Providers that sell another's models at that one's prices. */
const sameAs: Readonly<Record<string, string>> = {
  azure: "openai",
  "openai-responses": "openai",
  "gemini-openai": "gemini",
};

/** What may follow a row's name: a stage, a date or a build number, and nothing that could be another model. */
const edition = /^(-latest|-preview|-exp)?(-\d{3,8}|-\d{4}-\d\d-\d\d|-\d\d-\d{4}|-\d\d-\d\d)?$/;

/**
 * The built-in table. A model has the price of the row that is its name, or its name without an edition
 * ("gpt-4o-mini-2024-07-18" is "gpt-4o-mini"); "gpt-4o-audio-preview" is nobody's edition, and has no price here.
 */
export function priceOf(provider: string, model: string): Price | undefined {
  const owner = Object.hasOwn(sameAs, provider) ? sameAs[provider]! : provider;
  if (!Object.hasOwn(prices, owner)) return undefined;
  for (const [name, price] of Object.entries(prices[owner]!)) {
    if (model.startsWith(name) && edition.test(model.slice(name.length))) return price;
  }
  return undefined;
}
