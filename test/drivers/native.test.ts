import { describe, expect, test } from "vitest";
import { lookup } from "../../src/drivers/catalog.ts";
import type { Line } from "../../src/drivers/http-driver.ts";
import { cachesOnlyMarked } from "../../src/drivers/prefix-marks.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { backends } from "./backends.ts";
import { callOptions, question } from "./call-options.ts";
import { fakeLine } from "./fake-line.ts";

/** An answer of the provider's protocol; most speak OpenAI's. */
function wholeOf(name: string): string {
  const answers = new Map(backends.map(({ provider, whole }) => [provider, whole]));
  return (answers.get(name.slice(0, name.indexOf("/"))) ?? answers.get("openai"))!;
}

/** What a provider's driver puts on the wire. */
async function sent(name: string, config: Partial<Line["config"]> & { key?: string } = {}, own = {}) {
  const { facts, model, makeDriver } = lookup(name);
  const line = fakeLine([{ body: [wholeOf(name)] }], { baseURL: facts.baseURL, ...config });
  const options = callOptions({ prefixMark: { ends: [1], key: "shared" }, ...own });
  await makeDriver(line, { clock: new FakeClock() }).chat(question("Q", {}, model), options);
  const [exchange] = line.exchanges;
  return { path: exchange!.path, headers: exchange!.headers, body: JSON.parse(exchange!.body as string) };
}

describe("where the question goes", () => {
  test.each([
    ["anthropic/claude-x", undefined, "/v1/messages"],
    ["anthropic/claude-x", "https://proxy.test", "/v1/messages"],
    ["anthropic/claude-x", "https://proxy.test/anthropic/v1", "/anthropic/v1/messages"],
    ["gemini/gemini-x", undefined, "/v1beta/models/gemini-x:generateContent"],
    ["gemini/gemini-x", "https://proxy.test", "/v1beta/models/gemini-x:generateContent"],
    ["gemini/gemini-x", "https://proxy.test/v1beta/openai", "/v1beta/models/gemini-x:generateContent"],
    ["ollama/llama3.2", undefined, "/api/chat"],
    ["ollama/llama3.2", "http://10.0.0.7:11434/v1", "/api/chat"],
    ["ollama/llama3.2", "http://10.0.0.7/ollama", "/ollama/api/chat"],
    ["openai-responses/gpt-x", undefined, "/v1/responses"],
  ])("%s at %s: %s", async (name, baseURL, path) => {
    expect((await sent(name, baseURL ? { baseURL } : {})).path).toBe(path);
  });

  test("Gemini's address says that a stream is wanted", async () => {
    const { path } = await sent("gemini/gemini-x", {}, { onDelta() {} });
    expect(path).toBe("/v1beta/models/gemini-x:streamGenerateContent?alt=sse");
  });
});

describe("who asks", () => {
  test.each([
    ["anthropic/claude-x", { "x-api-key": "sk-secret-0001", "anthropic-version": "2023-06-01" }],
    ["gemini/gemini-x", { "x-goog-api-key": "sk-secret-0001" }],
    ["ollama/llama3.2", { authorization: "Bearer sk-secret-0001" }],
    ["openai-responses/gpt-x", { authorization: "Bearer sk-secret-0001", "openai-organization": "org-1" }],
  ])("%s", async (name, headers) => {
    const { headers: came } = await sent(name, { organization: "org-1" });
    expect(came).toMatchObject(headers);
    const keys = Object.keys(came).filter((header) => came[header]!.includes("sk-secret-0001"));
    expect(keys).toHaveLength(1);
  });

  test("a server that wants no key gets none", async () => {
    expect((await sent("ollama/llama3.2", { key: "" })).headers).not.toHaveProperty("authorization");
  });
});

