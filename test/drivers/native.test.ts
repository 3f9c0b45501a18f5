import { describe, expect, test } from "vitest";
import { lookup } from "../../src/drivers/catalog.ts";
import type { Line } from "../../src/drivers/http-driver.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { type Backend, backends } from "./backends.ts";
import { callOptions, question } from "./call-options.ts";
import { fakeLine } from "./fake-line.ts";

const wholeOf = (name: string): string =>
  backends.find(({ provider }: Backend) => provider === name.slice(0, name.indexOf("/")))!.whole;

/** What a provider's driver puts on the wire. */
async function sent(name: string, config: Partial<Line["config"]> & { key?: string } = {}, own = {}) {
  const { facts, model, makeDriver } = lookup(name);
  const line = fakeLine([{ body: [wholeOf(name)] }], { baseURL: facts.baseURL, ...config });
  const options = callOptions({ prefixMark: { messages: 1, key: "shared" }, ...own });
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
