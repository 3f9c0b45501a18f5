import { describe, expect, test } from "vitest";
import type { Delta } from "../../src/core/call.ts";
import { type Completion, completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { DriverOptions } from "../../src/drivers/driver.ts";
import {
  type FunctionDriverOptions,
  functionDriver,
  type RequestParameters,
} from "../../src/drivers/driver-lm.ts";
import { guard } from "../../src/drivers/guard.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { callOptions, question } from "./call-options.ts";

const silent = { debug() {}, info() {}, warn() {} };

function ask<Raw>(
  options: Partial<FunctionDriverOptions<Raw>>,
  request = question(),
  own: Partial<DriverOptions> = {},
  clock = new FakeClock(),
): Promise<Completion> {
  const plain = { model: "m1", requestFn: () => "raw", outputFn: (raw: unknown) => raw };
  const driver = functionDriver({ ...plain, ...options } as FunctionDriverOptions<Raw>);
  return guard(driver, { clock, logger: () => silent })(request, callOptions(own));
}

async function failure(promise: Promise<unknown>): Promise<TrunklineError> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(TrunklineError);
  return error as TrunklineError;
}

describe("R97: what requestFn is given", () => {
  async function given(
    input: Parameters<typeof question>[0],
    sampling = {},
    own: Partial<DriverOptions> = {},
  ) {
    let parameters!: RequestParameters;
    await ask(
      {
        requestFn: (received) => {
          parameters = received;
          return "ok";
        },
      },
      question(input, sampling),
      own,
    );
    return parameters;
  }

  test("a prompt as it is, and the same as messages", async () => {
    const parameters = await given("Say hi.");
    expect(parameters.prompt).toBe("Say hi.");
    expect(parameters.messages).toEqual([{ role: "user", content: "Say hi." }]);
    expect(parameters.model).toBe("m1");
  });

  test("a conversation as messages, and as one text", async () => {
    const call = { id: "1", name: "look", arguments: {}, argumentsText: '{"at":1}' };
    const parameters = await given([
      { role: "system", content: "Be short." },
      {
        role: "user",
        content: [
          { type: "text", text: "See?" },
          { type: "image", url: "https://example.org/a.png" },
        ],
      },
      { role: "assistant", content: "", toolCalls: [call] },
      { role: "tool", toolCallId: "1", content: "a cat" },
    ]);
    expect(parameters.prompt).toBe(
      'system: Be short.\n\nuser: See?\n\nassistant: look({"at":1})\n\ntool: a cat',
    );
    expect(parameters.messages).toHaveLength(4);
  });

  test("every parameter of the call, and the members of `extra` by their own names", async () => {
    const sampling = {
      temperature: 0.7,
      maxTokens: 256,
      topP: 0.9,
      stop: ["END"],
      seed: 7,
      n: 2,
      tools: [{ name: "look", inputSchema: { type: "object" } }],
      toolChoice: "required",
      responseFormat: { type: "json" },
      reasoningEffort: "low",
    } as const;
    const parameters = await given(
      "Q",
      { ...sampling, extra: { top_k: 5, keep_alive: "1h" } },
      { timeout: 600_000 },
    );
    expect(parameters).toMatchObject({ ...sampling, top_k: 5, keep_alive: "1h", timeout: 600_000 });
    expect(parameters).not.toHaveProperty("extra");
  });

  test("a signal always, a listener only when the caller streams, headers of the call", async () => {
    const plain = await given("Q");
    expect(plain.signal).toBeInstanceOf(AbortSignal);
    expect(plain.onDelta).toBeUndefined();
    const streamed = await given("Q", {}, { onDelta() {}, headers: { "x-trace": "1" } });
    expect(streamed.onDelta).toBeTypeOf("function");
    expect(streamed.headers).toEqual({ "x-trace": "1" });
  });

  test("`extra` cannot take the place of the question", async () => {
    const parameters = await given("Q", { extra: { prompt: "other", messages: [], model: "other" } });
    expect(parameters).toMatchObject({ prompt: "Q", model: "m1" });
    expect(parameters.messages).toHaveLength(1);
  });
});

