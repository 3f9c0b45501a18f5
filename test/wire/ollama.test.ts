import { describe, expect, test } from "vitest";
import { isTrunklineError } from "../../src/core/errors.ts";
import type { Message } from "../../src/core/message.ts";
import { makeRequest, type Sampling } from "../../src/core/request.ts";
import { encodeRequest, ollama, ollamaEmbeddings } from "../../src/wire/ollama.ts";
import { body, chunks } from "../fixtures/read.ts";
import { lines, readFixture, said } from "./fixture.ts";
import { bytes, cut, json, read } from "./support.ts";

const format = ollama;
const fixture = (name: string) => readFixture(format, `ollama/${name}`);
const encoded = (messages: readonly Message[], sampling: Sampling = {}) =>
  JSON.parse(encodeRequest(makeRequest("llama3.2", messages, sampling, {}), { stream: false }));
const refused = (encode: () => unknown): unknown => {
  try {
    encode();
  } catch (error) {
    return isTrunklineError(error) && [error.code, error.sent];
  }
  return "it was sent";
};

const hi: Message = { role: "user", content: "Hi." };
const raw = {
  total_duration: 4_883_583_458,
  load_duration: 1_334_875,
  prompt_eval_count: 26,
  prompt_eval_duration: 342_546_000,
  eval_count: 282,
  eval_duration: 4_535_599_000,
};

describe("answers", () => {
  test.each(["text.ndjson", "text.json"])("%s: text, tokens, and durations in the raw usage", (name) => {
    expect(said(fixture(name))).toMatchObject({
      text: "A few words.",
      finish: ["stop", "stop"],
      usage: { inputTokens: 26, outputTokens: 282, totalTokens: 308, raw },
      model: "llama3.2",
    });
  });

  test("each line is a delta, the last one the end", () => {
    const { deltas, readings } = fixture("text.ndjson");
    expect(deltas).toEqual([{ text: "A " }, { text: "few " }, { text: "words." }]);
    expect(readings).toEqual(["progress", "progress", "progress", "done"]);
  });

  test("W9: calls come whole, under numbers that repeat; one without an id gets one", () => {
    const { calls, finish } = said(fixture("tools.ndjson"));
    expect(calls).toEqual([
      ["call_8tk1", "get_weather", { city: "Tokyo" }],
      ["call_1", "now", {}],
    ]);
    expect(finish).toEqual(["tool_calls", "stop"]);
  });

  test("W12: thinking is reasoning, and a limit is a limit", () => {
    expect(said(fixture("thinking.ndjson"))).toMatchObject({
      text: "Four.",
      reasoning: "Two and two.",
      finish: ["length", "length"],
    });
  });

  test("R127: an error line after 200 is an error with what had come", () => {
    expect(fixture("error.ndjson").error).toMatchObject({
      code: "server_error",
      retryable: false,
      partial: { text: "A few" },
    });
  });

  test.each([
    ["error-404.json", 404, "not_found"],
    ["error-503.json", 503, "overloaded"],
  ])("%s: a failing status is its error", (name, status, code) => {
    expect(read(body(`ollama/${name}`), { status }, { format }).error).toMatchObject({ code, status });
  });

  test("E3: lines without the last one are incomplete", () => {
    const { error } = read(chunks("ollama/text.ndjson").slice(0, 3).map(bytes), lines, { format });
    expect(error).toMatchObject({ code: "incomplete", partial: { text: "A few words." } });
  });

  test("a last line without its line end counts when it is whole", () => {
    const whole = chunks("ollama/text.ndjson").join("").trimEnd();
    expect(said(read(whole, lines, { format })).text).toBe("A few words.");
    expect(read(whole.slice(0, -5), lines, { format }).error?.code).toBe("incomplete");
  });

  test("W11: lines where none were announced, and one object where lines were", () => {
    const streamed = chunks("ollama/text.ndjson").join("");
    expect(said(read(streamed, json, { format })).text).toBe("A few words.");
    expect(said(read(JSON.stringify(JSON.parse(body("ollama/text.json"))), lines, { format })).text).toBe(
      "A few words.",
    );
  });

  test("a web page where lines were announced is told as one", () => {
    const { error } = read("<!doctype html><title>Oops</title>", lines, { format });
    expect(error?.code).toBe("bad_response");
    expect(error?.message).toContain("HTML");
  });

  test("an answer that says nothing is no answer", () => {
    const silent = JSON.stringify({ message: { role: "assistant", content: "" }, done: true });
    expect(read(silent, json, { format }).error?.code).toBe("bad_response");
  });

  test("W1, W2: cut anywhere, it reads the same", () => {
    const all = bytes(chunks("ollama/tools.ndjson").join("").replace("Tokyo", "Tōkyō 🗼"));
    const [, first] = said(read([all], lines, { format })).calls!;
    for (let at = 1; at < all.length; at += 3) {
      const { calls } = said(read(cut(all, [at, at + 1]), lines, { format }));
      expect(calls).toEqual([["call_8tk1", "get_weather", { city: "Tōkyō 🗼" }], first]);
    }
  });
});

