import { describe, expect, test } from "vitest";
import type { Message } from "../../src/core/message.ts";
import { makeEmbedRequest, makeRequest, type Sampling } from "../../src/core/request.ts";
import {
  chatPath,
  embedPath,
  encodeEmbed,
  encodeRequest,
  gemini,
  geminiEmbeddings,
} from "../../src/wire/gemini.ts";
import { body } from "../fixtures/read.ts";
import { readFixture, said } from "./fixture.ts";
import { bytes, cut, events, json, read, stream } from "./support.ts";

const format = gemini;
const fixture = (name: string) => readFixture(format, `gemini/${name}`);
const encoded = (messages: readonly Message[], sampling: Sampling = {}, model = "gemini-3.1-pro-preview") =>
  JSON.parse(encodeRequest(makeRequest(model, messages, sampling, {}), { stream: false }));

const hi: Message = { role: "user", content: "Hi." };
const candidate = (rest: object): object => ({ candidates: [{ index: 0, ...rest }] });
const text = (value: string) => ({ content: { role: "model", parts: [{ text: value }] } });

describe("answers", () => {
  test.each(["text.sse", "text.json"])("%s: text, and usage with the thoughts counted in", (name) => {
    expect(said(fixture(name))).toMatchObject({
      text: "A few words.",
      finish: ["stop", "STOP"],
      usage: {
        inputTokens: 1_125,
        outputTokens: 25,
        totalTokens: 1_150,
        cachedInputTokens: 1_000,
        cacheWriteTokens: 0,
        reasoningTokens: 20,
      },
      model: "gemini-3.1-pro-preview",
      id: "mAitaLmkHPPlz7IPvtfUqQ4",
    });
  });

  test("thoughts are reasoning; the signature on the last, empty part is kept and goes back", () => {
    const outcome = fixture("thoughts.sse");
    const { text: content, reasoning, opaque } = said(outcome);
    expect([content, reasoning]).toEqual(["Four.", "**Counting**\n\nTwo and two."]);
    expect(opaque).toEqual({ gemini: { text: "CpcHAdHtim9+q4rstcbvQC0ic4x1", calls: [] } });
    const again = encoded([hi, outcome.completion!.choices[0]!.message, hi]);
    expect(again.contents[1]).toEqual({
      role: "model",
      parts: [{ text: "Four.", thoughtSignature: "CpcHAdHtim9+q4rstcbvQC0ic4x1" }],
    });
  });

  test.each(["tools.sse", "tools.json"])("%s: calls, each with the signature it came with", (name) => {
    const outcome = fixture(name);
    const { calls, finish, opaque } = said(outcome);
    expect(calls).toEqual([
      ["fc_1", "get_weather", { city: "Paris" }],
      ["call_1", "now", {}],
    ]);
    expect(finish).toEqual(["tool_calls", "STOP"]);
    expect(opaque).toEqual({ gemini: { calls: ["EqoDCqcDAdHtim", null] } });
    const again = encoded([
      hi,
      outcome.completion!.choices[0]!.message,
      { role: "tool", toolCallId: "fc_1", content: '{"sky":"blue"}' },
      { role: "tool", toolCallId: "call_1", content: "noon" },
    ]);
    expect(again.contents.slice(1)).toEqual([
      {
        role: "model",
        parts: [
          {
            functionCall: { id: "fc_1", name: "get_weather", args: { city: "Paris" } },
            thoughtSignature: "EqoDCqcDAdHtim",
          },
          { functionCall: { id: "call_1", name: "now", args: {} } },
        ],
      },
      {
        role: "user",
        parts: [
          { functionResponse: { id: "fc_1", name: "get_weather", response: { sky: "blue" } } },
          { functionResponse: { id: "call_1", name: "now", response: { result: "noon" } } },
        ],
      },
    ]);
  });

  test.each([
    ["MAX_TOKENS", "length"],
    ["SAFETY", "content_filter"],
    ["RECITATION", "content_filter"],
    ["BLOCKLIST", "content_filter"],
    ["PROHIBITED_CONTENT", "content_filter"],
    ["SPII", "content_filter"],
    ["IMAGE_SAFETY", "content_filter"],
    ["LANGUAGE", "other"],
    ["OTHER", "other"],
    ["MALFORMED_FUNCTION_CALL", "other"],
  ])("it ended with %s: %s", (finishReason, expected) => {
    const whole = JSON.stringify(candidate({ ...text("x"), finishReason }));
    expect(said(read(whole, json, { format })).finish).toEqual([expected, finishReason]);
  });

  test("a filter in the middle of a stream keeps what was said", () => {
    expect(said(fixture("safety.sse"))).toMatchObject({
      text: "A few",
      finish: ["content_filter", "SAFETY"],
    });
  });

  test.each(["blocked.json", "blocked.sse"])(
    "%s: a blocked prompt is an error that names the reason",
    (name) => {
      const { error } = fixture(name);
      expect(error).toMatchObject({ code: "content_filter", retryable: false });
      expect(error!.message).toMatch(/blocked \((PROHIBITED_CONTENT|SAFETY)\)/);
    },
  );

  test("a call that the model wrote wrongly leaves no answer, and the error says so", () => {
    const { error } = fixture("malformed-call.json");
    expect(error?.code).toBe("bad_response");
    expect(error?.message).toContain("MALFORMED_FUNCTION_CALL");
  });

  test("R127: a 429 has the wait of its body; a wrong key is auth, though it comes as 400", () => {
    const limited = read(body("gemini/error-429.json"), { status: 429 }, { format });
    expect(limited.error).toMatchObject({ code: "rate_limit", retryAfterMs: 46_000, retryable: true });
    const refused = read(body("gemini/error-400-key.json"), { status: 400 }, { format });
    expect(refused.error).toMatchObject({ code: "auth", status: 400 });
  });

  test("E2: an error in the stream counts as its code", () => {
    const failing = events(candidate(text("A few")), { error: { code: 503, status: "UNAVAILABLE" } });
    expect(read(failing, stream, { format }).error).toMatchObject({
      code: "overloaded",
      status: 503,
      retryable: false,
      partial: { text: "A few" },
    });
  });

  test("E3: a stream without a finishReason is incomplete", () => {
    const { error } = read(events(candidate(text("half"))), stream, { format });
    expect(error).toMatchObject({ code: "incomplete", partial: { text: "half" } });
  });

  test("several candidates, in any order", () => {
    const both = {
      candidates: [1, 0].map((index) => ({ index, ...text(`${index}`), finishReason: "STOP" })),
    };
    const { completion } = read(JSON.stringify(both), json, { format });
    expect(completion?.choices.map(({ message }) => message.content)).toEqual(["0", "1"]);
  });

  test("W10: a candidate with a hostile index is malformed", () => {
    for (const index of [-1, 1e9, "__proto__"]) {
      expect(read(events({ candidates: [{ index }] }), stream, { format }).error?.code).toBe("bad_response");
    }
  });

  test("W1, W2: cut anywhere, it reads the same", () => {
    const all = bytes(body("gemini/tools.sse").replaceAll("↵\n", "\n").replaceAll("↵", "\n"));
    const expected = said(fixture("tools.sse"));
    for (let at = 1; at < all.length; at += 11) {
      expect(said(read(cut(all, [at, at + 3]), stream, { format }))).toEqual(expected);
    }
  });
});

