import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Completion } from "../../src/core/completion.ts";
import { decodeAnswer } from "../../src/wire/openai-chat/decode-answer.ts";
import { ChunkWriter, encodeAnswer } from "../../src/wire/openai-chat.ts";
import { answer, bytes, clock, cut, factsOf, json, read } from "./support.ts";

const good = (body: string): Completion => decodeAnswer(body, factsOf());
const fail = (body: string) => read(body, json).error;

test("an answer becomes a completion", () => {
  const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };
  expect(good(answer({ content: "Hi." }, "stop", { usage }))).toEqual({
    text: "Hi.",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "Hi." },
        finishReason: "stop",
        rawFinishReason: "stop",
      },
    ],
    usage: {
      inputTokens: 9,
      outputTokens: 4,
      totalTokens: 13,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      raw: usage,
    },
    model: "said",
    cacheHit: false,
    id: "a1",
  });
});

test("a byte order mark before the JSON is read over", () => {
  expect(read(`\ufeff${answer({ content: "Hi." })}`, json).completion?.text).toBe("Hi.");
});

describe("E1: an error inside a 200 body", () => {
  const cases: readonly (readonly [string, unknown, object])[] = [
    ["a code", { error: { code: 429, message: "m" } }, { code: "rate_limit", status: 429, retryable: true }],
    ["quota", { error: { code: 429, type: "insufficient_quota" } }, { code: "quota", retryable: false }],
    ["a code as text", { error: { code: "502" } }, { code: "server_error", status: 502, retryable: true }],
    ["a word", { error: { type: "overloaded_error" } }, { code: "overloaded", status: 529, retryable: true }],
    ["a string", { error: "it broke" }, { code: "server_error", retryable: true }],
    [
      "with choices empty",
      { error: { code: 401 }, choices: [] },
      { code: "auth", status: 401, retryable: false },
    ],
    ["in a list", [{ error: { code: 503, status: "UNAVAILABLE" } }], { code: "overloaded", status: 503 }],
    ["flat, of a proxy", { statusCode: 404, message: "m" }, { code: "not_found", status: 404 }],
    ["flat, of a framework", { detail: "Not authenticated" }, { code: "server_error" }],
    [
      "in the first choice",
      { choices: [{ finish_reason: "error", error: { code: 429 }, message: { content: "" } }] },
      { code: "rate_limit", status: 429, retryable: true },
    ],
    [
      "in a choice without a message",
      { choices: [{ error: { code: 503 } }] },
      { code: "overloaded", status: 503 },
    ],
    [
      "a finish reason alone",
      { choices: [{ finish_reason: "error", message: { content: "" } }] },
      { code: "server_error" },
    ],
  ];
  for (const [title, body, expected] of cases) {
    test(title, () => {
      const error = fail(JSON.stringify(body));
      expect(error).toMatchObject({ ...expected, provider: "prov", model: "asked" });
      expect(error?.partial).toBeUndefined();
    });
  }
  test("in a choice with text: the text is the partial", () => {
    const body = {
      choices: [{ finish_reason: "error", error: { code: 502 }, message: { content: "so far" } }],
    };
    expect(fail(JSON.stringify(body))?.partial?.text).toBe("so far");
  });
});

