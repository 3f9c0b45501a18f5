import { afterEach, describe, expect, test } from "vitest";
import { type CallEvent, cache, clients, events, LM, type LMOptions } from "../../src/index.ts";
import { replies } from "../../src/testing/faulty/replies.ts";
import type { Reply } from "../../src/testing/faulty/reply.ts";
import { type FaultyServer, faultyServer } from "../../src/testing/faulty-server.ts";

afterEach(async () => {
  await clients.close({ mode: "abort" });
  await cache.clear();
});

type Answers = Readonly<Record<string, (nth: number) => Reply>>;

/** A server that answers each key in its own way, and counts what each asked. */
async function byKey(answers: Answers) {
  const asked = new Map<string, number>();
  const server = await faultyServer({
    script: ({ headers }) => {
      const key = String(headers.authorization).replace("Bearer ", "");
      const nth = asked.get(key) ?? 0;
      asked.set(key, nth + 1);
      return answers[key]?.(nth) ?? replies.error(401);
    },
  });
  return { server, asked };
}

function lmOf(server: FaultyServer, options: LMOptions): LM {
  return new LM("openai-compatible/m1", { baseURL: `${server.url}/v1`, ...options });
}

const good = "key-good-0123456789";
const bad = "key-bad-0123456789";
const chat = () => replies.chat("Hi.");

describe("an outage of one key costs no call and no second payment", () => {
  test.each<[string, (nth: number) => Reply]>([
    ["L1: a 429 storm with a long hint", () => replies.error(429, {}, { "retry-after": "30" })],
    ["L7: a 401", () => replies.error(401, { code: "invalid_api_key" })],
    ["a 403", () => replies.error(403)],
    ["L15: a quota that is used up", () => replies.error(429, { code: "insufficient_quota" })],
  ])("%s", async (_name, refuses) => {
    const { server, asked } = await byKey({ [good]: chat, [bad]: refuses });
    await using _ = server;
    const lm = lmOf(server, { keys: [bad, good], maxRetries: 0, cache: false });
    const heard: CallEvent[] = [];
    const stop = events.subscribe((event) => void heard.push(event));
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => lm.call(`${i}`)));
    answers.push(await lm.call("one more"));
    stop();
    expect(answers.every(({ text }) => text === "Hi.")).toBe(true);
    // Each call was answered, and so paid, once; what the bad key was asked was refused.
    expect(asked.get(good)).toBe(41);
    expect(asked.get(bad)).toBeLessThanOrEqual(20);
    expect(heard.every(({ errorCode, possiblyPaid }) => errorCode === undefined && possiblyPaid === 0)).toBe(
      true,
    );
  });

  test("all refused: the error says so, once, and shows no key", async () => {
    const { server } = await byKey({});
    await using _ = server;
    const lm = lmOf(server, { keys: [bad, good], cache: false });
    const error = await lm.call("x").catch((caught) => caught);
    expect(error).toMatchObject({ code: "auth", status: 401, retryable: false });
    expect(error.message).toMatch(
      /all 2 keys of openai-compatible are refused: keys\[0\] auth, keys\[1\] auth/,
    );
    expect(JSON.stringify(error) + error.stack).not.toContain("0123456789");
  });
});

test("Z11: a key function in the list is asked for each attempt, and once more after a 401", async () => {
  const { server, asked } = await byKey({ fresh: chat, [good]: chat });
  await using _ = server;
  let runs = 0;
  const lm = lmOf(server, { keys: [async () => (runs++ === 0 ? "stale" : "fresh"), good], cache: false });
  for (let i = 0; i < 6; i++) expect((await lm.call(`${i}`)).text).toBe("Hi.");
  expect(asked).toEqual(
    new Map([
      ["stale", 1],
      ["fresh", 3],
      [good, 3],
    ]),
  );
  expect(runs).toBe(4);
});

test("C27: an answer has the same place in the cache whichever key asked for it", async () => {
  const { server, asked } = await byKey({ a: chat, b: chat, c: chat });
  await using _ = server;
  for (const keys of [
    ["a", "b"],
    ["b", "a"],
    ["c", "b"],
  ]) {
    for (let i = 0; i < 4; i++) await lmOf(server, { keys }).call(`${i}`);
  }
  await lmOf(server, { apiKey: "c" }).call("3");
  expect([...asked.values()].reduce((sum, count) => sum + count, 0)).toBe(4);
  expect(cache.stats()).toMatchObject({ entries: 4 });
});

test("the keys and apiKey together are an error when the LM is made", () => {
  expect(() => new LM("openai/gpt-4o-mini", { apiKey: good, keys: [bad] })).toThrow(
    /keys: apiKey is given as well/,
  );
});
