import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { completion } from "../../src/core/completion.ts";
import { type ErrorCode, TrunklineError } from "../../src/core/errors.ts";
import { ask, type Given, Rig, settled } from "./rig.ts";

describe("identical calls in flight", () => {
  test("C19, R103: 100 of them are one call", async () => {
    const rig = new Rig();
    const calls = Array.from({ length: 100 }, () => rig.ask());
    expect(rig.works).toHaveLength(1);
    rig.works[0]!.answer("hi");
    const answers = await Promise.all(calls.map(({ promise }) => promise));
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(["hi"]));
    expect(calls.map(({ options }) => options.record.cache)).toEqual(["miss", ...Array(99).fill("join")]);
    expect(rig.cache.stats()).toMatchObject({ misses: 1, joins: 99, hits: 0 });
  });

  test("C19: different ones do not wait for each other", async () => {
    const rig = new Rig();
    rig.ask({ request: ask("a") });
    const b = rig.ask({ request: ask("b") });
    rig.works[1]!.answer("to b");
    expect((await b.promise).text).toBe("to b");
  });

  test("C19: the first caller's abort, or anyone's, only detaches it", async () => {
    const rig = new Rig();
    const [first, second, third] = [rig.ask(), rig.ask(), rig.ask()];
    first.abort("no longer");
    third.abort();
    await expect(first.promise).rejects.toMatchObject({ code: "aborted", cause: "no longer" });
    await expect(third.promise).rejects.toMatchObject({ code: "aborted" });
    expect(rig.works[0]!.options.signal!.aborted).toBe(false);
    rig.works[0]!.answer("hi");
    expect((await second.promise).text).toBe("hi");
  });

  test("C19: the last one's abort cancels the work, and who asks then asks anew", async () => {
    const rig = new Rig();
    const [first, second] = [rig.ask(), rig.ask()];
    first.abort();
    second.abort();
    const { signal } = rig.works[0]!.options;
    expect(signal!.aborted).toBe(true);
    expect(signal!.reason).toBeInstanceOf(TrunklineError);
    const third = rig.ask();
    expect(rig.works).toHaveLength(2);
    await settled();
    // The end of the first work must not take the second out of the table.
    const fourth = rig.ask();
    expect(rig.works).toHaveLength(2);
    rig.works[1]!.answer("hi");
    for (const { promise } of [third, fourth]) expect((await promise).text).toBe("hi");
  });

  test("a deadline detaches its caller and nobody else", async () => {
    const rig = new Rig();
    const [brief, patient] = [rig.ask({ deadlineAt: 50 }), rig.ask()];
    await rig.clock.advance(50);
    await expect(brief.promise).rejects.toMatchObject({ code: "timeout", phase: "total" });
    rig.works[0]!.answer("hi");
    expect((await patient.promise).text).toBe("hi");
  });

  test("C19: a failure reaches all who wait, and is forgotten", async () => {
    const rig = new Rig();
    const calls = [rig.ask(), rig.ask()];
    const error = new TrunklineError("bad_request", "no");
    rig.works[0]!.fail(error);
    for (const { promise } of calls) await expect(promise).rejects.toBe(error);
    expect((await rig.get()).cacheHit).toBe(false);
  });

  test("a layer below that throws instead of rejecting is a failure", async () => {
    const rig = new Rig();
    const broken = rig.cache.layer({ identity: "x", client: "x" })(() => {
      throw new TrunklineError("config", "broken");
    });
    await expect(broken(ask(), rig.ask().options)).rejects.toMatchObject({ code: "config" });
    expect(rig.cache.stats().misses).toBe(2);
  });

  test("no listener, timer or open call is left, however a join ends", async () => {
    const rig = new Rig();
    const signals: AbortSignal[] = [];
    const kept = (given: Given): Given => {
      signals.push(given.options.signal as AbortSignal);
      return given;
    };
    const answered = [kept(rig.ask({ deadlineAt: 9_000 })), kept(rig.ask())];
    rig.works[0]!.answer();
    const failed = [
      kept(rig.ask({ request: ask("b") })),
      kept(rig.ask({ request: ask("b"), deadlineAt: 9_000 })),
    ];
    rig.works[1]!.fail(new TrunklineError("network", "gone"));
    const left = kept(rig.ask({ request: ask("c") }));
    left.abort();
    await Promise.allSettled([...answered, ...failed, left].map(({ promise }) => promise));
    await settled();
    expect(rig.main.open.size).toBe(0);
    expect(rig.clock.pending).toBe(0);
    for (const signal of signals) expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});

describe("the work of many", () => {
  test("has the latest deadline and the highest priority of those who still wait, asked anew each time", () => {
    const rig = new Rig();
    const first = rig.ask({ deadlineAt: 100, priority: "batch" });
    const { options } = rig.works[0]!;
    expect([options.deadlineAt, options.priority]).toEqual([100, "batch"]);
    const second = rig.ask({ deadlineAt: 900, priority: "interactive" });
    expect([options.deadlineAt, options.priority]).toEqual([900, "interactive"]);
    rig.ask({ deadlineAt: 500, priority: "evaluation" });
    second.abort();
    expect([options.deadlineAt, options.priority]).toEqual([500, "evaluation"]);
    first.abort();
    expect([options.deadlineAt, options.priority]).toEqual([500, "evaluation"]);
  });

  test("holds its Client open until it ends, though only callers of another wait for it", async () => {
    const rig = new Rig();
    const other = rig.line({ client: "other#2" });
    const first = rig.ask();
    const second = rig.ask({}, other);
    first.abort();
    await settled();
    expect(rig.main.open.size).toBe(1);
    rig.works[0]!.answer("hi");
    await second.promise;
    expect(rig.main.open.size).toBe(0);
  });

  test("is paid once: the first who still waits has its counts, and nobody's are told twice", async () => {
    const rig = new Rig();
    const [first, second, third] = [rig.ask(), rig.ask(), rig.ask()];
    const { record } = rig.works[0]!.options;
    record.attempts = 2;
    record.queueMs = 30;
    record.possiblyPaid = 1;
    first.abort();
    expect(second.options.record.cache).toBe("miss");
    record.attempts = 3;
    record.providerMs = 70;
    record.firstByteMs = 5;
    rig.works[0]!.answer();
    await Promise.all([second.promise, third.promise]);
    expect(first.options.record).toMatchObject({
      attempts: 2,
      queueMs: 30,
      possiblyPaid: 1,
      providerMs: 0,
      cache: "miss",
    });
    expect(second.options.record).toMatchObject({
      attempts: 1,
      queueMs: 0,
      possiblyPaid: 0,
      providerMs: 70,
      firstByteMs: 5,
    });
    expect(third.options.record).toMatchObject({ attempts: 0, providerMs: 0, cache: "join" });
  });
});

describe("whose failure it is", () => {
  const personal: ErrorCode[] = ["auth", "permission", "quota", "rate_limit", "budget", "closed"];

  test.each(personal)(
    "%s reaches only callers of the Client that did the work; the next of another asks anew",
    async (code) => {
      const rig = new Rig();
      const other = rig.line({ client: "other#2" });
      const mine = [rig.ask(), rig.ask()];
      const theirs = [rig.ask({ timeout: 77 }, other), rig.ask({}, other)];
      const error = new TrunklineError(code, "not for you");
      rig.works[0]!.fail(error);
      for (const { promise } of mine) await expect(promise).rejects.toBe(error);
      await settled();
      expect(rig.works).toHaveLength(2);
      expect(rig.works[1]!.options.timeout).toBe(77);
      rig.works[1]!.answer("with a key of its own");
      for (const { promise } of theirs) expect((await promise).text).toBe("with a key of its own");
      expect(theirs.map(({ options }) => options.record.cache)).toEqual(["miss", "join"]);
    },
  );

  test.each<[string, Record<string, string> | undefined, Record<string, string>]>([
    ["a token each", { authorization: "Bearer a" }, { Authorization: "Bearer b" }],
    ["one has a token", undefined, { authorization: "Bearer b" }],
    ["a project each", { "openai-project": "a" }, { "openai-project": "b" }],
  ])("a refusal is not that of a caller with other credentials in the call: %s", async (_, leads, joins) => {
    const rig = new Rig();
    const refused = [
      rig.ask({ headers: leads }),
      rig.ask({ headers: leads && { ...leads, "x-request-id": "2" } }),
    ];
    const other = rig.ask({ headers: joins });
    const error = new TrunklineError("auth", "not with this one");
    rig.works[0]!.fail(error);
    for (const { promise } of refused) await expect(promise).rejects.toBe(error);
    await settled();
    expect(rig.works.map(({ options }) => options.headers)).toEqual([leads, joins]);
    rig.works[1]!.answer("let in");
    expect((await other.promise).text).toBe("let in");
  });

  test("a Client that closes does so for all its callers, whatever their headers", async () => {
    const rig = new Rig();
    const calls = [rig.ask(), rig.ask({ headers: { authorization: "Bearer b" } })];
    const closed = new TrunklineError("closed", "closing");
    rig.works[0]!.fail(closed);
    for (const { promise } of calls) await expect(promise).rejects.toBe(closed);
  });

  test("other failures reach everybody", async () => {
    const rig = new Rig();
    const other = rig.ask({}, rig.line({ client: "other#2" }));
    const both = [rig.ask(), other];
    const error = new TrunklineError("context_length", "too long");
    rig.works[0]!.fail(error);
    for (const { promise } of both) await expect(promise).rejects.toBe(error);
  });

  test("a closing Client ends its work; callers of another start it anew", async () => {
    const rig = new Rig();
    const mine = rig.ask();
    const theirs = rig.ask({}, rig.line({ client: "other#2" }));
    const closed = new TrunklineError("closed", "closing");
    for (const leave of [...rig.main.open]) leave(closed);
    await expect(mine.promise).rejects.toBe(closed);
    expect(rig.works[0]!.options.signal!.reason).toBe(closed);
    await settled();
    rig.works[1]!.answer("hi");
    expect((await theirs.promise).text).toBe("hi");
    expect(rig.main.open.size).toBe(0);
  });

  test("a failure that a more patient caller would have survived is not that caller's", async () => {
    const rig = new Rig();
    const [hasty, same, patient] = [
      rig.ask({ timeout: 10 }),
      rig.ask({ timeout: 10 }),
      rig.ask({ timeout: 10_000 }),
    ];
    rig.works[0]!.fail(new TrunklineError("timeout", "slow", { phase: "total" }));
    for (const { promise } of [hasty, same]) await expect(promise).rejects.toMatchObject({ code: "timeout" });
    await settled();
    rig.works[1]!.answer("hi");
    expect((await patient.promise).text).toBe("hi");
    expect(rig.works[1]!.options.timeout).toBe(10_000);
  });

  test("a deadline that had passed before others joined is not theirs", async () => {
    const rig = new Rig();
    const passed = new TrunklineError("timeout", "the deadline passed", { phase: "total", retryable: false });
    const [late, same, patient] = [100, 100, 900].map((deadlineAt) => rig.ask({ deadlineAt }));
    rig.works[0]!.fail(passed);
    for (const { promise } of [late!, same!]) await expect(promise).rejects.toBe(passed);
    await settled();
    rig.works[1]!.answer("hi");
    expect((await patient!.promise).text).toBe("hi");
  });

  test("it is asked anew in the caller's own async context", async () => {
    const rig = new Rig();
    const who = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const other = rig.line({ client: "other#2" });
    const call = other.call;
    const watched = {
      ...other,
      call: rig.cache.layer({ identity: "openai https://api.test/v1", client: "other#2" })(async () => {
        seen.push(who.getStore());
        return completion("hi");
      }),
    };
    expect(call).toBeDefined();
    who.run("mine", () => rig.ask());
    const theirs = who.run("theirs", () => rig.ask({}, watched));
    rig.works[0]!.fail(new TrunklineError("quota", "no credit"));
    await theirs.promise;
    expect(seen).toEqual(["theirs"]);
  });
});

test("whatever comes and goes, every caller has one outcome, and work runs only while somebody waits", async () => {
  const step = fc.record({
    act: fc.constantFrom("ask", "ask", "ask", "abort", "answer", "fail", "refuse"),
    who: fc.nat(9),
    line: fc.boolean(),
    stream: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const rig = new Rig();
      const other = rig.line({ client: "other#2" });
      const calls: { given: Given; outcome?: string }[] = [];
      for (const { act, who, line, stream } of steps) {
        const work = rig.works[who % Math.max(1, rig.works.length)];
        if (act === "ask") {
          const call: (typeof calls)[number] = { given: rig.ask({ stream }, line ? other : rig.main) };
          calls.push(call);
          const settle = (outcome: string) => () => {
            expect(call.outcome).toBeUndefined();
            call.outcome = outcome;
          };
          call.given.promise.then(settle("answer"), settle("error"));
        } else if (act === "abort") calls[who % Math.max(1, calls.length)]?.given.abort();
        else if (act === "answer") work?.answer();
        else if (act === "fail") work?.fail(new TrunklineError("bad_request", "no"));
        else work?.fail(new TrunklineError("auth", "no"));
        await settled();
        const waiting = calls.filter(({ outcome }) => outcome === undefined).length;
        const open = rig.main.open.size + other.open.size;
        expect(waiting === 0 ? open : Math.min(open, 1)).toBe(waiting === 0 ? 0 : 1);
      }
      for (const work of rig.works) work.answer();
      await settled();
      for (const work of rig.works) work.answer();
      await settled();
      expect(calls.every(({ outcome }) => outcome !== undefined)).toBe(true);
      expect(rig.main.open.size + other.open.size).toBe(0);
    }),
    { numRuns: 150 },
  );
});
