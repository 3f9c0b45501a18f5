import { describe, expect, test } from "vitest";
import type { Completion } from "../../src/core/completion.ts";
import { isTrunklineError, type TrunklineError } from "../../src/core/errors.ts";
import { silent } from "../../src/core/log.ts";
import { makeEmbedRequest } from "../../src/core/request.ts";
import { lookup } from "../../src/drivers/catalog.ts";
import type { Driver } from "../../src/drivers/driver.ts";
import { guard } from "../../src/drivers/guard.ts";
import { providers } from "../../src/drivers/providers.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { body } from "../fixtures/read.ts";
import { callOptions } from "./call-options.ts";
import { fakeLine } from "./fake-line.ts";

const clock = new FakeClock();
const parts = { clock, logger: () => silent };
const vectors = [
  [0.25, -0.5, 1],
  [0.125, 0, -1],
];

describe("where vectors come from", () => {
  test.each([
    ["openai/text-embedding-3-small", "/v1/embeddings", "openai/embeddings.json"],
    ["openai-compatible/e", "/v1/embeddings", "openai/embeddings.json"],
    [
      "gemini/gemini-embedding-001",
      "/v1beta/models/gemini-embedding-001:batchEmbedContents",
      "gemini/embeddings.json",
    ],
    ["ollama/all-minilm", "/api/embed", "ollama/embed.json"],
  ])("%s: %s", async (name, path, fixture) => {
    const { facts, model, makeDriver } = lookup(name);
    const line = fakeLine([{ body: [body(fixture)] }], { baseURL: facts.baseURL ?? "https://a.test/v1" });
    const call = guard(makeDriver(line, { clock }), parts);
    // A listener changes nothing: vectors are never streamed.
    const answer = await call(makeEmbedRequest(model, ["one", "two"]), callOptions({ onDelta() {} }));
    expect(answer).toMatchObject({ vectors, usage: { inputTokens: 7 }, text: "", choices: [] });
    expect(line.exchanges[0]).toMatchObject({ method: "POST", path });
    expect(JSON.stringify(line.exchanges[0]!.body)).not.toContain("stream");
  });

  test("the table and the drivers agree on who has embeddings", () => {
    for (const { name, baseURL, protocol, embedTexts } of providers.values()) {
      if (protocol === "simulated" || protocol === "llama-cpp") continue;
      const line = fakeLine([], { baseURL: baseURL ?? "https://a.test/v1" });
      const driver = lookup(`${name}/m`).makeDriver(line, { clock });
      expect([name, driver.embed !== undefined]).toEqual([name, embedTexts !== undefined]);
    }
  });
});

describe("the guard", () => {
  const driverOf = (embed?: Driver["embed"]): Driver => ({
    name: "mine",
    abilities: { images: false, files: false, tools: false, responseFormat: "text", choices: false },
    chat: () => Promise.reject(new Error("asked for words")),
    ...(embed && { embed }),
  });
  const request = makeEmbedRequest("m", ["one", "two"]);
  const answer = { text: "", choices: [], model: "m", cacheHit: false };
  const usage = {
    inputTokens: 2,
    outputTokens: 0,
    totalTokens: 2,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
  };
  const outcome = async (driver: Driver): Promise<Completion | TrunklineError> => {
    try {
      return await guard(driver, parts)(request, callOptions());
    } catch (error) {
      if (!isTrunklineError(error)) throw error;
      return error;
    }
  };

  test("a driver without embeddings is not asked", async () => {
    expect(await outcome(driverOf())).toMatchObject({ code: "bad_request", sent: false });
  });

  test("an outside driver's vectors are copied as plain data", async () => {
    const came = { ...answer, usage, vectors };
    const got = (await outcome(driverOf(async () => came))) as Completion;
    expect(got).toEqual(came);
    expect(got.vectors![0]).not.toBe(vectors[0]);
  });

  test.each([
    ["too few", [[1]], /2 texts with 1 vectors/],
    ["none", undefined, /choices/],
    ["no numbers", [[1], ["x"]], /vectors\[1\]: expected a list of numbers/],
  ])("bad input: %s", async (_, came, says) => {
    const got = await outcome(driverOf(async () => ({ ...answer, usage, vectors: came }) as Completion));
    expect(got).toMatchObject({ code: "bad_response" });
    expect((got as TrunklineError).message).toMatch(says);
  });

  test("bad input: embed that is no function", () => {
    expect(() => guard(driverOf(5 as never), parts)).toThrow(/embed: expected a function/);
  });
});