describe("prefix marks that a call carries", () => {
  test("Anthropic gets them everywhere, OpenAI at its own address, the others never", async () => {
    expect(JSON.stringify((await sent("anthropic/claude-x")).body)).toContain("cache_control");
    expect((await sent("openai/gpt-4o")).body.prompt_cache_key).toBe("shared");
    expect((await sent("openai-responses/gpt-4o")).body.prompt_cache_key).toBe("shared");
    const baseURL = "https://proxy.test/v1";
    for (const [name, config] of [
      ["openai/gpt-4o", { baseURL }],
      ["openai-responses/gpt-4o", { baseURL }],
      ["gemini/gemini-x", {}],
      ["ollama/llama3.2", {}],
    ] as const) {
      expect(JSON.stringify((await sent(name, config)).body)).not.toContain("cache");
    }
  });

  test("each in the form that its pages name, by model", async () => {
    const table: Record<string, readonly string[]> = {
      "openai/gpt-5.6": ["prompt_cache_key", "prompt_cache_breakpoint", "prompt_cache_options"],
      "openai/gpt-5.10-mini": ["prompt_cache_key", "prompt_cache_breakpoint", "prompt_cache_options"],
      "openai/gpt-5.5": ["prompt_cache_key"],
      "openai-responses/gpt-6": ["prompt_cache_key", "prompt_cache_breakpoint", "prompt_cache_options"],
      "azure/gpt-5.6-terra": ["prompt_cache_key"],
      "azure/o4-mini": ["prompt_cache_key"],
      "azure/my-deployment": [],
      "azure/deepseek-v4": [],
      "openrouter/anthropic/claude-opus-5": ["cache_control"],
      "openrouter/openai/gpt-5.6": ["prompt_cache_key", "prompt_cache_breakpoint", "prompt_cache_options"],
      "openrouter/openai/gpt-4o": [],
      "openrouter/google/gemini-3.8-flash": [],
      "groq/openai/gpt-oss-120b": [],
      "cerebras/gpt-oss-120b": [],
      "gemini-openai/gemini-3.8-flash": [],
    };
    const prefixMark = { ends: [1], key: "shared" };
    for (const [name, members] of Object.entries(table)) {
      const azure = name.startsWith("azure/") ? { baseURL: "https://x.openai.azure.com" } : {};
      const body = JSON.stringify((await sent(name, azure, { prefixMark })).body);
      const found = ["prompt_cache_key", "prompt_cache_breakpoint", "prompt_cache_options", "cache_control"];
      expect(
        found.filter((member) => body.includes(member)),
        name,
      ).toEqual(members);
    }
  });

  test("what is cached only where it is marked is known by the same table", () => {
    const home = (name: string) => {
      const { facts, model } = lookup(name);
      return cachesOnlyMarked(facts, model, facts.baseURL);
    };
    expect(["anthropic/claude-x", "openai/gpt-5.6", "openrouter/anthropic/claude-x"].map(home)).toEqual([
      true,
      true,
      true,
    ]);
    expect(["openai/gpt-5.5", "azure/gpt-5.6", "gemini/gemini-x", "groq/x", "vllm/x"].map(home)).toEqual(
      Array(5).fill(false),
    );
    expect(cachesOnlyMarked(lookup("openai/gpt-5.6").facts, "gpt-5.6", "https://proxy.test/v1")).toBe(false);
  });

  test("nothing is marked unasked", async () => {
    for (const name of ["anthropic/claude-x", "openai/gpt-5.6", "openai-responses/gpt-5.6"]) {
      const { body } = await sent(name, {}, { prefixMark: undefined });
      expect(JSON.stringify(body)).not.toContain("cache");
    }
  });
});

test("what Anthropic says of its limits feeds the watch", async () => {
  const { facts, makeDriver } = lookup("anthropic/claude-x");
  const headers = {
    "anthropic-ratelimit-input-tokens-limit": "50000",
    "anthropic-ratelimit-input-tokens-remaining": "49000",
  };
  const line = fakeLine([{ headers, body: [wholeOf("anthropic/x")] }], { baseURL: facts.baseURL });
  const seen: unknown[] = [];
  const watch = { onRate: (signals: readonly unknown[]) => void seen.push(...signals) };
  await makeDriver(line, { clock: new FakeClock() }).chat(question(), callOptions({ watch }));
  expect(seen).toMatchObject([{ of: "input_tokens", limit: 50_000, remaining: 49_000 }]);
});