describe("R101: what outputFn makes", () => {
  test("a completion with usage, finish reason and model", async () => {
    const answer = await ask({
      requestFn: async () => ({ response: " Hi. ", in: 3, out: 2 }),
      outputFn: (raw: { response: string; in: number; out: number }) =>
        completion(raw.response.trim(), {
          inputTokens: raw.in,
          outputTokens: raw.out,
          finishReason: "length",
        }),
    });
    expect(answer).toMatchObject({
      text: "Hi.",
      model: "m1",
      cacheHit: false,
      choices: [{ index: 0, message: { role: "assistant", content: "Hi." }, finishReason: "length" }],
      usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 },
    });
  });

  test("just a text, now or later; a model's own name stays", async () => {
    expect(await ask({ outputFn: () => "Hi." })).toMatchObject({ text: "Hi.", model: "m1" });
    expect((await ask({ outputFn: async () => "Later." })).text).toBe("Later.");
    expect((await ask({ outputFn: () => completion("Hi.", { model: "m1-2026" }) })).model).toBe("m1-2026");
  });

  test("a stream: strings and deltas are heard, the whole is the answer", async () => {
    const heard: Delta[] = [];
    const answer = await ask(
      {
        requestFn: ({ onDelta }: RequestParameters) => {
          onDelta?.("H");
          onDelta?.({ text: "i." });
          return "Hi.";
        },
      },
      question(),
      { onDelta: (delta) => heard.push(delta) },
    );
    expect(heard).toEqual([{ text: "H" }, { text: "i." }]);
    expect(answer.text).toBe("Hi.");
  });
});

