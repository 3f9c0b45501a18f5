import { describe, expect, test } from "vitest";
import type { PrefixMark } from "../../src/core/call.ts";
import { isTrunklineError } from "../../src/core/errors.ts";
import type { Message } from "../../src/core/message.ts";
import { makeRequest, type Sampling } from "../../src/core/request.ts";
import type { Encoding } from "../../src/wire/encoding.ts";
import { encodeRequest as encodeChat } from "../../src/wire/openai-chat.ts";
import { encodeRequest, openaiResponses } from "../../src/wire/openai-responses.ts";
import type { Marks } from "../../src/wire/prefix-marks.ts";
import { chunks } from "../fixtures/read.ts";
import { readFixture, said } from "./fixture.ts";
import { bytes, cut, json, read, stream } from "./support.ts";

const format = openaiResponses;
const fixture = (name: string) => readFixture(format, `openai-responses/${name}`);
const encoded = (
  messages: readonly Message[],
  sampling: Sampling = {},
  { model = "gpt-4o", ...how }: Partial<Encoding> & { model?: string } = {},
) => JSON.parse(encodeRequest(makeRequest(model, messages, sampling, {}), { stream: false, ...how }));

const hi: Message = { role: "user", content: "Hi." };
const system: Message = { role: "system", content: "Be brief." };

describe("answers", () => {
  test.each(["text.sse", "text.json"])("%s: text and usage", (name) => {
    expect(said(fixture(name))).toMatchObject({
      text: "A few words.",
      finish: ["stop", "stop"],
      usage: {
        inputTokens: 1_125,
        outputTokens: 25,
        totalTokens: 1_150,
        cachedInputTokens: 1_000,
        cacheWriteTokens: 100,
        reasoningTokens: 20,
      },
      model: "gpt-5.6-2026-06-01",
      id: "resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654",
    });
  });

  test("the text is told as it comes, and the last event is the end: there is no [DONE]", () => {
    const { deltas, readings } = fixture("text.sse");
    expect(deltas).toEqual([{ text: "A " }, { text: "few " }, { text: "words." }]);
    expect(readings.at(-1)).toBe("done");
  });

  test.each(["tools.sse", "tools.json"])("%s: calls, their arguments in pieces or whole", (name) => {
    const { calls, finish } = said(fixture(name));
    expect(calls).toEqual([
      ["call_F1", "get_weather", { city: "Paris" }],
      ["call_F2", "now", {}],
    ]);
    expect(finish).toEqual(["tool_calls", "stop"]);
  });

  test("W12: summaries of thinking are reasoning, a paragraph each; encrypted thinking goes back", () => {
    const outcome = fixture("reasoning.sse");
    const { text, reasoning, opaque } = said(outcome);
    expect([text, reasoning]).toEqual(["Four.", "**Counting**\n\nTwo and two."]);
    expect(said(fixture("tools.json")).reasoning).toBe(reasoning);
    const again = encoded([hi, outcome.completion!.choices[0]!.message, hi]);
    expect(again.input.slice(1)).toEqual([
      (opaque!["openai-responses"] as unknown[])[0],
      { role: "assistant", content: "Four." },
      { role: "user", content: "Hi." },
    ]);
    expect(again.input[1]).toMatchObject({ type: "reasoning", id: "rs_1", encrypted_content: "gAAAAABo" });
  });

  test("a reached bound ends with length", () => {
    expect(said(fixture("incomplete.json"))).toMatchObject({
      text: "A few",
      finish: ["length", "max_output_tokens"],
    });
  });

  test("a refusal is its text, filtered", () => {
    expect(said(fixture("refusal.json"))).toMatchObject({
      text: "I cannot help with that.",
      finish: ["content_filter", "stop"],
    });
  });

  test("R127: a failed response inside a 200 is its error", () => {
    expect(fixture("failed.json").error).toMatchObject({
      code: "server_error",
      status: 500,
      retryable: true,
    });
    expect(fixture("failed.sse").error).toMatchObject({
      code: "rate_limit",
      status: 429,
      retryAfterMs: 2_500,
      retryable: false,
      partial: { text: "A few" },
    });
    expect(fixture("error.sse").error).toMatchObject({ code: "server_error", status: 500 });
  });

  test.each([
    ["bio_policy", "content_filter"],
    ["invalid_prompt", "bad_request"],
    ["invalid_image_url", "bad_request"],
  ])("a response that failed with %s is %s and not tried again", (code, expected) => {
    const failed = JSON.stringify({ status: "failed", output: [], error: { code, message: "no" } });
    expect(read(failed, json, { format }).error).toMatchObject({ code: expected, retryable: false });
  });

  test.each(["in_progress", "queued", "cancelled"])("a response that is %s is not complete", (status) => {
    const { error } = read(JSON.stringify({ status, output: [] }), json, { format });
    expect(error?.code).toBe("incomplete");
  });

  test("E3: a stream without its last event is incomplete", () => {
    const { error } = read(chunks("openai-responses/text.sse").slice(0, 6).map(bytes), stream, { format });
    expect(error).toMatchObject({ code: "incomplete", partial: { text: "A few " } });
  });

  test("W1, W2: cut anywhere, it reads the same", () => {
    const all = bytes(chunks("openai-responses/tools.sse").join(""));
    const expected = said(fixture("tools.sse"));
    for (let at = 1; at < all.length; at += 29) {
      expect(said(read(cut(all, [at, at + 2]), stream, { format }))).toEqual(expected);
    }
  });
});

