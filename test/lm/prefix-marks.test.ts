import { afterEach, describe, expect, test } from "vitest";
import { cache, clients, LM, type LMOptions } from "../../src/index.ts";
import type { Reply } from "../../src/testing/faulty/reply.ts";
import { type FaultyServer, faultyServer } from "../../src/testing/faulty-server.ts";
import { trunk } from "../../src/trunk.ts";
import { body, chunks } from "../fixtures/read.ts";

afterEach(async () => {
  await clients.close({ mode: "abort" });
  await cache.clear();
});

const system = "You answer briefly. ".repeat(800);
const about = (question: string) => [
  { role: "system", content: system } as const,
  { role: "user", content: question } as const,
];

/** A server with recorded answers: of a stream where one was asked for. */
function recorded(name: string): Promise<FaultyServer> {
  return faultyServer({
    script: ({ body: asked }): Reply =>
      asked.includes('"stream":true')
        ? { headers: { "content-type": "text/event-stream" }, body: chunks(`${name}.sse`) }
        : { headers: { "content-type": "application/json" }, body: body(`${name}.json`) },
  });
}

const claude = (server: FaultyServer, options: LMOptions = {}, model = "claude-sonnet-4-6"): LM =>
  new LM(`anthropic/${model}`, { baseURL: server.url, apiKey: "k", ...options });

const marked = (server: FaultyServer): boolean[] =>
  server.seen.requests.map((request) => request.body.includes("cache_control"));

describe("prefix marks on the wire", () => {
  test("calls that share a prefix carry its mark; what was written and read shows in usage and cost", async () => {
    await using server = await recorded("anthropic/text");
    const lm = claude(server, { cache: false });
    const answers = await Promise.all(["a", "b", "c"].map((question) => lm.call(about(question))));
    expect(marked(server)).toEqual([true, true, true]);
    for (const { usage, cost } of answers) {
      expect(usage).toMatchObject({ inputTokens: 1_125, cachedInputTokens: 1_000, cacheWriteTokens: 100 });
      // 25 plain, 100 written, 1,000 read and 15 out, at 3, 3.75, 0.3 and 15 dollars a million.
      expect(cost!.usd).toBeCloseTo((25 * 3 + 100 * 3.75 + 1_000 * 0.3 + 15 * 15) / 1e6, 12);
      expect(cost!.saved).toBeCloseTo((1_000 * 2.7) / 1e6, 12);
    }
  });

  test("a call alone never pays a write, nor does one without prefixSharing", async () => {
    await using server = await recorded("anthropic/text");
    await claude(server, { cache: false }).call(about("a"));
    const off = claude(server, { cache: false, prefixSharing: false, timeout: 1_000 });
    await Promise.all(["a", "b"].map((question) => off.call(about(question))));
    expect(marked(server)).toEqual([false, false, false]);
  });

  test("a call alone has written nothing here, so that the next ones wait for one that writes", async () => {
    await using server = await recorded("anthropic/text");
    const lm = claude(server, { cache: false });
    await lm.call(about("alone"));
    await Promise.all(["a", "b", "c"].map((question) => lm.call(about(question))));
    expect(marked(server)).toEqual([false, true, true, true]);
    const streamed = server.seen.requests.map((request) => request.body.includes('"stream":true'));
    expect(streamed).toEqual([false, true, false, false]);
  });

  test("L11: tokens that were read from its cache are not counted against its limits", async () => {
    await using server = await recorded("anthropic/text");
    const lm = claude(server, { cache: false, tokensPerMinute: 60_000, apiKey: "paced" }, "claude-opus-4-1");
    await lm.call("short");
    // A tenth of a second's worth is there at once; 125 read anew and 15 written are what is gone.
    const [lane] = trunk()
      .admission.stats()
      .lanes.filter(({ model }) => model === "claude-opus-4-1");
    expect(lane!.rates[0]!.level).toBeGreaterThan(100 - 140 - 1);
    expect(lane!.rates[0]!.level).toBeLessThanOrEqual(100);
  });

  test("C11: the mark is no part of the cache's key", async () => {
    await using server = await recorded("anthropic/text");
    const lm = claude(server);
    await lm.call(about("a"));
    await lm.call(about("b"));
    expect((await lm.call(about("a"))).cacheHit).toBe(true);
    expect((await lm.call(about("b"))).cacheHit).toBe(true);
    await Promise.all(["a", "b", "c"].map((question) => lm.call(about(question))));
    expect(marked(server)).toEqual([false, true, true]);
  });

  test("a model that stands in has marks of its own", async () => {
    await using down = await faultyServer({ script: { status: 500, body: "{}" } });
    await using server = await recorded("anthropic/text");
    const other = claude(server, {}, "claude-opus-5");
    const lm = claude(down, { cache: false, maxRetries: 0, fallbacks: [other] });
    await lm.call(about("a"));
    await lm.call(about("b"));
    expect([marked(down), marked(server)]).toEqual([
      [false, true],
      [false, true],
    ]);
  });
});

test("what OpenAI's newer models write and read shows in usage and cost", async () => {
  await using server = await recorded("openai-responses/text");
  const price = { input: 5, output: 30, cachedInput: 0.5, cacheWrite: 6.25 };
  const lm = new LM("openai-responses/gpt-5.6-sol", {
    baseURL: server.url,
    apiKey: "k",
    cache: false,
    price,
  });
  const { usage, cost } = await lm.call(about("a"));
  expect(usage).toMatchObject({ inputTokens: 1_125, cachedInputTokens: 1_000, cacheWriteTokens: 100 });
  expect(cost!.usd).toBeCloseTo((25 * 5 + 100 * 6.25 + 1_000 * 0.5 + 25 * 30) / 1e6, 12);
  expect(cost!.saved).toBeCloseTo((1_000 * 4.5) / 1e6, 12);
  // Behind another address nothing is said of it.
  expect(server.seen.requests[0]!.body).not.toContain("prompt_cache");
});
