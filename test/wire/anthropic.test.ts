import { describe, expect, test } from "vitest";
import { isTrunklineError } from "../../src/core/errors.ts";
import type { Message } from "../../src/core/message.ts";
import { makeRequest, type Sampling } from "../../src/core/request.ts";
import { anthropicMessages, encodeRequest } from "../../src/wire/anthropic-messages.ts";
import type { Encoding } from "../../src/wire/encoding.ts";
import { body, chunks } from "../fixtures/read.ts";
import { readFixture, said } from "./fixture.ts";
import { bytes, cut, events, read, stream } from "./support.ts";

const format = anthropicMessages;
const fixture = (name: string) => readFixture(format, `anthropic/${name}`);
const encoded = (
  messages: readonly Message[],
  sampling: Sampling = {},
  { model = "claude-sonnet-4-6", ...how }: Partial<Encoding> & { model?: string } = {},
) => JSON.parse(encodeRequest(makeRequest(model, messages, sampling, {}), { stream: false, ...how }));

const hi: Message = { role: "user", content: "Hi." };
const system: Message = { role: "system", content: "Be brief." };

describe("answers", () => {
  const usage = {
    inputTokens: 1_125,
    outputTokens: 15,
    totalTokens: 1_140,
    cachedInputTokens: 1_000,
    cacheWriteTokens: 100,
  };

  test.each(["text.sse", "text.json"])("%s: text, and usage with the cache counted in", (name) => {
    expect(said(fixture(name))).toMatchObject({
      text: "A few words.",
      finish: ["stop", "end_turn"],
      usage,
      model: "claude-sonnet-4-6",
      id: "msg_01XFDUDYJgAACzvnptvVoYEL",
    });
  });

  test("W4: a ping is no progress, the end is the end", () => {
    expect(fixture("text.sse").readings).toEqual([
      "progress",
      "progress",
      "idle",
      "progress",
      "progress",
      "progress",
      "progress",
      "progress",
      "done",
    ]);
  });

  test.each(["tools.sse", "tools.json"])(
    "%s: calls with their arguments, none for an empty input",
    (name) => {
      const { text, calls, finish } = said(fixture(name));
      expect(text).toBe("Let me check.");
      expect(calls).toEqual([
        ["toolu_01T1x1fJ34qAmk2tNTrN7Up6", "get_weather", { location: "San Francisco, CA" }],
        ["toolu_02", "now", {}],
      ]);
      expect(finish).toEqual(["tool_calls", "tool_use"]);
    },
  );

  test("pieces of a call are told as they come", () => {
    const calls = fixture("tools.sse").deltas.flatMap(({ toolCall }) => toolCall ?? []);
    expect(calls.slice(0, 3)).toEqual([
      { index: 0, id: "toolu_01T1x1fJ34qAmk2tNTrN7Up6", name: "get_weather" },
      { index: 0, argumentsText: '{"location":' },
      { index: 0, argumentsText: ' "San Francisco, CA"}' },
    ]);
  });

  test("thinking is reasoning; its signed blocks are kept and go back as they came, in front", () => {
    const outcome = fixture("thinking.sse");
    const { text, reasoning, opaque, usage: counted } = said(outcome);
    expect([text, reasoning]).toEqual(["The GCD is 21.", "I need to find the GCD."]);
    expect(counted).toMatchObject({ inputTokens: 40, outputTokens: 120, reasoningTokens: 100 });
    const blocks = [
      {
        type: "thinking",
        thinking: "I need to find the GCD.",
        signature: "EqQBCgIYAhIM1gbcDa9GJwZA2b3h",
      },
      { type: "redacted_thinking", data: "EmwKAhgBEgy3va3pzix" },
    ];
    expect(opaque).toEqual({ anthropic: blocks });
    const again = encoded([hi, outcome.completion!.choices[0]!.message, hi]);
    expect(again.messages[1].content).toEqual([...blocks, { type: "text", text: "The GCD is 21." }]);
  });

  test("thinking without a signature is shown, not kept", () => {
    const whole = JSON.stringify({
      content: [
        { type: "thinking", thinking: "hm", signature: "" },
        { type: "text", text: "x" },
      ],
      stop_reason: "end_turn",
    });
    expect(said(read(whole, {}, { format }))).toMatchObject({ reasoning: "hm", opaque: undefined });
  });

  test.each([
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["refusal", "content_filter"],
    ["pause_turn", "other"],
  ])("it ended with %s: %s", (reason, finishReason) => {
    const whole = JSON.stringify({ content: [{ type: "text", text: "x" }], stop_reason: reason });
    expect(said(read(whole, {}, { format })).finish).toEqual([finishReason, reason]);
  });

  test("a refusal without a word is an answer that the filter withheld", () => {
    expect(said(fixture("refusal.json"))).toMatchObject({ text: "", finish: ["content_filter", "refusal"] });
  });

  test("R127: an error in the stream carries its status and what had come", () => {
    expect(fixture("overloaded.sse").error).toMatchObject({
      code: "overloaded",
      status: 529,
      retryable: false,
      partial: { text: "A few" },
    });
  });

  test.each([
    ["error-429.json", 429, "rate_limit", true],
    ["error-spend.json", 429, "quota", false],
    ["error-529.json", 529, "overloaded", true],
  ])("%s is %s %s", (name, status, code, retryable) => {
    const { error } = read(body(`anthropic/${name}`), { status }, { format });
    expect(error).toMatchObject({ code, retryable, status });
    expect(error!.requestId).toMatch(/^req_/);
  });

  test("W1, W2: cut anywhere, it reads the same", () => {
    const all = bytes(body("anthropic/tools.sse").replaceAll("↵", "\n").replaceAll("\n\n\n", "\n\n"));
    const expected = said(fixture("tools.sse"));
    for (let at = 1; at < all.length; at += 17) {
      expect(said(read(cut(all, [at, at + 5]), stream, { format }))).toEqual(expected);
    }
  });

  test("E3: a stream that ends before its stop reason is incomplete; message_stop alone may be lost", () => {
    const pieces = chunks("anthropic/text.sse").map(bytes);
    expect(read(pieces.slice(0, 5), stream, { format }).error).toMatchObject({
      code: "incomplete",
      partial: { text: "A few " },
    });
    expect(said(read(pieces.slice(0, -1), stream, { format })).text).toBe("A few words.");
  });

  test("W10: a block with a hostile index is malformed", () => {
    for (const index of [-1, 1e9, "__proto__"]) {
      const event = { type: "content_block_start", index, content_block: { type: "text", text: "" } };
      expect(read(events(event), stream, { format }).error?.code).toBe("bad_response");
    }
  });

  test("blocks and events of kinds that are not known are read over", () => {
    const body = events(
      { type: "message_start", message: { id: "m" } },
      {
        type: "content_block_start",
        index: 0,
        content_block: { type: "server_tool_use", id: "s", name: "web_search", input: {} },
      },
      {
        type: "content_block_delta",
        index: 0,
        delta: { type: "input_json_delta", partial_json: '{"query":"x"}' },
      },
      { type: "content_block_stop", index: 0 },
      { type: "something_new" },
      { type: "content_block_start", index: 1, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "found" } },
      { type: "message_delta", delta: { stop_reason: "end_turn" } },
      { type: "message_stop" },
    );
    expect(said(read(body, stream, { format }))).toMatchObject({ text: "found", calls: undefined });
  });
});

