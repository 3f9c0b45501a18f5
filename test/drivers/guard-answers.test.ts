import { describe, expect, test } from "vitest";
import type { Delta } from "../../src/core/call.ts";
import { type Completion, completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { ChatRequest } from "../../src/core/request.ts";
import type { DriverOptions } from "../../src/drivers/driver.ts";
import { type Driver, trusted } from "../../src/drivers/driver.ts";
import { guard } from "../../src/drivers/guard.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { callOptions, question } from "./call-options.ts";

type Chat = (request: ChatRequest, options: DriverOptions) => unknown;

function driverOf(chat: Chat): Driver {
  return {
    name: "outsider",
    abilities: { images: true, files: true, tools: true, responseFormat: "json_schema", choices: true },
    chat: chat as Driver["chat"],
  };
}

const parts = { clock: new FakeClock(), logger: () => console };
const ask = (chat: Chat, options: Partial<DriverOptions> = {}, request = question()): Promise<Completion> =>
  guard(driverOf(chat), parts)(request, callOptions(options));

async function failure(promise: Promise<unknown>): Promise<TrunklineError> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(TrunklineError);
  return error as TrunklineError;
}

const hi = completion("Hi.", {
  inputTokens: 3,
  outputTokens: 2,
  model: "m1",
  rawUsage: { prompt_tokens: 3 },
});

describe("answers of outside drivers", () => {
  test.each([
    ["text", { ...hi, text: 5 }, "text: expected a string, got 5"],
    ["model", { ...hi, model: undefined }, "model: expected a string, got undefined"],
    ["choices", { ...hi, choices: [] }, "choices: expected a list of at least one, got an array of 0"],
    [
      "content",
      { ...hi, choices: [{ ...hi.choices[0], message: { role: "assistant", content: null } }] },
      "choices[0].message.content: expected a string, got null",
    ],
    [
      "finishReason",
      { ...hi, choices: [{ ...hi.choices[0], finishReason: "done" }] },
      'choices[0].finishReason: expected one of "stop", "length"',
    ],
    [
      "toolCalls",
      {
        ...hi,
        choices: [
          { ...hi.choices[0], message: { role: "assistant", content: "", toolCalls: [{ id: "1" }] } },
        ],
      },
      "choices[0].message.toolCalls[0].name: expected a string, got undefined",
    ],
    ["usage", { ...hi, usage: undefined }, "usage: expected an object, got undefined"],
    [
      "usage.inputTokens",
      { ...hi, usage: { ...hi.usage, inputTokens: -1 } },
      "usage.inputTokens: expected a whole number of 0 or more, got -1",
    ],
    ["text beside another content", { ...hi, text: "Ho." }, "text: expected the content of the first choice"],
    ["nothing", undefined, "expected a completion, got undefined"],
    ["a string", "Hi.", 'expected a completion, got "Hi."'],
  ])("a wrong %s is named with what was expected and what came", async (_, came, says) => {
    const error = await failure(ask(async () => came));
    expect(error).toMatchObject({
      code: "bad_response",
      provider: "outsider",
      model: "m1",
      retryable: false,
    });
    expect(error.message).toContain("outsider");
    expect(error.message).toContain(says);
  });

  test("every wrong field is named, not only the first", async () => {
    const error = await failure(
      ask(async () => ({ ...hi, text: 1, model: 2, usage: { ...hi.usage, totalTokens: "x" } })),
    );
    expect(error.message).toMatch(/text: .*model: .*usage\.totalTokens: /);
  });

  test("an answer without a promise around it is an answer", async () => {
    expect((await ask(() => hi)).text).toBe("Hi.");
  });

  test("classes, getters, functions and strange members never leave the guard", async () => {
    class Usage {
      inputTokens = 3;
      outputTokens = 2;
      totalTokens = 5;
      cachedInputTokens = 0;
      cacheWriteTokens = 0;
      raw = { at: new Date(0), call() {}, __proto__: { polluted: true } };
    }
    class Answer {
      text = "Hi.";
      model = "m1";
      cacheHit = false;
      usage = new Usage();
      secret = () => "x";
      get choices() {
        return [{ ...hi.choices[0], client: this }];
      }
    }
    const answer = await ask(async () => new Answer());
    expect(JSON.parse(JSON.stringify(answer))).toEqual(answer);
    expect(Object.getPrototypeOf(answer)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(answer.usage)).toBe(Object.prototype);
    expect(Object.keys(answer).sort()).toEqual(["cacheHit", "choices", "model", "text", "usage"]);
    expect(answer.usage.raw).toEqual({ at: "1970-01-01T00:00:00.000Z" });
  });

  test("the driver cannot change an answer after it was given", async () => {
    const kept = structuredClone(hi) as { text: string; usage: { inputTokens: number } };
    const answer = await ask(async () => kept);
    kept.text = "changed";
    kept.usage.inputTokens = 999;
    expect(answer).toEqual(hi);
  });

  test("what JSON cannot hold is an error that names its place", async () => {
    const raw: Record<string, unknown> = {};
    raw.self = raw;
    const error = await failure(ask(async () => ({ ...hi, usage: { ...hi.usage, raw } })));
    expect(error.message).toContain("usage.raw: expected plain data");
  });

  test("our own drivers are trusted: their answer is handed on as it is", async () => {
    const call = guard(trusted(driverOf(async () => hi)), parts);
    expect(await call(question(), callOptions())).toBe(hi);
  });
});

