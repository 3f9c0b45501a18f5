import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { newRecord, type RateSignal } from "../../src/core/call.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { Message } from "../../src/core/message.ts";
import { type Input, makeRequest, type Sampling } from "../../src/core/request.ts";
import type { DriverOptions } from "../../src/drivers/driver.ts";
import {
  isRefusal,
  type Question,
  type SimulatedAnswer,
  type SimulatedModel,
  type SimulatedModelOptions,
  simulatedDriver,
  simulatedModel,
} from "../../src/drivers/simulated.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

const never = Number.POSITIVE_INFINITY;
const options = (more: Partial<DriverOptions> = {}): DriverOptions => ({
  deadlineAt: never,
  timeout: never,
  firstByteTimeout: never,
  idleTimeout: never,
  queueTimeout: never,
  maxQueue: never,
  maxRetries: 0,
  abandonAfter: never,
  priority: "interactive",
  fairnessKey: "test",
  prefixSharing: false,
  watch: {},
  record: newRecord(0),
  ...more,
});
const ask = (input: Input, sampling: Sampling = {}) => makeRequest("m", input, sampling, {});

function answerOf(model: SimulatedModel, question: Question): SimulatedAnswer {
  const answer = model.ask(question);
  if (isRefusal(answer)) throw new Error(`refused with ${answer.status}`);
  return answer;
}

const make = (more: Partial<SimulatedModelOptions> = {}) =>
  simulatedModel({ clock: new FakeClock(), ...more });

describe("answers", () => {
  test("are the same for the same seed and request, and others otherwise", () => {
    const text = (seed: number, prompt: string, sampling?: Sampling) =>
      answerOf(make({ seed }), ask(prompt, sampling)).choices[0]!.text;
    expect(text(1, "Hi.")).toBe(text(1, "Hi."));
    const others = [text(2, "Hi."), text(1, "Ho."), text(1, "Hi.", { seed: 5 })];
    for (const other of others) expect(other).not.toBe(text(1, "Hi."));
  });

  test("count 4 characters a token and stream in as many pieces", () => {
    const answer = answerOf(make({ answer: () => "Grüße, 🌍🌎🌏!" }), ask("12345678"));
    expect(answer.choices[0]!.tokens).toEqual(["Grüß", "e, 🌍", "🌎🌏!"]);
    // "user\n12345678\n" has 14 characters.
    expect(answer.usage).toMatchObject({
      inputTokens: 4,
      outputTokens: 3,
      totalTokens: 7,
      cachedInputTokens: 0,
    });
  });

  test("keep maxTokens, stop and n", () => {
    const model = make({ answer: () => "one two three four" });
    const choice = (sampling: Sampling) => answerOf(model, ask("Hi.", sampling)).choices[0];
    expect(choice({ maxTokens: 2 })).toMatchObject({ text: "one two ", finishReason: "length" });
    expect(choice({ stop: ["four", " two"] })).toMatchObject({ text: "one", finishReason: "stop" });
    const { choices } = answerOf(make(), ask("Hi.", { n: 3 }));
    expect(new Set(choices.map(({ text }) => text)).size).toBe(3);
  });

  test("fit the schema that is asked for, and call the tool that is insisted on", () => {
    const schema = { type: "object", properties: { mood: { enum: ["joy", "fear"] } }, required: ["mood"] };
    const { choices } = answerOf(make(), ask("Hi.", { responseFormat: { type: "json_schema", schema } }));
    expect(["joy", "fear"]).toContain(JSON.parse(choices[0]!.text).mood);
    const tools = [{ name: "look", inputSchema: schema }];
    const called = answerOf(make(), ask("Hi.", { tools, toolChoice: { tool: "look" } })).choices[0]!;
    expect(called).toMatchObject({ text: "", finishReason: "tool_calls", toolCall: { name: "look" } });
    expect(JSON.parse(called.tokens.join(""))).toEqual(called.toolCall?.arguments);
    expect(answerOf(make(), ask("Hi.", { tools })).choices[0]!.toolCall).toBeUndefined();
  });
});

