import { describe, expect, test } from "vitest";
import type { Delta, RateSignal } from "../../src/core/call.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { lookup } from "../../src/drivers/catalog.ts";
import type { Driver } from "../../src/drivers/driver.ts";
import type { Line } from "../../src/drivers/http-driver.ts";
import { openaiLike } from "../../src/drivers/openai-like.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { callOptions, question } from "./call-options.ts";
import { chat, chunk, events, type FakeAnswer, fakeLine, lost } from "./fake-line.ts";

const clock = new FakeClock();
const driverOn = (line: Line, maxResponseBytes?: number, provider = "openai"): Driver =>
  openaiLike(lookup(`${provider}/m1`).facts, line, { clock, maxResponseBytes });

async function failureOf(promise: Promise<unknown>): Promise<TrunklineError> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(TrunklineError);
  return error as TrunklineError;
}

const fail = (
  answer: FakeAnswer,
  options = callOptions(),
  line = fakeLine([answer]),
): Promise<TrunklineError> => failureOf(driverOn(line).chat(question(), options));

describe("the request", () => {
  test("it carries the call's deadlines and signal, and one body of JSON", async () => {
    const line = fakeLine([chat("Hi.")]);
    const { signal } = new AbortController();
    const times = { timeout: 5_000, firstByteTimeout: 4_000, idleTimeout: 3_000 };
    await driverOn(line).chat(
      question("Q", { temperature: 0, extra: { top_k: 5 } }),
      callOptions({ signal, ...times }),
    );
    const [exchange] = line.exchanges;
    expect(exchange).toMatchObject({ method: "POST", path: "/v1/chat/completions", signal, ...times });
    expect(JSON.parse(exchange!.body as string)).toEqual({
      model: "m1",
      messages: [{ role: "user", content: "Q" }],
      temperature: 0,
      top_k: 5,
    });
    expect(exchange!.headers).toEqual({
      accept: "application/json, text/event-stream, application/x-ndjson",
      "content-type": "application/json",
      "user-agent": "trunkline",
      authorization: "Bearer sk-secret-0001",
    });
  });

  test("headers are made once a key: calls of one Client share the same object", async () => {
    const line = fakeLine([chat("1"), chat("2")]);
    const driver = driverOn(line);
    await driver.chat(question(), callOptions());
    await driver.chat(question(), callOptions());
    expect(line.exchanges[1]!.headers).toBe(line.exchanges[0]!.headers);
  });

  test("headers of the Client and of one call are sent, the call's own last; organization and project too", async () => {
    const line = fakeLine([chat("1"), chat("2")], {
      headers: { "x-team": "blue", "x-trace": "client" },
      organization: "org-1",
      project: "proj-1",
    });
    const driver = driverOn(line);
    await driver.chat(question(), callOptions({ headers: { "X-Trace": "call" } }));
    await driver.chat(question(), callOptions());
    expect(line.exchanges[0]!.headers).toMatchObject({
      "x-team": "blue",
      "x-trace": "call",
      "openai-organization": "org-1",
      "openai-project": "proj-1",
    });
    expect(line.exchanges[1]!.headers["x-trace"]).toBe("client");
  });

  test("N22: a header of a call that cannot be sent is an error without its value, before anything is sent", async () => {
    const line = fakeLine([chat("1")]);
    const error = await failureOf(
      driverOn(line).chat(question(), callOptions({ headers: { "x-token": "very-secret\nvalue" } })),
    );
    expect(error.code).toBe("config");
    expect(error.message).not.toContain("secret");
    expect(line.exchanges).toHaveLength(0);
  });

  test('a server that wants no key gets no authorization (apiKey: "")', async () => {
    const line = fakeLine([chat("1")], { key: "" });
    await driverOn(line).chat(question(), callOptions());
    expect(line.exchanges[0]!.headers).not.toHaveProperty("authorization");
  });

  test("a stream is asked for only where somebody listens", async () => {
    const line = fakeLine([chat("1"), events(chunk("2", "stop"), "data: [DONE]\n\n")]);
    const driver = driverOn(line);
    await driver.chat(question(), callOptions());
    await driver.chat(question(), callOptions({ onDelta() {} }));
    const bodies = line.exchanges.map((exchange) => JSON.parse(exchange.body as string));
    expect(bodies[0].stream).toBeUndefined();
    expect(bodies[1]).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  });
});