describe("no answer", () => {
  const cases: readonly (readonly [string, string, string, RegExp])[] = [
    ["an empty body", "", "bad_response", /an empty body/],
    ["blank lines", "\n\n", "bad_response", /an empty body/],
    ["HTML", "<!DOCTYPE html><p>secret</p>", "bad_response", /an HTML page/],
    ["text", "secret upstream text", "bad_response", /20 characters that are not JSON/],
    ["broken JSON", '{"secret": oops}', "bad_response", /not JSON/],
    ["JSON of another kind", '"secret"', "bad_response", /JSON object/],
    ["null", "null", "bad_response", /JSON object/],
    ["no choices", '{"id":"secret"}', "bad_response", /no choices/],
    ["choices empty", '{"choices":[]}', "bad_response", /no choices/],
    ["choices of another kind", '{"choices":"secret"}', "bad_response", /no choices/],
    [
      "a choice without a message",
      '{"choices":[{"text":"secret"}]}',
      "bad_response",
      /choice 0 .* no message/,
    ],
    [
      "a call without a name",
      '{"choices":[{"message":{"tool_calls":[{"id":"secret"}]}}]}',
      "bad_response",
      /no name/,
    ],
    [
      "M6: JSON that was cut",
      '{"choices":[{"message":{"content":"secret',
      "incomplete",
      /cut after 41 characters/,
    ],
  ];
  for (const [title, body, code, message] of cases) {
    test(title, () => {
      const error = fail(body);
      expect(error).toMatchObject({ code, status: 200, provider: "prov", model: "asked" });
      expect(error?.message).toMatch(message);
      expect(error?.message).not.toContain("secret");
    });
  }
  test("a body beyond the bound ends the reading", () => {
    const pieces = Array.from({ length: 20 }, () => bytes(" {     ".repeat(20)));
    const { error, readings } = read(pieces, json, { maxBytes: 1000 });
    expect(error).toMatchObject({ code: "bad_response" });
    expect(readings.length).toBe(8);
  });
});

describe("no silent text", () => {
  for (const content of [null, undefined, 7]) {
    test(`content ${content} with nothing beside it is a bad response`, () => {
      expect(fail(answer({ content }))?.code).toBe("bad_response");
    });
  }
  test("an empty text that was meant is returned", () => {
    expect(good(answer({ content: "" })).text).toBe("");
  });
  test("a limit or a filter explains silence", () => {
    expect(good(answer({ content: null }, "length")).choices[0]?.finishReason).toBe("length");
    expect(good(answer({ content: null }, "content_filter")).choices[0]?.finishReason).toBe("content_filter");
  });
  test("W12: reasoning with content null is an answer", () => {
    const { text, choices } = good(answer({ content: null, reasoning_content: "hm" }));
    expect([text, choices[0]?.message]).toEqual(["", { role: "assistant", content: "", reasoning: "hm" }]);
  });
  test("a refusal is its text, filtered", () => {
    const { text, choices } = good(answer({ content: null, refusal: "I cannot." }));
    expect(text).toBe("I cannot.");
    expect(choices[0]).toMatchObject({ finishReason: "content_filter", rawFinishReason: "stop" });
  });
  test("one choice that speaks is enough", () => {
    const choices = [
      { index: 0, message: { content: null } },
      { index: 1, message: { content: "x" } },
    ];
    expect(good(JSON.stringify({ choices })).choices.map((c) => c.message.content)).toEqual(["", "x"]);
  });
});

test("choices come in the order of their indexes, the first one's text is the text", () => {
  const choices = [
    { index: 1, message: { content: "b" }, finish_reason: "stop" },
    { index: 0, message: { content: "a" }, finish_reason: "stop" },
  ];
  const { text, choices: got } = good(JSON.stringify({ choices }));
  expect([text, ...got.map((choice) => choice.message.content)]).toEqual(["a", "a", "b"]);
});

describe("finish reasons", () => {
  const table: readonly (readonly [string | null, string])[] = [
    ["stop", "stop"],
    ["STOP", "stop"],
    ["eos", "stop"],
    ["eos_token", "stop"],
    ["length", "length"],
    ["MAX_TOKENS", "length"],
    ["tool_calls", "tool_calls"],
    ["function_call", "tool_calls"],
    ["content_filter", "content_filter"],
    ["SAFETY", "content_filter"],
    ["something new", "other"],
    ["__proto__", "other"],
    [null, "stop"],
  ];
  for (const [raw, unified] of table) {
    test(`${raw} is ${unified}, the raw word is kept`, () => {
      expect(good(answer({ content: "x" }, raw)).choices[0]).toMatchObject({
        finishReason: unified,
        ...(raw !== null && { rawFinishReason: raw }),
      });
    });
  }
  test("tool calls that ended with stop are tool calls", () => {
    const tool_calls = [{ id: "a", type: "function", function: { name: "f", arguments: '{"x":1}' } }];
    const [choice] = good(answer({ content: null, tool_calls }, "stop")).choices;
    expect(choice).toMatchObject({ finishReason: "tool_calls", rawFinishReason: "stop" });
    expect(choice?.message.toolCalls).toEqual([
      { id: "a", name: "f", arguments: { x: 1 }, argumentsText: '{"x":1}' },
    ]);
  });
});