describe("requests", () => {
  test("a bound is always sent: the call's, or 4,096", () => {
    expect(encoded([hi])).toEqual({
      model: "claude-sonnet-4-6",
      max_tokens: 4_096,
      messages: [{ role: "user", content: [{ type: "text", text: "Hi." }] }],
    });
    expect(encoded([hi], { maxTokens: 9 }).max_tokens).toBe(9);
  });

  test("sampling has Anthropic's names; what it has no word for stays out", () => {
    const sampling = { temperature: 1, topP: 0.9, stop: ["END"], seed: 7, extra: { top_k: 5 } };
    expect(encoded([hi], sampling, { stream: true })).toMatchObject({
      stream: true,
      temperature: 1,
      top_p: 0.9,
      stop_sequences: ["END"],
      top_k: 5,
    });
    expect(encoded([hi], sampling)).not.toHaveProperty("seed");
  });

  test("system messages become `system`, wherever they stood", () => {
    const { system: sent, messages } = encoded([system, hi, { role: "system", content: "In German." }]);
    expect(sent).toEqual([
      { type: "text", text: "Be brief." },
      { type: "text", text: "In German." },
    ]);
    expect(messages).toHaveLength(1);
  });

  test("calls and their results; results of parallel calls stand in one turn", () => {
    const call = (id: string) => ({ id, name: "look", arguments: { id }, argumentsText: `{"id":"${id}"}` });
    const { messages } = encoded([
      hi,
      { role: "assistant", content: "", toolCalls: [call("a"), call("b")] },
      { role: "tool", toolCallId: "a", content: "1" },
      { role: "tool", toolCallId: "b", content: [{ type: "text", text: "2" }] },
      hi,
    ]);
    expect(messages.slice(1)).toEqual([
      {
        role: "assistant",
        content: ["a", "b"].map((id) => ({ type: "tool_use", id, name: "look", input: { id } })),
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "a", content: "1" },
          { type: "tool_result", tool_use_id: "b", content: [{ type: "text", text: "2" }] },
        ],
      },
      { role: "user", content: [{ type: "text", text: "Hi." }] },
    ]);
  });

  test.each([
    ["auto", { type: "auto" }],
    ["none", { type: "none" }],
    ["required", { type: "any" }],
    [{ tool: "look" }, { type: "tool", name: "look" }],
  ] as const)("toolChoice %j", (toolChoice, sent) => {
    const tools = [{ name: "look", description: "Looks.", inputSchema: { type: "object" } }];
    expect(encoded([hi], { tools, toolChoice })).toMatchObject({
      tools: [{ name: "look", description: "Looks.", input_schema: { type: "object" } }],
      tool_choice: sent,
    });
  });

  test("images and documents, by bytes and by address", () => {
    const content = [
      { type: "image", data: new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0xd, 0xa]) },
      { type: "image", url: "https://a.test/b.png" },
      { type: "image", url: "data:image/gif;base64,R0lGODlh" },
      { type: "file", data: "JVBERi0x", name: "a.pdf" },
      { type: "file", data: "aGk=", mediaType: "text/markdown" },
      { type: "file", url: "https://a.test/b.pdf" },
    ] as const;
    expect(encoded([{ role: "user", content }]).messages[0].content).toEqual([
      { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0K" } },
      { type: "image", source: { type: "url", url: "https://a.test/b.png" } },
      { type: "image", source: { type: "base64", media_type: "image/gif", data: "R0lGODlh" } },
      {
        type: "document",
        source: { type: "base64", media_type: "application/pdf", data: "JVBERi0x" },
        title: "a.pdf",
      },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "hi" } },
      { type: "document", source: { type: "url", url: "https://a.test/b.pdf" } },
    ]);
  });

  test("a schema is closed, and what the API cannot hold is told in words", () => {
    const schema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      properties: {
        age: { type: "integer", minimum: 0, description: "Years." },
        tags: { type: "array", items: { type: "object", properties: {} }, maxItems: 3 },
        when: { oneOf: [{ type: "string", format: "date" }, { type: "null" }] },
      },
      required: ["age"],
    };
    const { output_config } = encoded([hi], { responseFormat: { type: "json_schema", schema } });
    expect(output_config.format).toEqual({
      type: "json_schema",
      schema: {
        type: "object",
        properties: {
          age: { type: "integer", description: "Years.\n\n{minimum: 0}" },
          tags: {
            type: "array",
            items: { type: "object", properties: {}, additionalProperties: false },
            description: "{maxItems: 3}",
          },
          when: { anyOf: [{ type: "string", format: "date" }, { type: "null" }] },
        },
        required: ["age"],
        additionalProperties: false,
      },
    });
  });

  test("JSON without a schema is refused before sending; text is no format", () => {
    expect(encoded([hi], { responseFormat: { type: "text" } })).not.toHaveProperty("output_config");
    try {
      encoded([hi], { responseFormat: { type: "json" } });
      expect.unreachable();
    } catch (error) {
      expect(isTrunklineError(error) && [error.code, error.sent]).toEqual(["bad_request", false]);
    }
  });

  test.each([
    ["claude-sonnet-4-5-20250929", "low", undefined, 6_144, { type: "enabled", budget_tokens: 2_048 }],
    ["claude-opus-4-20250514", "high", 3_000, 3_000, { type: "enabled", budget_tokens: 1_976 }],
    ["claude-haiku-4-5", "minimal", 500, 500, { type: "enabled", budget_tokens: 1_024 }],
    ["claude-opus-4-7", "xhigh", undefined, 36_864, { type: "adaptive", display: "summarized" }],
    ["claude-sonnet-4-6", "none", undefined, 4_096, { type: "disabled" }],
  ] as const)("%s thinks with effort %s", (model, reasoningEffort, maxTokens, bound, thinking) => {
    const sent = encoded([hi], { reasoningEffort, ...(maxTokens && { maxTokens }) }, { model });
    expect([sent.max_tokens, sent.thinking]).toEqual([bound, thinking]);
    const effort = thinking.type === "adaptive" ? { effort: reasoningEffort } : undefined;
    expect(sent.output_config).toEqual(effort);
  });
});