describe("requests", () => {
  test("not to stream must be said", () => {
    expect(encoded([hi])).toEqual({
      model: "llama3.2",
      messages: [{ role: "user", content: "Hi." }],
      stream: false,
    });
  });

  test("sampling goes into options, with Ollama's names; extra joins both", () => {
    const sampling: Sampling = {
      temperature: 0,
      maxTokens: 9,
      topP: 0.5,
      stop: ["END"],
      seed: 7,
      extra: { keep_alive: "10m", options: { num_ctx: 8_192 } },
    };
    expect(encoded([hi], sampling)).toMatchObject({
      keep_alive: "10m",
      options: { temperature: 0, num_predict: 9, top_p: 0.5, stop: ["END"], seed: 7, num_ctx: 8_192 },
    });
  });

  test("JSON, with and without a schema", () => {
    const schema = { type: "object" };
    expect(encoded([hi], { responseFormat: { type: "json" } }).format).toBe("json");
    expect(encoded([hi], { responseFormat: { type: "json_schema", schema } }).format).toEqual(schema);
    expect(encoded([hi], { responseFormat: { type: "text" } })).not.toHaveProperty("format");
  });

  test.each([
    ["none", false],
    ["minimal", "low"],
    ["medium", "medium"],
    ["xhigh", "max"],
  ] as const)("effort %s is think %s", (reasoningEffort, think) => {
    expect(encoded([hi], { reasoningEffort }).think).toBe(think);
  });

  test("R107: images by their bytes, beside the text; an address is refused before sending", () => {
    const picture = { type: "image", data: new Uint8Array([0x89, 0x50, 0x4e, 0x47]) } as const;
    const content = [{ type: "text", text: "What is it?" }, picture] as const;
    expect(encoded([{ role: "user", content }]).messages).toEqual([
      { role: "user", content: "What is it?", images: ["iVBORw=="] },
    ]);
    const far = { role: "user", content: [{ type: "image", url: "https://a.test/b.png" }] } as const;
    expect(refused(() => encoded([far]))).toEqual(["bad_request", false]);
  });

  test("calls have objects for arguments, results the name of their tool", () => {
    const toolCalls = [{ id: "a", name: "look", arguments: { at: 1 }, argumentsText: '{"at":1}' }];
    expect(
      encoded([
        hi,
        { role: "assistant", content: "", toolCalls, reasoning: "hm" },
        { role: "tool", toolCallId: "a", content: "blue" },
      ]).messages.slice(1),
    ).toEqual([
      {
        role: "assistant",
        content: "",
        thinking: "hm",
        tool_calls: [{ id: "a", function: { name: "look", arguments: { at: 1 } } }],
      },
      { role: "tool", content: "blue", tool_name: "look", tool_call_id: "a" },
    ]);
  });

  test("tools are offered or not; to demand a call is refused before sending", () => {
    const tools = [{ name: "look", description: "Looks.", inputSchema: { type: "object" } }];
    const sent = [
      {
        type: "function",
        function: { name: "look", description: "Looks.", parameters: { type: "object" } },
      },
    ];
    expect(encoded([hi], { tools }).tools).toEqual(sent);
    expect(encoded([hi], { tools, toolChoice: "auto" }).tools).toEqual(sent);
    expect(encoded([hi], { tools, toolChoice: "none" })).not.toHaveProperty("tools");
    for (const toolChoice of ["required", { tool: "look" }] as const) {
      expect(refused(() => encoded([hi], { tools, toolChoice }))).toEqual(["bad_request", false]);
    }
  });
});

test("embeddings: the vectors, and the tokens of the texts", () => {
  const { completion } = read(body("ollama/embed.json"), json, { format: ollamaEmbeddings });
  expect(completion).toMatchObject({
    vectors: [
      [0.25, -0.5, 1],
      [0.125, 0, -1],
    ],
    usage: { inputTokens: 7, outputTokens: 0, totalTokens: 7 },
    model: "all-minilm",
  });
});