describe("errors of drivers", () => {
  const http = (status: number, member = "status") =>
    Object.assign(new Error("it said no"), { [member]: status });

  test.each([
    [http(401), { code: "auth", status: 401, retryable: false }],
    [http(404, "statusCode"), { code: "not_found", status: 404 }],
    [
      Object.assign(new Error("axios"), { response: { status: 429 } }),
      { code: "rate_limit", retryable: true },
    ],
    [http(503), { code: "overloaded", status: 503, retryable: true }],
    [http(500), { code: "server_error", status: 500, retryable: true }],
    [Object.assign(new Error("refused"), { code: "ECONNREFUSED" }), { code: "network", sent: false }],
    [Object.assign(new Error("reset"), { code: "ECONNRESET" }), { code: "network", retryable: true }],
    [
      new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code: "UND_ERR_SOCKET" }) }),
      { code: "network", retryable: true },
    ],
    [
      new TypeError("fetch failed", {
        cause: new AggregateError([Object.assign(new Error("x"), { code: "ECONNREFUSED" })]),
      }),
      { code: "network", sent: false },
    ],
    [new DOMException("too slow", "TimeoutError"), { code: "timeout", phase: "total" }],
    [new TypeError("x is not a function"), { code: "server_error", retryable: false }],
    [new Error("the model is loading"), { code: "server_error", retryable: true }],
    ["just a string", { code: "server_error" }],
    [undefined, { code: "server_error" }],
  ])("R127, E2: %s gets a code, and stays as the cause", async (thrown, expected) => {
    const error = await failure(ask(async () => Promise.reject(thrown)));
    expect(error).toMatchObject({ ...expected, provider: "outsider", model: "m1" });
    expect(error.cause).toBe(thrown);
    expect(error.sent).toBe("sent" in expected ? false : undefined);
    expect(error.message).toContain("outsider failed");
  });

  test("an error that cannot even be read ends the call all the same", async () => {
    const hostile = {
      get status() {
        throw new Error("no");
      },
    };
    const error = await failure(ask(async () => Promise.reject(hostile)));
    expect(error.code).toBe("server_error");
    expect(error.cause).toBe(hostile);
    const nameless = Object.assign(new Error("x"), { name: Symbol("odd") });
    expect((await failure(ask(async () => Promise.reject(nameless)))).code).toBe("server_error");
  });

  test("a driver's own TrunklineError keeps its facts and gains provider and model", async () => {
    const thrown = new TrunklineError("rate_limit", "slow down", {
      retryAfterMs: 1_500,
      requestId: "r1",
      cause: 7,
    });
    const error = await failure(ask(async () => Promise.reject(thrown)));
    expect(error).toMatchObject({
      code: "rate_limit",
      message: "slow down",
      retryable: true,
      retryAfterMs: 1_500,
      requestId: "r1",
      provider: "outsider",
      model: "m1",
      cause: 7,
    });
    expect(thrown.provider).toBeUndefined();
  });

  test("an abort that a driver reports belongs to its caller and stays as it is", async () => {
    const thrown = new TrunklineError("aborted", "left");
    expect(await failure(ask(async () => Promise.reject(thrown)))).toBe(thrown);
    expect(thrown.provider).toBeUndefined();
  });

  test.each([
    ["a header", 'Headers.append: "Bearer abc.def-0123456789" is an invalid header value.', "abc.def"],
    ["a key", "no such key: sk-proj-0123456789abcdef", "0123456789"],
    ["an address with a password", "cannot fetch http://me:passw0rd@a.test/x", "passw0rd"],
    ["an address with a key", "cannot fetch https://a.test/?api_key=abc0123&model=m", "abc0123"],
    ["a key behind many words", `${"long ".repeat(58)}sk-proj-0123456789abcdef`, "sk-proj"],
  ])("a foreign error that shows a secret (%s) does not bring it into ours", async (_, said, secret) => {
    const error = await failure(ask(async () => Promise.reject(new Error(said))));
    expect(error.message).not.toContain(secret);
    expect(error.message).toContain("***");
  });

  test("a prompt that a foreign error repeats is not in ours", async () => {
    const secret = "my account number is 12345";
    const thrown = new Error(`cannot handle: ${secret}\nsecond line`);
    const error = await failure(ask(async () => Promise.reject(thrown), {}, question(secret)));
    expect(error.message).not.toContain("12345");
    expect(error.message).not.toContain("second line");
    expect(error.message).toContain("cannot handle: [prompt]");
  });
});