describe("requests", () => {
  test("where they go: the model and the kind of answer are in the address", () => {
    expect(chatPath("gemini-2.5-flash", false)).toBe("/models/gemini-2.5-flash:generateContent");
    expect(chatPath("gemini-2.5-flash", true)).toBe("/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    expect(chatPath("tunedModels/mine", false)).toBe("/tunedModels/mine:generateContent");
    expect(embedPath("gemini-embedding-001")).toBe("/models/gemini-embedding-001:batchEmbedContents");
  });

  test("a plain question is its contents alone", () => {
    expect(encoded([hi])).toEqual({ contents: [{ role: "user", parts: [{ text: "Hi." }] }] });
  });

  test("sampling has Gemini's names, and extra joins it", () => {
    const safetySettings = [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }];
    const sampling: Sampling = {
      temperature: 0,
      maxTokens: 9,
      topP: 0.5,
      stop: ["END"],
      seed: 7,
      n: 2,
      extra: { safetySettings, generationConfig: { topK: 5 } },
    };
    expect(encoded([{ role: "system", content: "Be brief." }, hi], sampling)).toEqual({
      systemInstruction: { parts: [{ text: "Be brief." }] },
      contents: [{ role: "user", parts: [{ text: "Hi." }] }],
      generationConfig: {
        temperature: 0,
        maxOutputTokens: 9,
        topP: 0.5,
        stopSequences: ["END"],
        seed: 7,
        candidateCount: 2,
        topK: 5,
      },
      safetySettings,
    });
  });

  test("JSON, with and without a schema", () => {
    const schema = { type: "object" };
    expect(encoded([hi], { responseFormat: { type: "json" } }).generationConfig).toEqual({
      responseMimeType: "application/json",
    });
    expect(encoded([hi], { responseFormat: { type: "json_schema", schema } }).generationConfig).toEqual({
      responseMimeType: "application/json",
      responseJsonSchema: schema,
    });
    expect(encoded([hi], { responseFormat: { type: "text" } })).not.toHaveProperty("generationConfig");
  });

  test.each([
    ["auto", { mode: "AUTO" }],
    ["none", { mode: "NONE" }],
    ["required", { mode: "ANY" }],
    [{ tool: "look" }, { mode: "ANY", allowedFunctionNames: ["look"] }],
  ] as const)("toolChoice %j", (toolChoice, functionCallingConfig) => {
    const tools = [{ name: "look", description: "Looks.", inputSchema: { type: "object" } }];
    expect(encoded([hi], { tools, toolChoice })).toMatchObject({
      tools: [
        {
          functionDeclarations: [
            { name: "look", description: "Looks.", parametersJsonSchema: { type: "object" } },
          ],
        },
      ],
      toolConfig: { functionCallingConfig },
    });
  });

  test("media by bytes and by address", () => {
    const content = [
      { type: "text", text: "See." },
      { type: "image", data: "iVBORw0K" },
      { type: "file", url: "https://a.test/b.mp4", mediaType: "video/mp4" },
    ] as const;
    expect(encoded([{ role: "user", content }]).contents[0].parts).toEqual([
      { text: "See." },
      { inlineData: { mimeType: "image/png", data: "iVBORw0K" } },
      { fileData: { mimeType: "video/mp4", fileUri: "https://a.test/b.mp4" } },
    ]);
  });

  test.each([
    ["gemini-2.5-flash", "none", { thinkingBudget: 0 }],
    ["gemini-2.5-pro", "high", { thinkingBudget: 24_576, includeThoughts: true }],
    ["gemini-3.8-flash", "none", { thinkingLevel: "minimal" }],
    ["gemini-3.8-flash", "xhigh", { thinkingLevel: "high", includeThoughts: true }],
  ] as const)("%s thinks with effort %s", (model, reasoningEffort, thinkingConfig) => {
    expect(encoded([hi], { reasoningEffort }, model).generationConfig).toEqual({ thinkingConfig });
  });

  test.each([
    ["gemini-3.8-flash", "skip_thought_signature_validator"],
    ["gemini-2.5-flash", undefined],
  ])("%s: another model's calls get a signature where one is wanted", (model, signature) => {
    const call = (id: string) => ({ id, name: "look", arguments: {}, argumentsText: "{}" });
    const turn: Message = { role: "assistant", content: "", toolCalls: [call("a"), call("b")] };
    const { parts } = encoded([hi, turn], {}, model).contents[1];
    expect(parts.map((part: { thoughtSignature?: string }) => part.thoughtSignature)).toEqual([
      signature,
      undefined,
    ]);
  });
});

describe("embeddings", () => {
  test("one request for each text, in the order of the answer's vectors", () => {
    const request = makeEmbedRequest("gemini-embedding-001", ["one", "two"], {
      dimensions: 3,
      extra: { taskType: "RETRIEVAL_QUERY" },
    });
    const one = (text: string): object => ({
      model: "models/gemini-embedding-001",
      content: { parts: [{ text }] },
      outputDimensionality: 3,
      taskType: "RETRIEVAL_QUERY",
    });
    expect(JSON.parse(encodeEmbed(request))).toEqual({ requests: [one("one"), one("two")] });
    const { completion } = read(body("gemini/embeddings.json"), json, { format: geminiEmbeddings });
    expect(completion).toMatchObject({
      vectors: [
        [0.25, -0.5, 1],
        [0.125, 0, -1],
      ],
      usage: { inputTokens: 7, outputTokens: 0, totalTokens: 7 },
      choices: [],
    });
  });
});
