import { AsyncLocalStorage } from "node:async_hooks";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { KeySource } from "../../src/clients/key-source.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { setUp } from "./parts.ts";

/** A key function whose runs are answered by hand. */
function byHand() {
  const runs: PromiseWithResolvers<string>[] = [];
  const clock = new FakeClock();
  const source = new KeySource(() => {
    const run = Promise.withResolvers<string>();
    runs.push(run);
    return run.promise;
  }, clock);
  return { runs, clock, source };
}

async function failure(promise: Promise<unknown> | string): Promise<TrunklineError> {
  try {
    await promise;
  } catch (error) {
    return error as TrunklineError;
  }
  throw new Error("nothing was thrown");
}

describe("a rotating key", () => {
  test("Z11: the function is called for each attempt, and shared by those who ask while it runs", async () => {
    const { runs, source } = byHand();
    const together = [source.current(), source.current(), source.current()];
    expect(runs).toHaveLength(1);
    runs[0]!.resolve("k1");
    expect(await Promise.all(together)).toEqual(["k1", "k1", "k1"]);
    const next = source.current();
    runs[1]!.resolve("k2");
    expect(await next).toBe("k2");
  });

  test("Z11: after a 401 once more, shared by all who were refused", async () => {
    const { runs, source } = byHand();
    const first = source.current();
    runs[0]!.resolve("k1");
    await first;
    const refused = Array.from({ length: 50 }, () => source.refresh("k1"));
    expect(runs).toHaveLength(2);
    runs[1]!.resolve("k2");
    expect(new Set(await Promise.all(refused))).toEqual(new Set(["k2"]));
    // One that hears of its refusal only now needs no further run.
    expect(await source.refresh("k1")).toBe("k2");
    expect(runs).toHaveLength(2);
  });

  test("Z11: a run from before the refusal is not good enough", async () => {
    const { runs, source } = byHand();
    const before = source.current();
    const refreshed = source.refresh("k1");
    expect(runs).toHaveLength(2);
    runs[1]!.resolve("k2");
    expect(await refreshed).toBe("k2");
    runs[0]!.resolve("k1");
    expect(await before).toBe("k1");
    // The slow old run brought the older key; it must not count as the newest.
    expect(await source.refresh("k1")).toBe("k2");
  });

  test("attempts that start during a refresh wait for it", async () => {
    const { runs, source } = byHand();
    const refreshed = source.refresh("k1");
    const attempt = source.current();
    runs[0]!.resolve("k2");
    expect(await Promise.all([refreshed, attempt])).toEqual(["k2", "k2"]);
    expect(runs).toHaveLength(1);
  });

  test("where there is no newer key, the refused one comes again", async () => {
    const { runs, source } = byHand();
    const refreshed = source.refresh("k1");
    runs[0]!.resolve("k1");
    expect(await refreshed).toBe("k1");
  });

  test("N13: it runs in no caller's async context", async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const source = new KeySource(async () => {
      seen.push(context.getStore());
      await null;
      seen.push(context.getStore());
      return "k";
    }, new FakeClock());
    await context.run("request A", () => source.current());
    expect(seen).toEqual([undefined, undefined]);
  });

  test("a failure reaches all who wait, nothing was sent, and the next attempt asks anew", async () => {
    const { runs, source } = byHand();
    const together = [source.current(), source.current()];
    const cause = new Error("the vault is sealed");
    runs[0]!.reject(cause);
    for (const promise of together) {
      const error = await failure(promise);
      expect(error).toMatchObject({ code: "auth", retryable: true, sent: false, cause });
      expect(error.message).toBe("apiKey: the function failed");
    }
    const next = source.current();
    runs[1]!.resolve("k");
    expect(await next).toBe("k");
  });

  test("one that throws at once fails the same way", async () => {
    const source = new KeySource(() => {
      throw new Error("at once");
    }, new FakeClock());
    expect(await failure(source.current())).toMatchObject({ code: "auth", sent: false });
  });

  test("an error of the catalogue is passed on as it is", async () => {
    const own = new TrunklineError("quota", "no more tokens");
    const source = new KeySource(() => Promise.reject(own), new FakeClock());
    expect(await failure(source.current())).toBe(own);
  });

  test.each<[unknown, RegExp]>([
    [undefined, /must bring a string, it brought undefined/],
    [{ token: "secret-word" }, /must bring a string, it brought an object with the keys token/],
    ["", /brought an empty key/],
    [" \n", /brought an empty key/],
    ["secret\nword", /character 7 of 11 \(U\+000A\)/],
  ])("%j is a clear error, with nothing of it in the text", async (answer, message) => {
    const source = new KeySource(() => answer as string, new FakeClock());
    const error = await failure(source.current());
    expect(error.code).toBe("config");
    expect(error.message).toMatch(message);
    expect(inspect(error)).not.toMatch(/secret/);
  });

  test("N22: the line break at its end is cut off", async () => {
    expect(await new KeySource(() => "k1\n", new FakeClock()).current()).toBe("k1");
  });

  test("one that never answers is given up, and the next attempt asks anew", async () => {
    const { runs, clock, source } = byHand();
    const stuck = failure(source.current());
    await clock.advance(29_999);
    expect(source.current()).toBeInstanceOf(Promise);
    expect(runs).toHaveLength(1);
    await clock.advance(1);
    expect(await stuck).toMatchObject({
      code: "auth",
      retryable: true,
      message: /did not answer within 30 s/ as never,
    });
    const next = source.current();
    expect(runs).toHaveLength(2);
    // The late answer of the run that was given up changes nothing.
    runs[0]!.resolve("late");
    await clock.advance(0);
    expect(source.current()).toBe(next);
    runs[1]!.resolve("k2");
    expect(await next).toBe("k2");
    expect(clock.pending).toBe(0);
  });
});

describe("the key of a Client", () => {
  test("one that does not rotate is there at once, and refreshing brings the same", async () => {
    const client = setUp().get({ apiKey: "fixed" });
    expect(client.key()).toBe("fixed");
    expect(await client.refreshKey("fixed")).toBe("fixed");
  });

  test("one that rotates makes no further Client, however often it changes", async () => {
    const { get, registry } = setUp();
    let turn = 0;
    const apiKey = () => `k${++turn}`;
    for (let i = 1; i <= 20; i++) expect(await get({ apiKey }).key()).toBe(`k${i}`);
    expect(await get({ apiKey }).refreshKey("k20")).toBe("k21");
    expect(registry.stats()).toMatchObject({ clients: 1, created: 1 });
  });
});