describe("deltas", () => {
  const heardBy = async (chat: (onDelta: (delta: unknown) => void) => unknown): Promise<Delta[]> => {
    const heard: Delta[] = [];
    await ask(
      async (_, { onDelta }) => {
        await chat(onDelta as never);
        return hi;
      },
      { onDelta: (delta) => heard.push(delta) },
    );
    return heard;
  };

  test("strings, missing texts and strange members become plain deltas; empty ones are dropped", async () => {
    const heard = await heardBy((onDelta) => {
      onDelta("H");
      onDelta({ text: "i", extra: () => 1 });
      onDelta({ reasoning: "hm" });
      onDelta({ toolCall: { index: 0, id: "a", name: "look", argumentsText: "{", more: 1 }, choice: 1 });
      onDelta("");
      onDelta({ text: "" });
    });
    expect(heard).toEqual([
      { text: "H" },
      { text: "i" },
      { text: "", reasoning: "hm" },
      { text: "", toolCall: { index: 0, id: "a", name: "look", argumentsText: "{" }, choice: 1 },
    ]);
  });

  test.each([
    [5, "expected a delta { text }, got 5"],
    [{ text: 5 }, "expected text: a string, got 5"],
    [{ toolCall: {} }, "expected toolCall.index: a whole number, got undefined"],
    [{ toolCall: { index: 0, id: 1 } }, "expected toolCall.id: a string, got 1"],
    [{ text: "a", choice: -1 }, "expected choice: a whole number, got -1"],
  ])("a delta of %j fails the call, even when the driver swallows the error", async (delta, says) => {
    const swallow = heardBy((onDelta) => {
      try {
        onDelta(delta);
      } catch {}
    });
    const error = await failure(swallow);
    expect(error.code).toBe("bad_response");
    expect(error.message).toContain(says);
  });

  test("a driver that never calls onDelta is a stream of one piece", async () => {
    expect(await heardBy(() => {})).toEqual([{ text: "Hi." }]);
  });

  for (const own of [true, false]) {
    test(`what comes after the end or after the abort is ignored (${own ? "our own" : "outside"})`, async () => {
      const heard: Delta[] = [];
      const controller = new AbortController();
      let say!: (delta: Delta) => void;
      let finish!: (answer: Completion) => void;
      const driver = driverOf((_, { onDelta }) => {
        say = onDelta!;
        return new Promise<Completion>((resolve) => {
          finish = resolve;
        });
      });
      const call = guard(own ? trusted(driver) : driver, parts);
      const onDelta = (delta: Delta): void => void heard.push(delta);
      const first = call(question(), callOptions({ onDelta }));
      say({ text: "a" });
      finish(hi);
      await first;
      say({ text: "after the end" });
      const second = call(question(), callOptions({ onDelta, signal: controller.signal }));
      say({ text: "b" });
      controller.abort(new TrunklineError("aborted", "left"));
      say({ text: "after the abort" });
      finish(hi);
      await second;
      expect(heard).toEqual([{ text: "a" }, { text: "b" }]);
    });

    test(`a listener that throws ends the call as aborted, with its error as cause (${own ? "our own" : "outside"})`, async () => {
      const thrown = new Error("my own fault");
      const driver = driverOf(async (_, { onDelta }) => {
        try {
          onDelta!({ text: "a" });
        } catch {}
        return hi;
      });
      const call = guard(own ? trusted(driver) : driver, parts);
      const onDelta = (): void => {
        throw thrown;
      };
      const error = await failure(call(question(), callOptions({ onDelta })));
      expect(error).toMatchObject({ code: "aborted", retryable: false, cause: thrown });
    });
  }

  test("a listener that throws, or a delta that is none, never throws into an outside driver: it is told to stop", async () => {
    for (const said of [{ text: "a" }, { text: 7 } as unknown as Delta]) {
      let told: unknown;
      const asked = ask(
        (_, { onDelta, signal }) =>
          new Promise((_resolve, reject) => {
            signal!.addEventListener("abort", () => reject(signal!.reason));
            expect(() => onDelta!(said)).not.toThrow();
            told = signal!.reason;
          }),
        {
          onDelta() {
            throw new Error("my own fault");
          },
        },
      );
      const error = await failure(asked);
      expect(error.code).toBe(said.text === "a" ? "aborted" : "bad_response");
      expect(told).toBe(error);
    }
  });

  test("an outside driver counts as sent when it is called, and its first delta as the first byte, once", async () => {
    const seen: string[] = [];
    const watch = { onSent: () => seen.push("sent"), onFirstByte: () => seen.push("first") };
    await ask(
      async (_, { onDelta, watch: own }) => {
        seen.push("called");
        own.onSent?.();
        onDelta!({ text: "a" });
        own.onFirstByte?.();
        onDelta!({ text: "b" });
        return hi;
      },
      { watch, onDelta() {} },
    );
    expect(seen).toEqual(["sent", "called", "first"]);
  });
});