describe("bad shapes", () => {
  test.each([
    [{ requestFn: undefined }, "requestFn is missing"],
    [{ requestFn: "https://example.org" }, "requestFn: expected a function"],
    [{ outputFn: undefined }, "outputFn is missing"],
    [{ outputFn: {} }, "outputFn: expected a function"],
    [{ abilities: { images: "yes" } }, 'abilities: images: expected true or false, got "yes"'],
    [{ model: 5 }, "model: expected a name, got 5"],
    [{ requestFm: () => 1 }, 'did you mean "requestFn"?'],
  ])("at construction: %o", (options, says) => {
    const make = () => functionDriver({ requestFn: () => 1, outputFn: () => "x", ...options } as never);
    expect(make).toThrow(TrunklineError);
    expect(make).toThrow(says);
  });

  test.each([[undefined], [null]])("requestFn returns %s", async (raw) => {
    const error = await failure(ask({ requestFn: () => raw }));
    expect(error).toMatchObject({ code: "bad_response", provider: "DriverLM(m1)", model: "m1" });
    expect(error.message).toContain(`requestFn of DriverLM(m1) returned ${raw}`);
    expect(error.message).toContain("return");
  });

  test("requestFn throws, now or later", async () => {
    const thrown = Object.assign(new Error("model is loading"), { status: 503 });
    for (const requestFn of [
      () => {
        throw thrown;
      },
      async () => Promise.reject(thrown),
    ]) {
      const error = await failure(ask({ requestFn }));
      expect(error).toMatchObject({
        code: "overloaded",
        status: 503,
        provider: "DriverLM(m1)",
        cause: thrown,
      });
      expect(error.message).toContain("model is loading");
    }
  });

  test("requestFn never settles: its signal aborts at the timeout, and the call ends", async () => {
    const clock = new FakeClock();
    let heard: unknown;
    const requestFn = ({ signal }: RequestParameters): Promise<never> => {
      signal.addEventListener("abort", () => {
        heard = signal.reason;
      });
      return new Promise(() => {});
    };
    const late = failure(ask({ requestFn }, question(), { timeout: 600_000, abandonAfter: 30_000 }, clock));
    await clock.advance(600_000);
    expect(heard).toMatchObject({ code: "timeout" });
    await clock.advance(30_000);
    expect(await late).toBe(heard);
    expect(clock.pending).toBe(0);
  });

  test.each([
    ["fetch", new Response("busy", { status: 503 }), "overloaded", 503],
    ["fetch", new Response("no", { status: 401 }), "auth", 401],
    ["a redirect that nobody followed", new Response(null, { status: 304 }), "not_found", 304],
    ["undici", { statusCode: 429, body: {} }, "rate_limit", 429],
  ])(
    "R127: a failed response of %s is an error by its status, not an empty text",
    async (_, raw, code, status) => {
      const error = await failure(ask({ requestFn: async () => raw, outputFn: () => "" }));
      expect(error).toMatchObject({ code, status });
      expect(error.message).toContain("response.ok");
    },
  );

  test("R127: the body of a failed response is let go, so that its socket returns", async () => {
    let cancelled = false;
    const body = new ReadableStream({
      cancel() {
        cancelled = true;
      },
    });
    await failure(ask({ requestFn: async () => new Response(body, { status: 500 }) }));
    expect(cancelled).toBe(true);
  });

  test("a good response may be read by outputFn", async () => {
    const requestFn = async (): Promise<Response> => Response.json({ answer: "Hi." });
    const outputFn = async (raw: Response): Promise<string> =>
      ((await raw.json()) as { answer: string }).answer;
    expect((await ask({ requestFn, outputFn })).text).toBe("Hi.");
  });

  test("R107, R127: an answer without the member that outputFn reads names what was there", async () => {
    const error = await failure(
      ask({
        requestFn: async (): Promise<{ response?: string }> => ({ error: "model not found" }) as object,
        outputFn: (raw) => raw.response!.trim(),
      }),
    );
    expect(error).toMatchObject({ code: "bad_response", retryable: false });
    expect(error.message).toContain("outputFn of DriverLM(m1) failed on an object with the keys error");
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  test("R127: an empty text is an error that says where to look", async () => {
    for (const empty of ["", completion("")]) {
      const error = await failure(ask({ requestFn: async () => ({ response: "" }), outputFn: () => empty }));
      expect(error.code).toBe("bad_response");
      expect(error.message).toContain("empty text of an object with the keys response");
      expect(error.message).toContain("response.ok");
    }
  });

  test("a text may be empty beside tool calls, and where a filter or a limit ended it", async () => {
    const toolCalls = [{ id: "1", name: "look", arguments: {}, argumentsText: "{}" }];
    const called = await ask({ outputFn: () => completion("", { toolCalls }) });
    expect(called.choices[0]!.finishReason).toBe("tool_calls");
    expect((await ask({ outputFn: () => completion("", { finishReason: "length" }) })).text).toBe("");
  });

  test.each([
    ["nothing", undefined, "returned undefined; expected completion(text, { ... }) or a string"],
    ["a number", 5, "returned 5"],
    ["a wrong object", { answer: "x" }, "text: expected a string, got undefined"],
    [
      "a completion without usage",
      { ...completion("x"), usage: undefined },
      "usage: expected an object, got undefined",
    ],
  ])("outputFn returns %s", async (_, came, says) => {
    const error = await failure(ask({ outputFn: () => came as never }));
    expect(error.code).toBe("bad_response");
    expect(error.message).toContain(says);
  });

  test("negative or broken usage fails that row, and names the count", async () => {
    for (const inputTokens of [-1, 1.5, Number.NaN]) {
      const error = await failure(ask({ outputFn: () => completion("x", { inputTokens }) }));
      expect(error.code).toBe("bad_response");
      expect(error.message).toContain(
        `inputTokens: expected a whole number of 0 or more, got ${inputTokens}`,
      );
    }
  });

  test("an error that outputFn throws on purpose stays what it is", async () => {
    const thrown = new TrunklineError("content_filter", "withheld");
    const error = await failure(
      ask({
        outputFn: () => {
          throw thrown;
        },
      }),
    );
    expect(error).toMatchObject({ code: "content_filter", message: "withheld", provider: "DriverLM(m1)" });
  });
});

describe("the driver itself", () => {
  test("its name tells the model, else the function, and abilities may be narrowed", async () => {
    const outputFn = (): string => "x";
    expect(functionDriver({ model: "m1", requestFn: () => 1, outputFn }).name).toBe("DriverLM(m1)");
    expect(functionDriver({ requestFn: function askMine() {}, outputFn }).name).toBe("DriverLM(askMine)");
    const request = question([
      { role: "user", content: [{ type: "image", url: "https://example.org/a.png" }] },
    ]);
    expect((await ask({ outputFn }, request)).text).toBe("x");
    expect((await failure(ask({ outputFn, abilities: { images: false } }, request))).code).toBe(
      "bad_request",
    );
  });
});