describe("rotating keys", () => {
  test("Z11: a key function is asked for each attempt", async () => {
    let asked = 0;
    const line = fakeLine([chat("1"), chat("2")], { key: async () => `sk-rotated-${++asked}` });
    const driver = driverOn(line);
    await driver.chat(question(), callOptions());
    await driver.chat(question(), callOptions());
    expect(line.exchanges.map((exchange) => exchange.headers.authorization)).toEqual([
      "Bearer sk-rotated-1",
      "Bearer sk-rotated-2",
    ]);
  });

  test("Z11: a 401 asks once for a newer key than the refused one, and once more with it", async () => {
    const stale: string[] = [];
    const line: Line & ReturnType<typeof fakeLine> = {
      ...fakeLine([{ status: 401, body: ["{}"] }, chat("Hi.")]),
      async refreshKey(key) {
        stale.push(key);
        return "sk-fresh-0002";
      },
    };
    expect((await driverOn(line).chat(question(), callOptions())).text).toBe("Hi.");
    expect(stale).toEqual(["sk-secret-0001"]);
    expect(line.exchanges[1]!.headers.authorization).toBe("Bearer sk-fresh-0002");
    expect(line.exchanges[1]!.body).toBe(line.exchanges[0]!.body);
  });

  test("Z11: an attempt goes by the key at its place, which alone is renewed; headers are made once a key", async () => {
    const keys = ["sk-first-0000", "sk-second-0000"];
    const renewed: unknown[] = [];
    const line = {
      ...fakeLine([chat("1"), chat("2"), chat("3"), chat("4"), { status: 401, body: ["{}"] }, chat("5")]),
      key: (index = 0) => keys[index]!,
      refreshKey: (stale: string, index?: number) => {
        renewed.push([stale, index]);
        return "sk-newer-0000";
      },
    };
    const { chat: ask } = driverOn(line);
    for (const key of [0, 1, 0, 1, 1]) await ask(question(), callOptions({ key }));
    expect(renewed).toEqual([["sk-second-0000", 1]]);
    const headers = line.exchanges.map((exchange) => exchange.headers);
    expect(headers.map(({ authorization }) => authorization)).toEqual(
      [0, 1, 0, 1, 1].map((key) => `Bearer ${keys[key]}`).concat("Bearer sk-newer-0000"),
    );
    expect([headers[2], headers[3], headers[4]]).toEqual([headers[0], headers[1], headers[1]]);
    expect(headers[2]).toBe(headers[0]);
    expect(headers[3]).toBe(headers[1]);
  });

  test("Z11: a second 401 is the error, and a key that cannot change is not tried twice", async () => {
    const refused = { status: 401, body: ["{}"] };
    const rotating = { ...fakeLine([refused, refused, refused]), refreshKey: () => "sk-fresh-0002" };
    expect((await failureOf(driverOn(rotating).chat(question(), callOptions()))).code).toBe("auth");
    expect(rotating.exchanges).toHaveLength(2);
    const fixed = fakeLine([refused, refused]);
    expect((await failureOf(driverOn(fixed).chat(question(), callOptions()))).code).toBe("auth");
    expect(fixed.exchanges).toHaveLength(1);
  });

  test("nothing is sent when the call's deadline passed while its key was brought", async () => {
    const brings = async (): Promise<string> => {
      await clock.advance(1_001);
      return "sk-late-0001";
    };
    const options = () => callOptions({ deadlineAt: clock.now() + 1_000 });
    const first = fakeLine([chat("Hi.")], { key: brings });
    const again = { ...fakeLine([{ status: 401, body: ["{}"] }, chat("Hi.")]), refreshKey: brings };
    for (const line of [first, again]) {
      const error = await failureOf(driverOn(line).chat(question(), options()));
      expect(error).toMatchObject({ code: "timeout", phase: "total", retryable: false });
    }
    expect([first.exchanges.length, again.exchanges.length]).toEqual([0, 1]);
  });

  test("nothing more is sent when the caller left while a newer key was brought", async () => {
    const controller = new AbortController();
    const reason = new TrunklineError("aborted", "left");
    const line = {
      ...fakeLine([{ status: 401, body: ["{}"] }, chat("1")]),
      async refreshKey() {
        controller.abort(reason);
        return "sk-fresh-0002";
      },
    };
    const error = await failureOf(
      driverOn(line).chat(question(), callOptions({ signal: controller.signal })),
    );
    expect(error).toBe(reason);
    expect(line.exchanges).toHaveLength(1);
  });

  test("nothing is sent when the caller left while a key was brought", async () => {
    const controller = new AbortController();
    const reason = new TrunklineError("aborted", "left");
    const line = fakeLine([chat("1")], {
      key: async () => {
        controller.abort(reason);
        return "sk-rotated-1";
      },
    });
    const error = await failureOf(
      driverOn(line).chat(question(), callOptions({ signal: controller.signal })),
    );
    expect(error).toBe(reason);
    expect(line.exchanges).toHaveLength(0);
  });
});