describe("prefix marks", () => {
  const mark = { cache_control: { type: "ephemeral" } };
  const tools = [{ name: "look", inputSchema: {} }];
  const marked = (messages: number, list: readonly Message[]) =>
    encoded(list, { tools }, { prefixMark: { ends: [messages], key: "k" } });

  test("nothing is marked unasked", () => {
    expect(JSON.stringify(encoded([system, hi], { tools }))).not.toContain("cache_control");
  });

  test("the last block of the prefix carries the mark, and no other", () => {
    for (const [messages, find] of [
      [0, (body: ReturnType<typeof marked>) => body.tools[0]],
      [1, (body: ReturnType<typeof marked>) => body.system[0]],
      [2, (body: ReturnType<typeof marked>) => body.messages[0].content[0]],
    ] as const) {
      const body = marked(messages, [system, hi, hi]);
      expect(find(body)).toMatchObject(mark);
      expect(JSON.stringify(body).match(/cache_control/g)).toHaveLength(1);
    }
  });

  test("each prefix ends with its own, and a call alone with none", () => {
    const body = encoded([system, hi, hi, hi], { tools }, { prefixMark: { ends: [0, 1, 3], key: "k" } });
    expect([body.tools[0], body.system[0], body.messages[1].content[0]]).toMatchObject([mark, mark, mark]);
    expect(JSON.stringify(body).match(/cache_control/g)).toHaveLength(3);
    const alone = encoded([system, hi], { tools }, { prefixMark: { ends: [] } });
    expect(JSON.stringify(alone)).not.toContain("cache");
  });

  test("thinking cannot carry it: the block before or after does", () => {
    const opaque = { anthropic: [{ type: "thinking", thinking: "hm", signature: "s" }] };
    const call = { id: "a", name: "look", arguments: {}, argumentsText: "{}" };
    const body = marked(2, [hi, { role: "assistant", content: "", toolCalls: [call], opaque }, hi]);
    expect(body.messages[1].content[1]).toMatchObject({ type: "tool_use", ...mark });
    const silent = marked(2, [hi, { role: "assistant", content: "", opaque }, hi]);
    expect(silent.messages[0].content[0]).toMatchObject(mark);
    expect(JSON.stringify(silent).match(/cache_control/g)).toHaveLength(1);
  });
});
