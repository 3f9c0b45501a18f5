import { afterEach, describe, expect, test } from "vitest";
import {
  type CallInit,
  cache,
  clients,
  completion,
  context,
  DriverLM,
  type DriverLMOptions,
} from "../../src/index.ts";
import { gate } from "../../src/testing/index.ts";

afterEach(async () => {
  await clients.close({ mode: "abort" });
  await cache.clear();
});

/** An LM that counts how often its backend was asked. */
function counting(options: Partial<DriverLMOptions<string>> = {}) {
  let asked = 0;
  const lm = new DriverLM<string>({
    model: "counting",
    requestFn: async ({ prompt }) => {
      asked++;
      return `${prompt} (${asked})`;
    },
    outputFn: (raw) => completion(raw, { inputTokens: 3, outputTokens: 2 }),
    ...options,
  });
  return { lm, asked: () => asked };
}

describe("the cache under an LM", () => {
  test("R102, R103, R118: on by default; the second ask is the first one's answer, its usage kept and nothing spent", async () => {
    const { lm, asked } = counting({ price: { input: 1, output: 1 } });
    const first = await lm.call("x");
    const second = await lm.call("x");
    expect(asked()).toBe(1);
    expect(first).toMatchObject({ cacheHit: false, cost: { usd: 5e-6 } });
    expect(second).toMatchObject({ ...first, cacheHit: true, cost: { usd: 0, saved: 5e-6 } });
  });

  test("C19: identical calls in flight are one call", async () => {
    const { lm, asked } = counting();
    const answers = await Promise.all(Array.from({ length: 100 }, () => lm.call("x")));
    expect(asked()).toBe(1);
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    expect(cache.stats().joins).toBeGreaterThanOrEqual(99);
  });

  test("N21: a joined caller that aborts settles at once, and the others get the answer", async () => {
    const answer = gate();
    const heard: unknown[] = [];
    const { lm } = counting({
      requestFn: async ({ prompt, signal }) => {
        signal.addEventListener("abort", () => heard.push(prompt));
        await answer.opened;
        return prompt;
      },
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const calls = [
      lm.call("x", { signal: first.signal }),
      lm.call("x", { signal: second.signal }),
      lm.call("x"),
    ];
    const outcomes = Promise.allSettled(calls);
    first.abort();
    await expect(calls[0]).rejects.toMatchObject({ code: "aborted" });
    second.abort();
    await expect(calls[1]).rejects.toMatchObject({ code: "aborted" });
    expect(heard).toEqual([]);
    answer.open();
    expect((await calls[2]!).text).toBe("x");
    await outcomes;
  });

  test.each<[string, CallInit, CallInit, number]>([
    ["the same", {}, {}, 1],
    ["options of the way there", { timeout: 5_000, priority: "batch" }, { maxRetries: 0 }, 1],
    ["another temperature", {}, { temperature: 1 }, 2],
    ["a rolloutId", {}, { rolloutId: 1 }, 2],
    ["the same rolloutId", { rolloutId: "a" }, { rolloutId: "a" }, 1],
    ["another scope", { cache: { scope: "run-1" } }, { cache: { scope: "run-2" } }, 2],
    ["off", {}, { cache: false }, 2],
    ["refresh", {}, { cache: "refresh" }, 2],
  ])("%s", async (_, one, two, expected) => {
    const { lm, asked } = counting();
    await lm.call("x", one);
    await lm.call("x", two);
    expect(asked()).toBe(expected);
  });

  test("R108: what is asked in a scope answers nowhere else, and can be forgotten alone", async () => {
    const run = cache.scope("run-1");
    const inRun = counting({ cache: run });
    const outside = counting();
    await inRun.lm.call("x");
    await outside.lm.call("x");
    expect([inRun.asked(), outside.asked()]).toEqual([1, 1]);
    await run.clear();
    await inRun.lm.call("x");
    await outside.lm.call("x");
    expect([inRun.asked(), outside.asked()]).toEqual([2, 1]);
  });

  test("C6: two nameless drivers never share an answer, two of one name do", async () => {
    const [a, b] = [counting({ model: undefined }), counting({ model: undefined })];
    await a.lm.call("x");
    await b.lm.call("x");
    expect([a.asked(), b.asked()]).toEqual([1, 1]);
    const [c, d] = [counting(), counting()];
    await c.lm.call("x");
    expect((await d.lm.call("x")).cacheHit).toBe(true);
    expect(d.asked()).toBe(0);
  });

  test("C16: a streamed and a plain call share an entry, and a hit is replayed as a stream", async () => {
    const { lm, asked } = counting();
    const plain = await lm.call("x");
    let text = "";
    for await (const delta of lm.stream("x")) text += delta.text;
    expect(text).toBe(plain.text);
    expect(asked()).toBe(1);
  });

  test("a context sets them for everything inside", async () => {
    const { lm, asked } = counting();
    await lm.call("x");
    await context({ cache: false }, () => lm.call("x"));
    await context({ rolloutId: 7 }, () => lm.call("x"));
    await context({ rolloutId: 7 }, () => lm.call("x"));
    expect(asked()).toBe(3);
  });

  test("a wrong option says what is expected", async () => {
    expect(() => counting({ cache: "on" as never })).toThrow(/cache: expected true, false, "refresh" or/);
    await expect(counting().lm.call("x", { rolloutId: {} as never })).rejects.toThrow(
      /rolloutId: expected a number or a string/,
    );
  });
});