describe("what the layers above are told", () => {
  test("sent, first byte and limits, in their order", async () => {
    const told: unknown[] = [];
    const watch = {
      onSent: () => told.push("sent"),
      onFirstByte: () => told.push("first"),
      onRate: (signals: readonly RateSignal[]) => told.push(signals),
    };
    const headers = { "x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "900" };
    await driverOn(fakeLine([{ ...chat("1"), headers }])).chat(question(), callOptions({ watch }));
    expect(told).toEqual([
      "sent",
      [expect.objectContaining({ of: "tokens", limit: 1_000, remaining: 900 })],
      "first",
    ]);
  });

  test("limits of a refusal count too, and Groq counts requests by the day", async () => {
    const seen: RateSignal[] = [];
    const watch = { onRate: (signals: readonly RateSignal[]) => void seen.push(...signals) };
    const answer = { status: 429, headers: { "x-ratelimit-limit-requests": "14400" }, body: ["{}"] };
    await failureOf(driverOn(fakeLine([answer]), undefined, "groq").chat(question(), callOptions({ watch })));
    expect(seen).toEqual([{ of: "requests", windowMs: 86_400_000, limit: 14_400 }]);
  });

  test.each([
    ["a refusal", { status: 429, body: ["{}"] }],
    ["a refusal sent as events", { status: 429, ...events('data: {"error":{}}\n\n') }],
    ["an error inside a 200", { body: ['{"error":{"code":500}}'] }],
    ["an error inside a stream", events('data: {"error":{"type":"overloaded_error"}}\n\n')],
    ["a body that is no answer", { body: ["<html></html>"] }],
  ])("%s is no first byte: nothing was answered, so no prefix is warm", async (_, answer) => {
    let first = 0;
    await fail(answer, callOptions({ onDelta() {}, watch: { onFirstByte: () => void first++ } }));
    expect(first).toBe(0);
  });

  test("W4: comments are no first byte and no progress", async () => {
    const told: string[] = [];
    const line = fakeLine([events(": OPENROUTER PROCESSING\n\n", chunk("a", "stop"), "data: [DONE]\n\n")]);
    const options = callOptions({
      onDelta: () => told.push("delta"),
      watch: { onFirstByte: () => told.push("first") },
    });
    await driverOn(line).chat(question(), options);
    expect(line.readings).toEqual(["idle", "progress", "done"]);
    expect(told).toEqual(["delta", "first"]);
  });
});

describe("answers", () => {
  test("a whole body, cut anywhere, is a completion", async () => {
    const bytes = Buffer.from(JSON.stringify(JSON.parse(chat("Grüße, 世界 🌍").body![0] as string)));
    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
    const answer = await driverOn(fakeLine([{ body: pieces }])).chat(question(), callOptions());
    expect(answer).toMatchObject({ text: "Grüße, 世界 🌍", model: "m1-2026", cacheHit: false, id: "c1" });
    expect(answer.usage).toMatchObject({ inputTokens: 3, outputTokens: 2, totalTokens: 5 });
  });

  test("E5: at [DONE] the reader wants no more", async () => {
    const line = fakeLine([events(chunk("a"), chunk("b", "stop"), "data: [DONE]\n\n", "data: garbage\n\n")]);
    const heard: Delta[] = [];
    const answer = await driverOn(line).chat(
      question(),
      callOptions({ onDelta: (delta) => heard.push(delta) }),
    );
    expect(line.readings.at(-1)).toBe("done");
    expect(line.readings).toHaveLength(3);
    expect(answer.text).toBe("ab");
    expect(heard.map((delta) => delta.text).join("")).toBe("ab");
  });

  test("W11: JSON where a stream was asked for is one delta; a stream where none was asked for is an answer", async () => {
    const heard: Delta[] = [];
    const onDelta = (delta: Delta): void => void heard.push(delta);
    await driverOn(fakeLine([chat("Hi.")])).chat(question(), callOptions({ onDelta }));
    expect(heard).toEqual([{ text: "Hi." }]);
    const streamed = fakeLine([events(chunk("Hi.", "stop"), "data: [DONE]\n\n")]);
    expect((await driverOn(streamed).chat(question(), callOptions())).text).toBe("Hi.");
  });

  test.each([
    ["an empty body", { body: [] }, /empty/],
    [
      "an HTML page",
      { headers: { "content-type": "text/html" }, body: ["<!doctype html><h1>Hello</h1>"] },
      /HTML/,
    ],
    ["half a body", { body: ['{"choices":[{"mess'] }, /cut after 18/],
    ["text", { headers: { "content-type": "text/plain" }, body: ["OK"] }, /JSON/],
    ["no choices", { body: ["{}"] }, /choices/],
  ])("R127: %s with status 200 is an error, never an empty text", async (_, answer, says) => {
    const error = await fail(answer);
    expect(["bad_response", "incomplete"]).toContain(error.code);
    expect(error).toMatchObject({ provider: "openai", model: "m1" });
    expect(error.message).toMatch(says);
  });

  test("E1: a 200 with an error body is that error", async () => {
    const error = await fail({ body: ['{"error":{"code":429,"message":"slow down"}}'] });
    expect(error).toMatchObject({ code: "rate_limit", status: 429, retryable: true, provider: "openai" });
  });

  test("E2, E3: an error in a stream, and a stream without an end, carry what had come", async () => {
    const onDelta = (): void => {};
    const inside = await fail(
      events(chunk("half an "), 'data: {"error":{"type":"overloaded_error"}}\n\n'),
      callOptions({ onDelta }),
    );
    expect(inside).toMatchObject({ code: "overloaded", retryable: false, partial: { text: "half an " } });
    const cut = await fail(events(chunk("half an ")), callOptions({ onDelta }));
    expect(cut).toMatchObject({ code: "incomplete", partial: { text: "half an " } });
  });

  test("compressed bytes that nobody asked for are named, and read no further", async () => {
    const line = fakeLine([
      { headers: { "content-encoding": "gzip" }, body: [Uint8Array.of(31, 139, 8), "more"] },
    ]);
    const error = await failureOf(driverOn(line).chat(question(), callOptions()));
    expect(error.code).toBe("bad_response");
    expect(error.message).toContain("gzip");
    expect(line.readings).toEqual(["done"]);
  });

  test("W6: a body above the bound is an error that ends the reading", async () => {
    const line = fakeLine([{ body: [`{"a":"${"x".repeat(600)}`, "y".repeat(600), "never asked for"] }]);
    const error = await failureOf(driverOn(line, 1_000).chat(question(), callOptions()));
    expect(error.code).toBe("bad_response");
    expect(error.message).toContain("1000 bytes");
    expect(line.readings).toEqual(["progress", "done"]);
  });
});

describe("statuses", () => {
  test.each([
    [301, "not_found"],
    [400, "bad_request"],
    [401, "auth"],
    [402, "quota"],
    [403, "permission"],
    [404, "not_found"],
    [408, "server_error"],
    [429, "rate_limit"],
    [500, "server_error"],
    [502, "server_error"],
    [503, "overloaded"],
    [529, "overloaded"],
  ])("R127, L7, L8: %i is %s, whatever the body is", async (status, code) => {
    for (const body of [[], ["<html>Bad gateway</html>"], ['{"choices":[{"message":{"content":"x"}}]}']]) {
      const error = await fail({ status, body });
      expect(error).toMatchObject({ code, status, provider: "openai", model: "m1" });
    }
  });

  test("a refusal in compressed bytes is still a refusal", async () => {
    const answer = {
      status: 429,
      headers: { "content-encoding": "gzip" },
      body: [Uint8Array.of(31, 139, 8)],
    };
    expect(await fail(answer)).toMatchObject({ code: "rate_limit", status: 429 });
  });

  test("hints and ids of a refusal are in the error; secrets are not", async () => {
    const line = fakeLine(
      [
        {
          status: 429,
          headers: { "retry-after-ms": "1500", "x-request-id": "req-7" },
          body: [
            '{"error":{"message":"key plain-key-0001 of client-header-value and call-header-value: wait"}}',
          ],
        },
      ],
      { headers: { "x-token": "client-header-value" }, key: "plain-key-0001" },
    );
    const error = await failureOf(
      driverOn(line).chat(question(), callOptions({ headers: { "x-call": "call-header-value" } })),
    );
    expect(error).toMatchObject({ code: "rate_limit", retryAfterMs: 1_500, requestId: "req-7" });
    expect(error.message).toContain("wait");
    for (const secret of ["plain-key-0001", "client-header-value", "call-header-value"]) {
      expect(error.message).not.toContain(secret);
    }
  });
});

describe("exchanges that break", () => {
  test("before any answer: the pool's error, named, and left unchanged for the others that share it", async () => {
    const end = lost();
    const error = await fail({ status: 0, end });
    expect(error).toMatchObject({ code: "network", provider: "openai", model: "m1", retryable: true });
    expect(error.message).toBe(end.message);
    expect(end.provider).toBeUndefined();
  });

  test("in a stream: the error carries the partial text", async () => {
    const error = await fail({ ...events(chunk("half an ")), end: lost() }, callOptions({ onDelta() {} }));
    expect(error).toMatchObject({ code: "network", partial: { text: "half an " } });
  });

  test("E4: after the finish reason the answer is whole, though the connection broke", async () => {
    const line = fakeLine([{ ...events(chunk("whole", "stop")), end: lost() }]);
    expect((await driverOn(line).chat(question(), callOptions())).text).toBe("whole");
  });

  test("in a body of JSON: a cut body is cut, even where it reads as whole", async () => {
    let heard = 0;
    const error = await fail({ ...chat("Hi."), end: lost() }, callOptions({ onDelta: () => void heard++ }));
    expect([error.code, heard]).toEqual(["network", 0]);
  });

  test("in a refusal: the status says more than the break", async () => {
    const answer = { status: 429, headers: { "retry-after": "2" }, body: ['{"error":'], end: lost() };
    expect(await fail(answer)).toMatchObject({ code: "rate_limit", retryAfterMs: 2_000 });
  });

  test("an abort is the caller's reason, unchanged", async () => {
    const controller = new AbortController();
    const reason = new TrunklineError("aborted", "left");
    const left = fail(chat("Hi."), callOptions({ signal: controller.signal }));
    controller.abort(reason);
    expect(await left).toBe(reason);
  });
});
