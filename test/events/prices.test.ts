import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { usageOf } from "../../src/core/completion.ts";
import { costOf } from "../../src/events/cost.ts";
import { priceOf } from "../../src/events/prices.ts";

describe("the price table", () => {
  test.each([
    ["openai", "gpt-4o-mini", 0.15],
    ["openai", "gpt-4o-mini-2024-07-18", 0.15],
    ["openai", "gpt-4o-2024-11-20", 2.5],
    ["openai", "gpt-5-mini", 0.25],
    ["azure", "gpt-4o-2024-11-20", 2.5],
    ["gemini", "gemini-2.5-flash", 0.3],
    ["gemini", "gemini-2.5-flash-lite", 0.1],
    ["gemini", "gemini-2.5-flash-preview-09-2025", 0.3],
    ["gemini", "gemini-3.1-pro-preview", 2],
    ["groq", "openai/gpt-oss-120b", 0.15],
    ["cerebras", "gpt-oss-120b", 0.35],
    ["anthropic", "claude-haiku-4-5-20251001", 1],
    ["anthropic", "claude-sonnet-4-5-latest", 3],
  ])("%s %s", (provider, model, input) => {
    expect(priceOf(provider, model)?.input).toBe(input);
  });

  test.each([
    ["openai", "gpt-4o-audio-preview"],
    ["openai", "gpt-4o-mini-search-preview"],
    ["openai", "gpt-5.4-pro"],
    ["openai", "gpt-4"],
    ["anthropic", "claude-sonnet-5-5"],
    ["openai", "GPT-4o"],
    ["groq", "gpt-4o"],
    ["ollama", "llama3.2"],
    ["constructor", "name"],
    ["openai", "constructor"],
    ["__proto__", "x"],
    ["openai", ""],
  ])("%s %s has no price here: better none than a wrong one", (provider, model) => {
    expect(priceOf(provider, model)).toBeUndefined();
  });

  test("cached input never costs more than plain, a cache write never less", () => {
    for (const [provider, model] of [
      ["openai", "gpt-5.6-luna"],
      ["anthropic", "claude-opus-5"],
    ]) {
      const { input, cachedInput, cacheWrite } = priceOf(provider!, model!)!;
      expect(cachedInput).toBeLessThan(input);
      expect(cacheWrite).toBe(input * 1.25);
    }
  });
});

describe("costOf", () => {
  const price = { input: 2, output: 8, cachedInput: 0.5, cacheWrite: 2.5 };
  const tokens = fc.nat(1_000_000);
  const usages = fc.tuple(tokens, tokens, tokens, tokens).map(([plain, cached, written, outputTokens]) =>
    usageOf({
      inputTokens: plain + cached + written,
      cachedInputTokens: cached,
      cacheWriteTokens: written,
      outputTokens,
    }),
  );

  test("each kind of token has its price", () => {
    const usage = usageOf({
      inputTokens: 1_000_000,
      cachedInputTokens: 200_000,
      cacheWriteTokens: 300_000,
      outputTokens: 10_000,
    });
    const { usd, saved } = costOf(usage, price, true);
    expect(usd).toBeCloseTo(0.5 * 2 + 0.2 * 0.5 + 0.3 * 2.5 + 0.01 * 8);
    expect(saved).toBeCloseTo(0.2 * 1.5);
  });

  test("spent and saved from the provider's cache together are the plain price, where writing costs no more", () => {
    fc.assert(
      fc.property(usages, (usage) => {
        const plain = (usage.inputTokens * 2 + usage.outputTokens * 8) / 1e6;
        const { usd, saved } = costOf(usage, { ...price, cacheWrite: 2 }, true);
        expect(usd + saved).toBeCloseTo(plain, 9);
      }),
    );
  });

  test("what was not paid is saved to the cent", () => {
    fc.assert(
      fc.property(usages, (usage) => {
        const { usd } = costOf(usage, price, true);
        expect(costOf(usage, price, false)).toEqual({ usd: 0, saved: usd });
      }),
    );
  });

  test("counts of a provider that do not add up never make a negative cost", () => {
    const usage = usageOf({ inputTokens: 10, cachedInputTokens: 500, outputTokens: 0 });
    expect(costOf(usage, price, true).usd).toBeGreaterThan(0);
  });
});