describe("usage", () => {
  const plain = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
  const cases: readonly (readonly [string, unknown, object])[] = [
    [
      "OpenAI's",
      {
        ...plain,
        prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
        completion_tokens_details: { reasoning_tokens: 8 },
      },
      {
        inputTokens: 100,
        outputTokens: 20,
        totalTokens: 120,
        cachedInputTokens: 60,
        cacheWriteTokens: 30,
        reasoningTokens: 8,
      },
    ],
    [
      "DeepSeek's cache",
      { ...plain, prompt_cache_hit_tokens: 64, prompt_cache_miss_tokens: 36 },
      { cachedInputTokens: 64 },
    ],
    [
      "Anthropic's names through a router",
      { ...plain, cache_read_input_tokens: 10, cache_creation_input_tokens: 20 },
      { cachedInputTokens: 10, cacheWriteTokens: 20 },
    ],
    [
      "LiteLLM's cache writes",
      { ...plain, prompt_tokens_details: { cache_creation_tokens: 5 } },
      { cacheWriteTokens: 5 },
    ],
    [
      "input and output names",
      { input_tokens: 7, output_tokens: 3 },
      { inputTokens: 7, outputTokens: 3, totalTokens: 10 },
    ],
    [
      "thinking only in the total",
      { ...plain, total_tokens: 150, completion_tokens_details: { reasoning_tokens: 30 } },
      { outputTokens: 50, totalTokens: 150, reasoningTokens: 30 },
    ],
    [
      "negative, broken and odd numbers",
      { prompt_tokens: -5, completion_tokens: 3.6, total_tokens: "x", prompt_tokens_details: [] },
      { inputTokens: 0, outputTokens: 4, totalTokens: 4, cachedInputTokens: 0 },
    ],
    [
      "parts beyond the whole",
      {
        ...plain,
        prompt_tokens_details: { cached_tokens: 500 },
        completion_tokens_details: { reasoning_tokens: 90 },
      },
      { cachedInputTokens: 100, reasoningTokens: 20 },
    ],
    [
      "1e400 and infinity",
      { prompt_tokens: 1e300, completion_tokens: null },
      { inputTokens: 0, outputTokens: 0 },
    ],
  ];
  for (const [title, raw, expected] of cases) {
    test(title, () => {
      const { usage } = good(answer({ content: "x" }, "stop", { usage: raw }));
      expect(usage).toMatchObject(expected);
      expect(usage.raw).toEqual(raw);
    });
  }
  test("none, or nonsense, is zero", () => {
    const zero = {
      inputTokens: 0,
      outputTokens: 0,
      totalTokens: 0,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
    };
    for (const usage of [undefined, null, "x", [], 7]) {
      expect(good(answer({ content: "x" }, "stop", { usage })).usage).toEqual(zero);
    }
  });
  test("any JSON gives counts that are whole and not negative", () => {
    const number = fc.oneof(fc.double(), fc.integer(), fc.jsonValue({ maxDepth: 1 }));
    const raw = fc.record(
      {
        prompt_tokens: number,
        completion_tokens: number,
        total_tokens: number,
        prompt_tokens_details: fc.record({ cached_tokens: number }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(raw, (usage) => {
        const { raw: _, ...counts } = good(answer({ content: "x" }, "stop", { usage })).usage;
        for (const count of Object.values(counts))
          expect(Number.isSafeInteger(count) && (count as number) >= 0).toBe(true);
      }),
    );
  });
});

const text = fc.string({ unit: "grapheme", maxLength: 30 });
const word = fc.string({ minLength: 1, maxLength: 8 });
const toolCalls = fc.uniqueArray(
  fc.record({ id: word, name: word, args: fc.dictionary(word, fc.jsonValue({ maxDepth: 1 })) }),
  { minLength: 1, maxLength: 3, selector: (call) => call.id },
);
/** Completions as any driver may give them, said in words of this format. */
const completion: fc.Arbitrary<Completion> = fc
  .record({
    turns: fc.array(
      fc.record({
        text,
        reasoning: fc.option(fc.string({ minLength: 1 })),
        calls: fc.option(toolCalls),
        long: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    input: fc.nat(9999),
    output: fc.nat(9999),
    cached: fc.nat(100),
    reasoningTokens: fc.option(fc.nat(50)),
  })
  .map(({ turns, input, output, cached, reasoningTokens }) => {
    const choices = turns.map(({ text: content, reasoning, calls, long }, index) => {
      const finishReason = long ? "length" : calls === null ? "stop" : "tool_calls";
      return {
        index,
        message: {
          role: "assistant" as const,
          content,
          ...(calls !== null && {
            toolCalls: calls.map(({ id, name, args }) => {
              const argumentsText = JSON.stringify(args);
              return { id, name, arguments: JSON.parse(argumentsText), argumentsText };
            }),
          }),
          ...(reasoning !== null && { reasoning }),
        },
        finishReason,
        rawFinishReason: finishReason,
      } as const;
    });
    return {
      text: choices[0]!.message.content,
      choices,
      usage: {
        inputTokens: input,
        outputTokens: output,
        totalTokens: input + output,
        cachedInputTokens: Math.min(cached, input),
        cacheWriteTokens: 0,
        ...(reasoningTokens !== null && { reasoningTokens: Math.min(reasoningTokens, output) }),
      },
      model: "m",
      cacheHit: false,
      id: "c1",
    };
  });

const withoutRaw = (value: Completion | undefined): unknown =>
  value && { ...value, usage: { ...value.usage, raw: undefined } };

describe("both directions", () => {
  const created = clock.wall() / 1000;

  test("a completion comes back from its JSON", () => {
    fc.assert(
      fc.property(completion, (sent) => {
        const body = encodeAnswer(sent, { id: "other", created });
        expect(withoutRaw(good(body))).toEqual(withoutRaw(sent));
      }),
    );
  });

  test("a completion comes back from its stream, cut anywhere", () => {
    fc.assert(
      fc.property(completion, fc.array(fc.nat(5000), { maxLength: 6 }), (sent, places) => {
        const writer = new ChunkWriter({ id: "c1", created, model: "m", usage: true });
        const { completion: got, error } = read(cut(bytes(writer.whole(sent)), places));
        if (error !== undefined) throw error;
        expect(withoutRaw(got)).toEqual(withoutRaw(sent));
      }),
    );
  });

  test("the JSON has what official clients look for", () => {
    const sent = good(
      answer({ content: null, tool_calls: [{ id: "a", function: { name: "f", arguments: "{}" } }] }),
    );
    expect(JSON.parse(encodeAnswer({ ...sent, id: undefined }, { id: "mine", created: 5 }))).toEqual({
      id: "mine",
      object: "chat.completion",
      created: 5,
      model: "said",
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: null,
            tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }],
          },
          logprobs: null,
          finish_reason: "tool_calls",
        },
      ],
      usage: {
        prompt_tokens: 0,
        completion_tokens: 0,
        total_tokens: 0,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    });
  });

  test("a stream without a delta still begins its choice", () => {
    const writer = new ChunkWriter({ id: "c1", created: 5, model: "m", usage: false });
    const [first] = writer.finish(good(answer({ content: "" }))).split("\n\n");
    expect(JSON.parse(first!.slice(6)).choices[0].delta).toEqual({ role: "assistant", content: "" });
  });

  test("the stream has what official clients look for", () => {
    const writer = new ChunkWriter({ id: "c1", created: 5, model: "m", usage: false });
    const sent = good(answer({ content: "Hi." }));
    const lines = (writer.delta({ text: "Hi." }) + writer.finish(sent)).split("\n\n").slice(0, -1);
    const head = { id: "c1", object: "chat.completion.chunk", created: 5, model: "m" };
    expect(lines.slice(0, -1).map((line) => JSON.parse(line.slice(6)))).toEqual([
      { ...head, choices: [{ index: 0, delta: { role: "assistant", content: "Hi." }, finish_reason: null }] },
      { ...head, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
    ]);
    expect(lines.at(-1)).toBe("data: [DONE]");
  });
});
