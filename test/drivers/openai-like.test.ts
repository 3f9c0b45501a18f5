import { afterEach, describe, expect, test, vi } from "vitest";
import { lookup } from "../../src/drivers/catalog.ts";
import type { Line } from "../../src/drivers/http-driver.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { callOptions, question } from "./call-options.ts";
import { chat, fakeLine } from "./fake-line.ts";

/** What a provider's driver puts on the wire. */
async function sent(name: string, config: Partial<Line["config"]> & { key?: string } = {}, sampling = {}) {
  const { facts, model, makeDriver } = lookup(name);
  const line = fakeLine([chat("Hi.")], { baseURL: facts.baseURL, ...config });
  await makeDriver(line, { clock: new FakeClock() }).chat(question("Q", sampling, model), callOptions());
  const [exchange] = line.exchanges;
  return { path: exchange!.path, headers: exchange!.headers, body: JSON.parse(exchange!.body as string) };
}

afterEach(() => vi.unstubAllEnvs());

describe("where the question goes", () => {
  test.each([
    ["openai/m", undefined, "/v1/chat/completions"],
    ["gemini-openai/m", undefined, "/v1beta/openai/chat/completions"],
    ["groq/m", undefined, "/openai/v1/chat/completions"],
    ["cerebras/m", undefined, "/v1/chat/completions"],
    ["openrouter/m", undefined, "/api/v1/chat/completions"],
    ["vllm/m", undefined, "/v1/chat/completions"],
    ["ollama-openai/m", undefined, "/v1/chat/completions"],
    ["openai-compatible/m", "http://localhost:1234/v1", "/v1/chat/completions"],
    ["openai-compatible/m", "http://localhost:1234", "/chat/completions"],
    ["groq/m", "https://api.groq.com", "/openai/v1/chat/completions"],
    ["ollama-openai/m", "http://10.0.0.7:11434", "/v1/chat/completions"],
    ["azure/m", "https://mine.openai.azure.com", "/openai/v1/chat/completions"],
    ["azure/m", "https://mine.openai.azure.com/openai/v1", "/openai/v1/chat/completions"],
    [
      "azure/m",
      "https://mine.openai.azure.com/openai/deployments/gpt",
      "/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
    ],
  ])("%s at %s: %s", async (name, baseURL, path) => {
    expect((await sent(name, baseURL ? { baseURL } : {})).path).toBe(path);
  });

  test("Azure's version comes from the environment where an address wants one", async () => {
    vi.stubEnv("OPENAI_API_VERSION", "2025-04-01-preview");
    const baseURL = "https://mine.openai.azure.com/openai/deployments/gpt";
    expect((await sent("azure/m", { baseURL })).path).toContain("?api-version=2025-04-01-preview");
    vi.stubEnv("AZURE_OPENAI_API_VERSION", "2025-05-01");
    expect((await sent("azure/m", { baseURL })).path).toContain("?api-version=2025-05-01");
  });
});

describe("who asks", () => {
  test("most take a bearer token; Azure takes its key in a header of its own, and tokens of Entra ID as tokens", async () => {
    expect((await sent("groq/m")).headers.authorization).toBe("Bearer sk-secret-0001");
    const baseURL = "https://mine.openai.azure.com";
    const byKey = (await sent("azure/m", { baseURL })).headers;
    expect(byKey["api-key"]).toBe("sk-secret-0001");
    expect(byKey).not.toHaveProperty("authorization");
    const byToken = (await sent("azure/m", { baseURL, key: "eyJhbGciOi.x.y" })).headers;
    expect(byToken.authorization).toBe("Bearer eyJhbGciOi.x.y");
    expect(byToken).not.toHaveProperty("api-key");
  });
});

describe("quirks", () => {
  test.each([
    ["openai/gpt-4o", undefined, "max_completion_tokens"],
    ["openai/gpt-4o", "https://proxy.test/v1", "max_tokens"],
    ["openai/o3-mini", "https://proxy.test/v1", "max_completion_tokens"],
    ["openai/openai/gpt-5.6", "https://proxy.test/v1", "max_completion_tokens"],
    ["azure/mine", "https://mine.openai.azure.com", "max_completion_tokens"],
    ["groq/m", undefined, "max_completion_tokens"],
    ["cerebras/m", undefined, "max_completion_tokens"],
    ["gemini-openai/m", undefined, "max_tokens"],
    ["openrouter/m", undefined, "max_tokens"],
    ["vllm/m", undefined, "max_tokens"],
    ["ollama-openai/m", undefined, "max_tokens"],
    ["openai-compatible/m", "http://localhost:1/v1", "max_tokens"],
  ])("%s at %s bounds its answer by %s", async (name, baseURL, member) => {
    const { body } = await sent(name, baseURL ? { baseURL } : {}, { maxTokens: 9 });
    expect(body).toMatchObject({ [member]: 9 });
    expect(Object.keys(body).filter((key) => key.startsWith("max_"))).toEqual([member]);
  });

  test("OpenRouter takes the effort of thinking in an object, the others by its name", async () => {
    expect((await sent("openrouter/m", {}, { reasoningEffort: "low" })).body.reasoning).toEqual({
      effort: "low",
    });
    expect((await sent("groq/m", {}, { reasoningEffort: "low" })).body.reasoning_effort).toBe("low");
  });
});