describe("requests", () => {
  test("nothing is kept at OpenAI, unless extra says so", () => {
    expect(encoded([hi])).toEqual({
      model: "gpt-4o",
      input: [{ role: "user", content: "Hi." }],
      store: false,
    });
    expect(encoded([hi], { extra: { store: true } }).store).toBe(true);
  });

  test("thinking models send their thinking encrypted, others are not asked to", () => {
    const include = ["reasoning.encrypted_content"];
    expect(encoded([hi], {}, { model: "gpt-5.6" }).include).toEqual(include);
    expect(encoded([hi], {}, { model: "o4-mini" }).include).toEqual(include);
    for (const model of ["gpt-4o", "gpt-5-chat-latest"]) {
      expect(encoded([hi], {}, { model })).not.toHaveProperty("include");
    }
  });

  test("sampling has the API's names; stop is refused before sending", () => {
    const sampling: Sampling = { temperature: 0, maxTokens: 9, topP: 0.5, reasoningEffort: "low" };
    expect(encoded([hi], sampling, { stream: true })).toMatchObject({
      stream: true,
      temperature: 0,
      max_output_tokens: 9,
      top_p: 0.5,
      reasoning: { effort: "low", summary: "auto" },
    });
    expect(encoded([hi], { reasoningEffort: "none" }).reasoning).toEqual({ effort: "none" });
    try {
      encoded([hi], { stop: ["END"] });
      expect.unreachable();
    } catch (error) {
      expect(isTrunklineError(error) && [error.code, error.sent]).toEqual(["bad_request", false]);
    }
  });

  test("a system text in front is the instructions; where prefixes can be marked it is an item", () => {
    expect(encoded([system, hi])).toMatchObject({
      instructions: "Be brief.",
      input: [{ role: "user", content: "Hi." }],
    });
    const newer = encoded([system, hi], {}, { model: "gpt-5.6" });
    expect(newer).not.toHaveProperty("instructions");
    expect(newer.input[0]).toEqual({ role: "system", content: "Be brief." });
  });

  test("calls and their results are items", () => {
    const toolCalls = [{ id: "a", name: "look", arguments: { at: 1 }, argumentsText: '{"at":1}' }];
    expect(
      encoded([
        hi,
        { role: "assistant", content: "", toolCalls },
        { role: "tool", toolCallId: "a", content: "blue" },
      ]).input.slice(1),
    ).toEqual([
      { type: "function_call", call_id: "a", name: "look", arguments: '{"at":1}' },
      { type: "function_call_output", call_id: "a", output: "blue" },
    ]);
  });

  test("tools, and what of them is wanted", () => {
    const tools = [{ name: "look", description: "Looks.", inputSchema: { type: "object" } }];
    const sent = encoded([hi], { tools, toolChoice: { tool: "look" } });
    expect(sent.tools).toEqual([
      {
        type: "function",
        name: "look",
        description: "Looks.",
        parameters: { type: "object" },
        strict: false,
      },
    ]);
    expect(sent.tool_choice).toEqual({ type: "function", name: "look" });
    expect(encoded([hi], { tools, toolChoice: "required" }).tool_choice).toBe("required");
  });

  test("the form of the answer", () => {
    const schema = { type: "object", properties: {}, required: [], additionalProperties: false };
    const formOf = (responseFormat: Sampling["responseFormat"]) =>
      encoded([hi], { responseFormat }).text.format;
    expect(formOf({ type: "text" })).toEqual({ type: "text" });
    expect(formOf({ type: "json" })).toEqual({ type: "json_object" });
    expect(formOf({ type: "json_schema", schema })).toEqual({
      type: "json_schema",
      name: "answer",
      schema,
      strict: true,
    });
  });

  test("media", () => {
    const content = [
      { type: "image", data: "iVBORw0K" },
      { type: "file", data: "JVBERi0x", name: "a.pdf" },
      { type: "file", url: "https://a.test/b.pdf" },
    ] as const;
    expect(encoded([{ role: "user", content }]).input[0].content).toEqual([
      { type: "input_image", image_url: "data:image/png;base64,iVBORw0K", detail: "auto" },
      { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0x" },
      { type: "input_file", file_url: "https://a.test/b.pdf" },
    ]);
  });
});

describe("prefix marks", () => {
  const prefixMark = { ends: [1], key: "k1" };
  const end = { prompt_cache_breakpoint: { mode: "explicit" } };
  const explicit = { mode: "explicit" };
  const chat = (
    model: string,
    marks?: Marks,
    mark: PrefixMark = prefixMark,
    list: readonly Message[] = [system, hi],
  ) => JSON.parse(encodeChat(makeRequest(model, list, {}, {}), { stream: false, prefixMark: mark, marks }));

  test("the key alone, the boundaries, or neither, as the provider takes them", () => {
    expect(chat("gpt-4o", "key")).toEqual({
      model: "gpt-4o",
      prompt_cache_key: "k1",
      messages: [system, hi],
    });
    expect(chat("gpt-5.6", "breakpoints")).toEqual({
      model: "gpt-5.6",
      prompt_cache_key: "k1",
      prompt_cache_options: explicit,
      messages: [{ role: "system", content: [{ type: "text", text: "Be brief.", ...end }] }, hi],
    });
    expect(chat("anthropic/claude-x", "cache_control")).toEqual({
      model: "anthropic/claude-x",
      messages: [
        {
          role: "system",
          content: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
        },
        hi,
      ],
    });
    expect(JSON.stringify(chat("gpt-5.6"))).not.toContain("cache");
  });

  test("a call alone says that nothing is to be written, where a write costs", () => {
    const alone = { ends: [] };
    expect(chat("gpt-5.6", "breakpoints", alone)).toEqual({
      model: "gpt-5.6",
      prompt_cache_options: explicit,
      messages: [system, hi],
    });
    for (const marks of ["key", "cache_control"] as const) {
      expect(JSON.stringify(chat("m", marks, alone))).not.toContain("cache");
    }
    const sent = encoded([system, hi], {}, { model: "gpt-5.6", prefixMark: alone });
    expect(sent.prompt_cache_options).toEqual(explicit);
    expect(JSON.stringify(sent.input)).not.toContain("cache");
    expect(JSON.stringify(encoded([system, hi], {}, { prefixMark: alone }))).not.toContain("cache");
  });

  const talk: readonly Message[] = [
    system,
    {
      role: "user",
      content: [
        { type: "text", text: "See:" },
        { type: "image", url: "https://x.test/a.png" },
      ],
    },
    {
      role: "assistant",
      content: "",
      toolCalls: [{ id: "t", name: "f", arguments: {}, argumentsText: "{}" }],
    },
    { role: "tool", toolCallId: "t", content: "found" },
    hi,
  ];

  test("several ends; where a model or a tool spoke last, what a user said before carries the mark", () => {
    for (const [marks, mark] of [
      ["breakpoints", end],
      ["cache_control", { cache_control: { type: "ephemeral" } }],
    ] as const) {
      const { messages } = chat("gpt-6", marks, { ends: [1, 3, 4, 5], key: "k" }, talk);
      expect(messages[0].content).toEqual([{ type: "text", text: "Be brief.", ...mark }]);
      expect(messages[1].content[0]).toEqual({ type: "text", text: "See:", ...mark });
      expect(messages[4].content).toEqual([{ type: "text", text: "Hi.", ...mark }]);
      expect(JSON.stringify(messages).match(/prompt_cache|cache_control/g)).toHaveLength(3);
    }
    const input = encoded(talk, {}, { model: "gpt-6", prefixMark: { ends: [1, 3, 4], key: "k" } }).input;
    expect(JSON.stringify(input).match(/prompt_cache_breakpoint/g)).toHaveLength(2);
    expect(input[1].content.at(-1)).toMatchObject({ type: "input_image", ...end });
  });

  test("the same in the Responses API", () => {
    const sent = encoded([system, hi], {}, { model: "gpt-5.6", prefixMark });
    expect(sent).toMatchObject({ prompt_cache_key: "k1", prompt_cache_options: explicit });
    expect(sent.input).toEqual([
      { role: "system", content: [{ type: "input_text", text: "Be brief.", ...end }] },
      { role: "user", content: "Hi." },
    ]);
    const older = encoded([system, hi], {}, { prefixMark });
    expect(older.prompt_cache_key).toBe("k1");
    expect(JSON.stringify(older)).not.toMatch(/breakpoint|options/);
  });
});
