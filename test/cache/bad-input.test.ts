import { afterEach, describe, expect, test } from "vitest";
import { cache, clients, completion, DriverLM, type DriverLMOptions } from "../../src/index.ts";

afterEach(async () => {
  await clients.close({ mode: "abort" });
  await cache.clear();
});

/** A backend's own class, as clients of databases and SDKs return them. */
class Reply {
  readonly #secret = "not data";
  readonly counted = new Map([["tokens", 3]]);
  readonly words: string;
  constructor(words: string) {
    this.words = words;
  }
  get text(): string {
    return `${this.words} (${this.#secret.length})`;
  }
}

type Functions = Partial<Pick<DriverLMOptions<unknown>, "requestFn" | "outputFn">>;

/** An LM of two functions that counts how often it was asked. */
function driver({ requestFn = () => "raw", outputFn = () => completion("fine") }: Functions) {
  let asked = 0;
  const lm = new DriverLM<unknown>({
    model: "bad-input",
    timeout: 50,
    // Such a function hears no signal; what it holds is written off.
    abandonAfter: 50,
    maxRetries: 0,
    outputFn,
    requestFn: (given) => {
      asked++;
      return requestFn(given);
    },
  });
  return { lm, asked: () => asked };
}

describe("what a DriverLM's functions do wrong is that call's error, and is not remembered", () => {
  test.each<[string, Functions, string, RegExp]>([
    [
      "requestFn throws",
      {
        requestFn: () => {
          throw new TypeError("no such host");
        },
      },
      "server_error",
      /no such host/,
    ],
    [
      "requestFn returns nothing",
      { requestFn: () => undefined },
      "bad_response",
      /requestFn .* returned undefined/,
    ],
    ["requestFn never settles", { requestFn: () => new Promise(() => {}) }, "timeout", /./],
    [
      "outputFn returns nothing",
      { outputFn: () => undefined as never },
      "bad_response",
      /outputFn .* returned undefined/,
    ],
    [
      "outputFn leaves out the text",
      { outputFn: () => ({ answer: "x" }) as never },
      "bad_response",
      /text: expected a string, got undefined/,
    ],
    [
      "outputFn leaves out the usage",
      { outputFn: () => ({ ...completion("x"), usage: undefined }) as never },
      "bad_response",
      /usage: expected an object, got undefined/,
    ],
    [
      "outputFn gives no list of choices",
      { outputFn: () => ({ ...completion("x"), choices: "x" }) as never },
      "bad_response",
      /choices: expected /,
    ],
    [
      "negative usage",
      { outputFn: () => completion("x", { inputTokens: -1 }) },
      "bad_response",
      /inputTokens: expected a whole number of 0 or more, got -1/,
    ],
  ])("%s", async (_, functions, code, says) => {
    const { lm, asked } = driver(functions);
    for (let i = 1; i <= 2; i++) {
      const error: unknown = await lm.call("x").catch((thrown) => thrown);
      expect(error).toMatchObject({ code, message: expect.stringMatching(says) });
      expect(asked()).toBe(i);
    }
    expect(cache.stats().entries).toBe(0);
  });

  test("requestFn returns a class instance: outputFn reads it as it is, and what is kept is plain data", async () => {
    const { lm, asked } = driver({
      requestFn: async () => new Reply("hi"),
      outputFn: (raw) => {
        const { text, counted } = raw as Reply;
        return completion(text, { inputTokens: counted.get("tokens")!, rawUsage: counted });
      },
    });
    const first = await lm.call("x");
    const again = await lm.call("x");
    expect([first.text, first.usage.inputTokens, asked()]).toEqual(["hi (8)", 3, 1]);
    expect(again).toEqual({ ...first, cacheHit: true, cost: again.cost });
    expect(JSON.parse(JSON.stringify(again))).toEqual(again);
  });

  test("usage that is left out counts as none", async () => {
    const { lm } = driver({ outputFn: () => "just a text" });
    expect((await lm.call("x")).usage).toMatchObject({ inputTokens: 0, outputTokens: 0, totalTokens: 0 });
    expect((await lm.call("x")).cacheHit).toBe(true);
  });
});
