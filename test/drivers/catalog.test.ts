import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { lookup } from "../../src/drivers/catalog.ts";
import { providers } from "../../src/drivers/providers.ts";

function refused(name: unknown): string {
  try {
    lookup(name as string);
  } catch (error) {
    expect(error).toBeInstanceOf(TrunklineError);
    expect((error as TrunklineError).code).toBe("config");
    return (error as TrunklineError).message;
  }
  throw new Error(`${String(name)} was found`);
}

describe("lookup", () => {
  test.each([
    ["openai/gpt-4o-mini", "openai", "gpt-4o-mini"],
    ["openrouter/meta-llama/llama-3.3-70b-instruct", "openrouter", "meta-llama/llama-3.3-70b-instruct"],
    ["ollama/llama3.2-vision:11b", "ollama", "llama3.2-vision:11b"],
    [" groq/llama-3.3-70b-versatile ", "groq", "llama-3.3-70b-versatile"],
  ])("%s", (name, provider, model) => {
    const found = lookup(name);
    expect([found.facts.name, found.model]).toEqual([provider, model]);
    expect(found.local).toBeUndefined();
  });

  test("the simulated provider is one driver in this process", () => {
    expect(lookup("simulated/a").local?.name).toBe("simulated");
    expect(lookup("simulated/a").local).toBe(lookup("simulated/b").local);
  });

  test("bad input: an unknown provider lists the known ones and the nearest name", () => {
    const message = refused("opneai/gpt-4o");
    expect(message).toContain('unknown provider "opneai"');
    expect(message).toContain('did you mean "openai"?');
    for (const name of providers.keys()) expect(message).toContain(name);
    expect(message).toContain("openai-compatible");
  });

  test.each([
    ["gpt-4o-mini", '"openai/gpt-4o-mini"'],
    ["o3", '"openai/o3"'],
    ["gemini-2.5-flash", '"gemini/gemini-2.5-flash"'],
    ["groq", '"groq" is a provider'],
    ["mystery", "known providers are"],
  ])("a model without a slash: %s is told what is expected", (name, hint) => {
    const message = refused(name);
    expect(message).toContain('"provider/model"');
    expect(message).toContain(hint);
  });

  test.each([
    [undefined],
    [null],
    [5],
    [""],
    ["  "],
    ["openai/"],
    ["/gpt-4o"],
    ["__proto__/x"],
    ["constructor/x"],
  ])("%j is refused", (name) => {
    expect(refused(name)).toContain("model");
  });
});

describe("the table", () => {
  test("each provider has a page that names its variables and address", () => {
    const pages = new URL("../../docs/providers/", import.meta.url);
    expect(readdirSync(pages).sort()).toEqual(
      [...providers.keys(), "driver-lm"].map((name) => `${name}.md`).sort(),
    );
    for (const provider of providers.values()) {
      const page = readFileSync(new URL(`${provider.name}.md`, pages), "utf8");
      for (const variable of [...provider.keyVariables, ...provider.baseURLVariables])
        expect(page).toContain(variable);
      if (provider.baseURL !== undefined) expect(page).toContain(provider.baseURL);
    }
  });

  test("Gemini reads GOOGLE_API_KEY, then GEMINI_API_KEY; servers of one's own need no key", () => {
    expect(providers.get("gemini")!.keyVariables).toEqual(["GOOGLE_API_KEY", "GEMINI_API_KEY"]);
    const keyless = [...providers.values()]
      .filter((provider) => !provider.keyRequired)
      .map(({ name }) => name);
    expect(keyless.sort()).toEqual([
      "llama-cpp",
      "ollama",
      "ollama-openai",
      "openai-compatible",
      "simulated",
      "vllm",
    ]);
  });
});