describe("the prefix cache", () => {
  const system = "You are a careful assistant. ".repeat(600); // 17,400 characters, 4,350 tokens
  const agent = (i: number, text = system): Question => ({
    model: "m",
    messages: [
      { role: "system", content: text },
      { role: "user", content: `row ${i}` },
    ],
  });
  const use = (model: SimulatedModel, question: Question) => {
    const answer = answerOf(model, question);
    const { cachedInputTokens, cacheWriteTokens } = answer.usage;
    return { answer, read: cachedInputTokens, written: cacheWriteTokens };
  };

  test("is written by all who start together, and read once the first answer has begun", () => {
    const model = make({ prefixCache: {} });
    const together = [use(model, agent(0)), use(model, agent(1))];
    expect(together.map(({ read, written }) => [read, written])).toEqual([
      [0, 4_352],
      [0, 4_352],
    ]);
    together[0]!.answer.begin();
    expect(use(model, agent(2))).toMatchObject({ read: 4_352, written: 0 });
    const { inputTokens } = together[0]!.answer.usage;
    expect(model.stats).toMatchObject({
      readTokens: 4_352,
      writtenTokens: 2 * 4_352,
      plainTokens: 3 * inputTokens - 3 * 4_352,
    });
  });

  test("an answer that never began leaves nothing to read", () => {
    const model = make({ prefixCache: {} });
    use(model, agent(0));
    expect(use(model, agent(0))).toMatchObject({ read: 0, written: 4_352 });
  });

  test("holds for its lifetime after the last use", async () => {
    const clock = new FakeClock();
    const model = make({ clock, prefixCache: { lifetimeMs: 1_000 } });
    use(model, agent(0)).answer.begin();
    await clock.advance(999);
    expect(use(model, agent(0)).read).toBe(4_352);
    await clock.advance(999);
    expect(use(model, agent(0)).read).toBe(4_352);
    await clock.advance(1_000);
    expect(use(model, agent(0))).toMatchObject({ read: 0, written: 4_352 });
  });

  test("keeps models apart, and different beginnings", () => {
    const model = make({ prefixCache: {} });
    use(model, agent(0)).answer.begin();
    expect(use(model, { ...agent(0), model: "other" }).read).toBe(0);
    expect(use(model, agent(0, `!${system}`)).read).toBe(0);
  });

  test("has a minimum, for the prompt and for the match", () => {
    const model = make({ prefixCache: { minTokens: 1_024 } });
    const short = use(model, agent(0, system.slice(0, 4_000)));
    expect(short).toMatchObject({ read: 0, written: 0 });
    const first = use(model, agent(0));
    first.answer.begin();
    // The first 3,500 characters are the same: 6 blocks, 768 tokens, too few to be read.
    expect(use(model, agent(0, `${system.slice(0, 3_500)}${"x".repeat(9_000)}`)).read).toBe(0);
    expect(use(model, agent(0, `${system.slice(0, 6_000)}${"x".repeat(9_000)}`)).read).toBe(11 * 128);
  });
});

describe("limits", () => {
  test("L4: a 429 says how long to wait, in headers and words, and waiting that long is enough", async () => {
    const clock = new FakeClock();
    const model = make({ clock, requestsPerMinute: 2 });
    answerOf(model, ask("Hi."));
    const { headers } = answerOf(model, ask("Hi."));
    expect(headers).toMatchObject({
      "x-ratelimit-limit-requests": "2",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "1m0s",
    });
    const refused = model.ask(ask("Hi."));
    expect(refused).toMatchObject({
      status: 429,
      headers: { "retry-after": "30", "retry-after-ms": "30000" },
      error: { code: "rate_limit_exceeded" },
    });
    await clock.advance(29_999);
    expect(isRefusal(model.ask(ask("Hi.")))).toBe(true);
    await clock.advance(1);
    answerOf(model, ask("Hi."));
    expect(model.stats).toMatchObject({ requests: 5, rateLimited: 2 });
  });

  test("tokens are taken with maxTokens as the bound of the answer, all or none", () => {
    const model = make({ requestsPerMinute: 10, tokensPerMinute: 1_000 });
    answerOf(model, ask("Hi.", { maxTokens: 600 }));
    expect(model.ask(ask("Hi.", { maxTokens: 600 }))).toMatchObject({ status: 429 });
    const { headers } = answerOf(model, ask("Hi.", { maxTokens: 100 }));
    // The refused one took no request.
    expect(headers["x-ratelimit-remaining-requests"]).toBe("8");
    expect(headers["x-ratelimit-remaining-tokens"]).toBe("294");
  });

  test("L14: what can never fit is refused as too large, not as a wait", () => {
    expect(make({ tokensPerMinute: 100 }).ask(ask("Hi.", { maxTokens: 101 }))).toMatchObject({ status: 413 });
  });
});

