import { describe, expect, test } from "vitest";
import { makeEmbedRequest } from "../../src/core/request.ts";
import { encodeEmbed, openaiEmbeddings } from "../../src/wire/openai-embeddings.ts";
import { body } from "../fixtures/read.ts";
import { events, json, read, stream } from "./support.ts";

const format = openaiEmbeddings;

test("OpenAI's request: the texts, and the length where one is wanted", () => {
  expect(JSON.parse(encodeEmbed(makeEmbedRequest("m", ["one", "two"])))).toEqual({
    model: "m",
    input: ["one", "two"],
  });
  const shorter = makeEmbedRequest("m", ["one"], { dimensions: 256, extra: { user: "u" } });
  expect(JSON.parse(encodeEmbed(shorter))).toEqual({
    model: "m",
    input: ["one"],
    dimensions: 256,
    user: "u",
  });
});

test("OpenAI's answer: each vector says which text it is for", () => {
  expect(read(body("openai/embeddings.json"), json, { format }).completion).toEqual({
    text: "",
    choices: [],
    vectors: [
      [0.25, -0.5, 1],
      [0.125, 0, -1],
    ],
    usage: {
      inputTokens: 7,
      outputTokens: 0,
      totalTokens: 7,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      raw: { prompt_tokens: 7, total_tokens: 7 },
    },
    model: "text-embedding-3-small",
    cacheHit: false,
  });
});

test("vectors as the bytes of 32-bit floats", () => {
  const bytes = Buffer.from(new Float32Array([0.25, -0.5, 1]).buffer).toString("base64");
  const whole = JSON.stringify({ data: [{ embedding: bytes }] });
  expect(read(whole, json, { format }).completion?.vectors).toEqual([[0.25, -0.5, 1]]);
});

describe("no silent vectors", () => {
  test.each([
    ["an error inside a 200", JSON.stringify({ error: { code: 503 } }), "overloaded"],
    ["no list", JSON.stringify({ data: null }), "bad_response"],
    ["an empty list", JSON.stringify({ data: [] }), "bad_response"],
    ["a vector that is none", JSON.stringify({ data: [{ embedding: [1, "x"] }] }), "bad_response"],
    ["an empty vector", JSON.stringify({ data: [{ embedding: [] }] }), "bad_response"],
    ["nothing", "", "bad_response"],
    ["a web page", "<!doctype html>", "bad_response"],
    ["half of it", '{"data":[{"embedding":[1', "incomplete"],
  ])("%s", (_, whole, code) => {
    expect(read(whole, json, { format }).error?.code).toBe(code);
  });

  test("a stream", () => {
    expect(read(events({ data: [] }), stream, { format }).error?.code).toBe("bad_response");
  });
});
