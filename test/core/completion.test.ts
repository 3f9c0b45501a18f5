import { describe, expect, test } from "vitest";
import { completion, usageOf } from "../../src/core/completion.ts";

const config = (message: string) =>
  expect.objectContaining({ code: "config", message: expect.stringContaining(message) });

describe("completion", () => {
  test("R101: has choices with content and finish reason, usage, model and the cache flag", () => {
    expect(completion("Hi.", { inputTokens: 3, outputTokens: 2 })).toEqual({
      text: "Hi.",
      choices: [{ index: 0, message: { role: "assistant", content: "Hi." }, finishReason: "stop" }],
      usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5, cachedInputTokens: 0, cacheWriteTokens: 0 },
      model: "",
      cacheHit: false,
    });
  });

  test("the provider's own words travel beside the unified ones", () => {
    const raw = { prompt_tokens: 3 };
    const answer = completion("", {
      finishReason: "length",
      rawFinishReason: "MAX_TOKENS",
      rawUsage: raw,
      reasoningTokens: 0,
      reasoning: "hm",
      id: "id-1",
      model: "m",
    });
    expect(answer.choices[0]).toMatchObject({ finishReason: "length", rawFinishReason: "MAX_TOKENS" });
    expect(answer.choices[0]!.message.reasoning).toBe("hm");
    expect(answer.usage.raw).toBe(raw);
    expect(answer.usage.reasoningTokens).toBe(0);
    expect(answer).toMatchObject({ id: "id-1", model: "m" });
  });

  test("tool calls set the finish reason unless one is given", () => {
    const toolCalls = [{ id: "1", name: "f", arguments: {}, argumentsText: "{}" }];
    expect(completion("", { toolCalls }).choices[0]).toMatchObject({
      finishReason: "tool_calls",
      message: { toolCalls },
    });
    expect(completion("", { toolCalls, finishReason: "length" }).choices[0]!.finishReason).toBe("length");
    expect(completion("", { toolCalls: [] }).choices[0]).toEqual(completion("").choices[0]);
  });

  test("a text, a reason or a count of the wrong kind names itself", () => {
    expect(() => completion(undefined as never)).toThrow(
      config("completion: text: expected a string, got undefined"),
    );
    expect(() => completion("", { finishReason: "done" as never })).toThrow(
      config("finishReason: expected one of stop"),
    );
    for (const wrong of [-1, 1.5, Number.NaN, "3" as never]) {
      expect(() => usageOf({ inputTokens: wrong })).toThrow(config("completion: inputTokens"));
    }
    expect(() => usageOf({ reasoningTokens: -1 })).toThrow(config("completion: reasoningTokens"));
  });
});