describe("the driver", () => {
  const latency = { firstTokenMs: 100, perTokenMs: 10 };
  const answer = () => "one two three four"; // 5 tokens

  test("takes its time by the clock: a plain answer comes whole, after its last token", async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    const watch = {
      onSent: () => seen.push(`sent ${clock.now()}`),
      onFirstByte: () => seen.push(`byte ${clock.now()}`),
      onRate: (signals: readonly RateSignal[]) => seen.push(`${signals[0]?.remaining} left`),
    };
    const driver = simulatedDriver({ clock, latency, answer, requestsPerMinute: 9 });
    const pending = driver
      .chat(ask("Hi."), options({ watch }))
      .then((got) => seen.push(`${got.text} ${clock.now()}`));
    await clock.advance(1_000);
    await pending;
    expect(seen).toEqual(["sent 0", "byte 140", "8 left", "one two three four 140"]);
    expect(clock.pending).toBe(0);
  });

  test("streams token by token", async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    const driver = simulatedDriver({ clock, latency, answer });
    const pending = driver.chat(
      ask("Hi."),
      options({ onDelta: ({ text }) => seen.push(`${clock.now()}:${text}`) }),
    );
    await clock.advance(1_000);
    expect((await pending).text).toBe("one two three four");
    expect(seen).toEqual(["100:one ", "110:two ", "120:thre", "130:e fo", "140:ur"]);
  });

  test.each([
    ["before the first byte of a plain answer", false, { firstByteTimeout: 139 }, "first_byte", 139],
    ["before the first byte of a stream", true, { firstByteTimeout: 99 }, "first_byte", 99],
    ["between tokens", true, { idleTimeout: 9 }, "idle", 109],
    ["in the middle of a stream", true, { timeout: 125 }, "total", 125],
    ["before the end of a plain answer", false, { timeout: 125 }, "total", 125],
  ] as const)("keeps deadlines: %s", async (_, streamed, limits, phase, at) => {
    const clock = new FakeClock();
    const driver = simulatedDriver({ clock, latency, answer });
    const failed = driver
      .chat(ask("Hi."), options({ ...limits, ...(streamed && { onDelta() {} }) }))
      .then(undefined, (error) => [error.code, error.phase, clock.now()]);
    await clock.advance(1_000);
    expect(await failed).toEqual(["timeout", phase, at]);
    expect(clock.pending).toBe(0);
  });

  test("a deadline that is just met is not missed", async () => {
    const clock = new FakeClock();
    const driver = simulatedDriver({ clock, latency, answer });
    const exact = { timeout: 140, firstByteTimeout: 100, idleTimeout: 10, onDelta() {} };
    const pending = driver.chat(ask("Hi."), options(exact));
    await clock.advance(1_000);
    expect((await pending).text).toBe("one two three four");
  });

  test("N12: an abort stops it at once, and its listener is gone", async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const reason = new TrunklineError("aborted", "enough");
    const seen: string[] = [];
    const driver = simulatedDriver({ clock, latency, answer, prefixCache: {} });
    const onDelta = ({ text }: { text: string }) => {
      seen.push(text);
      if (seen.length === 2) controller.abort(reason);
    };
    const pending = driver.chat(ask("Hi."), options({ signal: controller.signal, onDelta }));
    const failed = expect(pending).rejects.toBe(reason);
    await clock.advance(1_000);
    await failed;
    expect(seen).toEqual(["one ", "two "]);
    expect([clock.pending, getEventListeners(controller.signal, "abort").length]).toEqual([0, 0]);
  });

  test("a listener that throws ends the call with its error", async () => {
    const clock = new FakeClock();
    const driver = simulatedDriver({ clock, latency, answer });
    const onDelta = () => {
      throw new Error("mine");
    };
    const failed = expect(driver.chat(ask("Hi."), options({ onDelta }))).rejects.toThrow("mine");
    await clock.advance(1_000);
    await failed;
    expect(clock.pending).toBe(0);
  });

  test("a refusal is the error that its status stands for, with the hint", async () => {
    const clock = new FakeClock();
    const driver = simulatedDriver({
      clock,
      requestsPerMinute: 1,
      latency: { firstTokenMs: 0, perTokenMs: 0 },
    });
    const rates: (readonly RateSignal[])[] = [];
    const watch = { onRate: (signals: readonly RateSignal[]) => rates.push(signals) };
    const first = driver.chat(ask("Hi."), options());
    await clock.advance(0);
    await first;
    await expect(driver.chat(ask("Hi."), options({ watch }))).rejects.toMatchObject({
      code: "rate_limit",
      status: 429,
      retryAfterMs: 60_000,
      provider: "simulated",
    });
    expect(rates).toEqual([[{ of: "requests", windowMs: 60_000, limit: 1, remaining: 0, resetMs: 60_000 }]]);
  });

  test("several drivers may share one model, and with it limits and cache", async () => {
    const clock = new FakeClock();
    const model = simulatedModel({ clock, requestsPerMinute: 1, latency: { firstTokenMs: 0 } });
    const [a, b] = [simulatedDriver({ clock, model }), simulatedDriver({ clock, model })];
    const first = a.chat(ask("Hi."), options());
    await expect(b.chat(ask("Hi."), options())).rejects.toMatchObject({ code: "rate_limit" });
    await clock.advance(10_000);
    await first;
  });

  test("media, tools and past tool calls count as a few tokens", () => {
    const messages: Message[] = [
      {
        role: "user",
        content: [
          { type: "image", url: "https://x.test/a.png" },
          { type: "text", text: "What is it?" },
        ],
      },
      {
        role: "assistant",
        content: "",
        toolCalls: [{ id: "c", name: "look", arguments: {}, argumentsText: "{}" }],
      },
      { role: "tool", toolCallId: "c", content: "a cat" },
    ];
    const tokens = (list: Message[]) => answerOf(make(), ask(list)).usage.inputTokens;
    expect(tokens(messages)).toBeGreaterThan(tokens(messages.slice(0, 1)) + 10);
    const tools = [{ name: "look", inputSchema: { type: "object" } }];
    expect(answerOf(make(), ask("Hi.", { tools })).usage.inputTokens).toBeGreaterThan(10);
  });
});
