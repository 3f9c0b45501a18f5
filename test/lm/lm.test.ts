import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Driver } from "../../src/drivers/driver.ts";
import {
  clients,
  completion,
  configure,
  context,
  currentLM,
  DriverLM,
  type DriverLMOptions,
  getSharedLM,
  LM,
} from "../../src/index.ts";
import { scriptedDriver } from "../../src/testing/index.ts";
import { trunk } from "../../src/trunk.ts";

const echo = (options: Partial<DriverLMOptions<string>> = {}) =>
  new DriverLM<string>({
    model: "echo",
    requestFn: async ({ prompt }) => prompt,
    outputFn: (raw) => completion(raw, { inputTokens: 3, outputTokens: 2 }),
    cache: false,
    ...options,
  });

afterEach(async () => {
  vi.unstubAllEnvs();
  await clients.close({ mode: "abort" });
});

describe("LM", () => {
  test("R97, R101: a call brings text, choices, usage, model and whether it came from a cache", async () => {
    const answer = await echo().call("Say hi.");
    expect(answer).toMatchObject({
      text: "Say hi.",
      choices: [{ index: 0, message: { role: "assistant", content: "Say hi." }, finishReason: "stop" }],
      usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5, cachedInputTokens: 0, cacheWriteTokens: 0 },
      model: "echo",
      cacheHit: false,
    });
  });

  test("R97: the defaults are 0.7 and 256; the LM's options and then the call's go before them", async () => {
    const seen: unknown[] = [];
    const requestFn: DriverLMOptions<string>["requestFn"] = async ({ temperature, maxTokens, prompt }) => {
      seen.push([temperature, maxTokens]);
      return prompt;
    };
    await echo({ requestFn }).call("x");
    const own = echo({ requestFn, temperature: 0, maxTokens: 7 });
    await own.call("x");
    await own.call("x", { temperature: 1 });
    await own.call({ messages: [{ role: "user", content: "x" }], maxTokens: 9 });
    expect(seen).toEqual([
      [0.7, 256],
      [0, 7],
      [1, 7],
      [0, 9],
    ]);
  });

  test("what the caller changes after the call reaches nobody", async () => {
    const messages = [{ role: "user" as const, content: "before" }];
    const answer = echo().call(messages);
    messages[0]!.content = "after";
    messages.push({ role: "user", content: "more" });
    expect((await answer).text).toBe("before");
  });

  test("a listener gets the deltas, the promise the whole", async () => {
    const lm = echo({
      requestFn: async ({ onDelta }) => {
        for (const text of ["a", "b"]) onDelta?.(text);
        return "ab";
      },
    });
    const seen: string[] = [];
    const answer = await lm.call("x", { onDelta: (delta) => seen.push(delta.text) });
    expect([seen.join(""), answer.text]).toEqual(["ab", "ab"]);
  });

  test("a listener runs in its caller's async context, and one that throws ends its own call only", async () => {
    const store = new AsyncLocalStorage<string>();
    const lm = echo({
      requestFn: async ({ onDelta, prompt }) => {
        onDelta?.(prompt);
        return prompt;
      },
    });
    const seen: unknown[] = [];
    const listening = ["one", "two"].map((name) =>
      store.run(name, () => lm.call(name, { onDelta: (d) => seen.push([d.text, store.getStore()]) })),
    );
    await Promise.all(listening);
    expect(seen).toEqual([
      ["one", "one"],
      ["two", "two"],
    ]);
    const cause = new Error("no place to draw");
    const failing = lm.call("x", {
      onDelta() {
        throw cause;
      },
    });
    await expect(failing).rejects.toMatchObject({ code: "aborted", cause });
  });

  test("a stream starts when it is read and brings its completion", async () => {
    let asked = 0;
    const lm = echo({
      requestFn: async ({ onDelta }) => {
        asked++;
        for (const text of ["x", "y", "z"]) {
          onDelta?.(text);
          await null;
        }
        return "xyz";
      },
    });
    const stream = lm.stream("go");
    expect(asked).toBe(0);
    let text = "";
    for await (const delta of stream) text += delta.text;
    expect(text).toBe("xyz");
    expect((await stream.completion).text).toBe("xyz");
    expect(asked).toBe(1);
  });

  test("leaving a stream early aborts the work", async () => {
    const aborted = Promise.withResolvers<void>();
    const lm = echo({
      requestFn: ({ onDelta, signal }) =>
        new Promise<string>((_, reject) => {
          onDelta?.("a");
          signal.addEventListener("abort", () => {
            aborted.resolve();
            reject(signal.reason);
          });
        }),
    });
    for await (const _ of lm.stream("go")) break;
    await aborted.promise;
  });

  test("R11: a batch brings every outcome in order", async () => {
    const lm = echo({
      requestFn: async ({ prompt }) => {
        if (prompt === "b") throw new Error("not this one");
        return prompt;
      },
      maxRetries: 0,
    });
    const rows = await lm.batch(["a", "b", "c"], { concurrency: 2 });
    expect(rows.map((row) => row.completion?.text ?? "failed")).toEqual(["a", "failed", "c"]);
    expect(rows[1]!.error).toBeInstanceOf(Error);
  });

  test("two thousand LMs of one configuration are one Client", async () => {
    const requestFn = async ({ prompt }: { prompt: string }) => prompt;
    const outputFn = (raw: string) => completion(raw);
    const before = clients.stats().created;
    await Promise.all(
      Array.from({ length: 2_000 }, (_, i) => new DriverLM({ model: "m", requestFn, outputFn }).call(`${i}`)),
    );
    expect(clients.stats().created - before).toBe(1);
  });

  test("R44: calls of an LM made before a close fail with `closed`, those of a new one work", async () => {
    const lm = echo();
    await lm.call("x");
    await clients.close();
    await expect(lm.call("x")).rejects.toMatchObject({ code: "closed" });
    expect(lm.closed).toBe(true);
    expect((await echo().call("y")).text).toBe("y");
  });

  test("no listener stays on a signal, however many calls shared it", async () => {
    const { signal } = new AbortController();
    const lm = echo();
    await Promise.all(Array.from({ length: 3_000 }, () => lm.call("x", { signal })));
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

describe("embeddings", () => {
  const backend = (asked: () => void): Driver => ({
    ...scriptedDriver(["never"]),
    name: "vectors",
    embed: async (request) => {
      asked();
      return {
        ...completion("", { inputTokens: 4 }),
        choices: [],
        vectors: request.messages.map(({ content }) => [
          String(content).length,
          request.embed!.dimensions ?? 0,
        ]),
      };
    },
  });

  test("come in order, with usage, through the same cache", async () => {
    let asked = 0;
    const lm = new LM(
      trunk().driverTarget(
        backend(() => asked++),
        "m",
      ),
      {},
    );
    const first = await lm.embed(["a", "bcd"], { dimensions: 2 });
    expect(first).toMatchObject({
      vectors: [
        [1, 2],
        [3, 2],
      ],
      usage: { inputTokens: 4 },
      cacheHit: false,
    });
    expect(await lm.embed(["a", "bcd"], { dimensions: 2 })).toMatchObject({
      vectors: [
        [1, 2],
        [3, 2],
      ],
      cacheHit: true,
    });
    expect(asked).toBe(1);
    await lm.embed(["a", "bcd"]);
    expect(asked).toBe(2);
  });

  test("more texts than one request may hold are several requests and one answer", async () => {
    let asked = 0;
    const target = trunk().driverTarget(
      backend(() => asked++),
      "m",
      {},
      { embedTexts: 2 },
    );
    const { vectors, usage } = await new LM(target, { cache: false }).embed([
      "a",
      "bb",
      "ccc",
      "dddd",
      "eeeee",
    ]);
    expect(vectors.map(([length]) => length)).toEqual([1, 2, 3, 4, 5]);
    expect([asked, usage.inputTokens, usage.totalTokens]).toEqual([3, 12, 12]);
  });

  test("a driver without them, no text and an empty text are errors that say so", async () => {
    await expect(echo().embed(["a"])).rejects.toMatchObject({ code: "bad_request" });
    await expect(echo().embed([])).rejects.toThrow(/at least one text/);
    await expect(echo().embed(["a", ""])).rejects.toThrow(/texts\[1\]/);
    await expect(echo().embed(["a"], { dimensions: 0 })).rejects.toThrow(/dimensions/);
  });
});

describe("the shared LM", () => {
  test("R5, R6: it comes from MODEL_NAME and the provider's key, and is made once", () => {
    vi.stubEnv("MODEL_NAME", "openai/gpt-4o-mini");
    vi.stubEnv("OPENAI_API_KEY", "sk-test-0123456789abcdef");
    const lm = getSharedLM();
    expect(lm.model).toBe("openai/gpt-4o-mini");
    vi.stubEnv("MODEL_NAME", "groq/other");
    expect(getSharedLM()).toBe(lm);
  });

  test("R6: without MODEL_NAME it is Gemini's flash model; without a key the error names the variables", () => {
    vi.stubEnv("MODEL_NAME", "");
    vi.stubEnv("GOOGLE_API_KEY", "");
    vi.stubEnv("GEMINI_API_KEY", "");
    expect(() => getSharedLM()).toThrow(/GOOGLE_API_KEY.*GEMINI_API_KEY/);
    vi.stubEnv("GOOGLE_API_KEY", "AIza-test-0123456789");
    expect(getSharedLM().model).toBe("gemini/gemini-2.5-flash");
  });

  test("after clients.close() there is a new one, made from the environment as it is then", async () => {
    vi.stubEnv("MODEL_NAME", "openai/one");
    vi.stubEnv("OPENAI_API_KEY", "sk-test-0123456789abcdef");
    const first = getSharedLM();
    await clients.close();
    vi.stubEnv("MODEL_NAME", "openai/two");
    expect(getSharedLM()).not.toBe(first);
    expect(getSharedLM().model).toBe("openai/two");
  });
});

describe("settings", () => {
  test("R115: configure sets the process's LM, the last one wins; context lays one over it, for its own callees", async () => {
    const [one, two, three] = [echo(), echo(), echo()];
    configure({ lm: one });
    configure({ lm: two });
    expect(currentLM()).toBe(two);
    const seen = await Promise.all([
      context({ lm: three }, async () => {
        await null;
        return currentLM();
      }),
      currentLM(),
    ]);
    expect(seen).toEqual([three, two]);
    expect(currentLM()).toBe(two);
  });

  test("R20: asyncMaxWorkers is the rows in work at once of each run that starts after it was set", async () => {
    let running = 0;
    let most = 0;
    const lm = echo({
      requestFn: async ({ prompt }) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return prompt;
      },
    });
    const peak = async (): Promise<number> => {
      most = 0;
      await lm.batch(Array.from({ length: 50 }, (_, i) => `${i}`));
      return most;
    };
    configure({ asyncMaxWorkers: 3 });
    expect(await peak()).toBe(3);
    configure({ asyncMaxWorkers: 2_000 });
    expect(await peak()).toBe(50);
  });

  test("an undefined LM says what to pass and why", () => {
    expect(() => configure({ lm: undefined })).toThrow(
      /configure\(\{ lm \}\) needs an LM, got undefined; pass getSharedLM\(\)/,
    );
    expect(() => context({ lm: undefined }, () => {})).toThrow(/pass getSharedLM\(\)/);
    expect(() => configure({ lm: {} as LM })).toThrow(/got an object/);
  });

  test("a context's signal and deadline reach the calls inside; nested signals combine", async () => {
    const [outer, inner] = [new AbortController(), new AbortController()];
    const lm = echo({
      requestFn: ({ signal }) =>
        new Promise<string>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    const call = (signal: AbortSignal) =>
      context({ signal: outer.signal }, () => context({ signal }, () => lm.call("x")));
    const first = call(inner.signal);
    inner.abort();
    await expect(first).rejects.toMatchObject({ code: "aborted" });
    const second = call(new AbortController().signal);
    outer.abort();
    await expect(second).rejects.toMatchObject({ code: "aborted" });
    const third = context({ deadline: 1 }, () => lm.call("x"));
    await expect(third).rejects.toMatchObject({ code: "timeout", phase: "total" });
  });

  test("a context's temperature holds where the call says none", async () => {
    const seen: unknown[] = [];
    const lm = echo({
      requestFn: async ({ temperature }) => {
        seen.push(temperature);
        return "x";
      },
    });
    await context({ temperature: 0.1 }, async () => {
      await lm.call("x");
      await lm.call("x", { temperature: 0.2 });
    });
    expect(seen).toEqual([0.1, 0.2]);
  });
});

describe("bad input", () => {
  const key = { apiKey: "sk-test-0123456789abcdef" };
  test.each<[string, () => unknown, RegExp]>([
    [
      "an option of the wrong type",
      () => new LM("openai/x", { ...key, timeout: "5" as never }),
      /timeout: expected milliseconds above 0.*got "5"/,
    ],
    [
      "an unknown option",
      () => new LM("openai/x", { ...key, maxParalelRequests: 5 } as never),
      /unknown option "maxParalelRequests"; did you mean "maxParallelRequests"/,
    ],
    [
      "a temperature below 0",
      () => new LM("openai/x", { ...key, temperature: -1 }),
      /temperature: expected a number of 0 or more, got -1/,
    ],
    [
      "an unknown provider",
      () => new LM("opnai/x", key),
      /unknown provider "opnai"; did you mean "openai"\? known are: .*groq/,
    ],
    ["no provider", () => new LM("gpt-4o-mini", key), /openai\/gpt-4o-mini/],
    ["no name", () => new LM(undefined as never), /model: expected "provider\/model"/],
    ["a base URL that is none", () => new LM("openai/x", { ...key, baseURL: "api.example.com" }), /baseURL/],
    ["requestFn missing", () => new DriverLM({ outputFn: () => "x" } as never), /requestFn/],
  ])("%s is named at construction", (_, make, message) => {
    expect(make).toThrow(message);
  });

  test("R84: a missing key names its variable", () => {
    vi.stubEnv("OPENAI_API_KEY", "");
    expect(() => new LM("openai/x")).toThrow(/OPENAI_API_KEY/);
  });

  test("N22: a line break inside a key is an error that does not show the key", () => {
    let message = "";
    try {
      new LM("openai/x", { apiKey: "sk-secret-part\nsk-second-part" });
    } catch (error) {
      message = String(error);
    }
    expect(message).toMatch(/apiKey/);
    expect(message).not.toMatch(/secret|second/);
  });

  test.each<[string, unknown, RegExp]>([
    ["nothing", undefined, /input: expected a string, a list of messages.*got undefined/],
    ["no message", [], /at least one message/],
    [
      "an unknown role",
      [{ role: "human", content: "x" }],
      /messages\[0\]\.role: expected one of.*got a string of 5 characters/,
    ],
    ["no content", [{ role: "user" }], /messages\[0\]\.content/],
    ["a part of no type", [{ role: "user", content: [{ text: "x" }] }], /messages\[0\]\.content\[0\]\.type/],
  ])("a call with %s says what is wrong", async (_, input, message) => {
    await expect(echo().call(input as never)).rejects.toThrow(message);
  });

  test("a malformed row is that row's own error; the batch goes on, and nothing of the prompt is shown", async () => {
    const rows = await echo().batch(["a", ["my secret prompt"] as never, "c"]);
    expect(rows.map((row) => row.completion?.text)).toEqual(["a", undefined, "c"]);
    expect(rows[1]!.error).toMatchObject({ code: "bad_request" });
    expect(String(rows[1]!.error)).not.toContain("secret");
  });

  test.each<[string, object]>([
    ["a BigInt", { extra: { a: 1n } }],
    ["a function", { extra: { a() {} } }],
    ["NaN", { extra: { a: Number.NaN } }],
    ["an endless temperature", { temperature: Number.POSITIVE_INFINITY }],
  ])("%s never reaches the wire as something else", async (_, init) => {
    await expect(echo().call("x", init)).rejects.toMatchObject({ code: "config" });
  });

  test.each([undefined, 5, "abc"])("a batch over %s says what is expected", async (rows) => {
    await expect(echo().batch(rows as never)).rejects.toMatchObject({
      code: "config",
      message: expect.stringContaining("expected a list"),
    });
  });

  test("a key in the wrong place is not shown", () => {
    expect(() => new LM("sk-proj-0123456789")).toThrow(/^(?!.*0123456789)/);
    expect(() => new LM("openai/x", "sk-proj-0123456789" as never)).toThrow(/^(?!.*0123456789)/);
  });

  test("settings and contexts of nothing say what is expected", () => {
    expect(() => configure(undefined as never)).toThrow(/configure: expected an object of settings/);
    expect(() => context({}, undefined as never)).toThrow(/expected a function/);
  });

  test("an async onDelta that rejects ends its own call", async () => {
    const lm = echo({
      requestFn: async ({ onDelta, prompt }) => {
        onDelta?.(prompt);
        await new Promise((resolve) => setImmediate(resolve));
        return prompt;
      },
    });
    const cause = new Error("boom");
    const failing = lm.call("x", { onDelta: async () => Promise.reject(cause) });
    await expect(failing).rejects.toMatchObject({ code: "aborted", cause });
  });

  test("R14: an LM inside a loop is harmless", () => {
    const before = clients.stats().created;
    for (let i = 0; i < 1_000; i++) new LM("openai/gpt-4o-mini", key);
    expect(clients.stats().created).toBe(before);
  });
});
