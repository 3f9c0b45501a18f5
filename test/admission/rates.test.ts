import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rates } from "../../src/admission/rates.ts";
import type { RateSignal } from "../../src/core/call.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { Rig, request } from "./rig.ts";

const minute = 60_000;
const perMinute = (limit: number) => [{ of: "requests", windowMs: minute, limit }] as const;
const tokens = (limit: number) => [{ of: "tokens", windowMs: minute, limit }] as const;
const one = { input: 1, output: 0 };

/** When each of `count` calls would start, one after another, from `from` on. */
function startsOf(rates: Rates, count: number, from = 0): number[] {
  let now = from;
  return Array.from({ length: count }, () => {
    for (let wait = rates.waitMs(one, now); wait > 0; wait = rates.waitMs(one, now)) now += wait;
    rates.reserve(one, now);
    return now;
  });
}

describe("pacing", () => {
  test("L10: evenly, so that no slice of a minute sees more than its part", () => {
    const rates = new Rates(0);
    rates.configure(perMinute(60), 0);
    const starts = startsOf(rates, 100);
    for (const from of starts) {
      const slice = starts.filter((at) => at >= from && at < from + 10_000);
      expect(slice.length).toBeLessThanOrEqual(10);
    }
    expect(starts.at(-1)).toBe(99_000);
  });

  test("L9: a burst after idle time is a tenth of a second's worth, however long the idle time was", () => {
    const rates = new Rates(0);
    rates.configure(perMinute(60_000), 0);
    const starts = startsOf(rates, 1_000, 3_600_000);
    expect(starts.filter((at) => at === 3_600_000)).toHaveLength(100);
  });

  test.each([
    ["a configured limit that refusals have cut", tokens(30_000)],
    ["refusals alone", []],
  ])("%s: however long a storm lasts, one call a minute goes and sees", (_, limits) => {
    const rates = new Rates(0);
    rates.configure(limits, 0);
    const starts: number[] = [];
    let now = 0;
    for (let i = 0; i < 300; i++) {
      // What little flows while small calls are refused is taken for all that there is.
      const claim = i < 100 ? { input: 12, output: 3 } : { input: 8_000, output: 250 };
      const wait = rates.waitMs(claim, now);
      expect(wait).toBeLessThanOrEqual(60_000);
      now += wait;
      starts.push(now);
      const reservation = rates.reserve(claim, now);
      rates.refused(reservation, now + 10);
      rates.settle(reservation, undefined, now + 10);
    }
    // Nor do large ones go faster than what is configured.
    if (limits.length > 0) expect((starts[299]! - starts[200]!) / 99).toBeGreaterThan(16_000);
  });

  test("a day's budget may be spent at will", () => {
    const rates = new Rates(0);
    rates.configure([{ of: "requests", windowMs: 86_400_000, limit: 500 }], 0);
    expect(startsOf(rates, 500).every((at) => at === 0)).toBe(true);
    expect(rates.waitMs(one, 0)).toBeGreaterThan(100_000);
  });

  test("L11: tokens are taken before and settled after, once", () => {
    const rates = new Rates(0);
    rates.configure(tokens(60_000), 0);
    const claim = { input: 500, output: 500 };
    const reservation = rates.reserve(claim, 0);
    const level = (): number => rates.stats(0)[0]!.level;
    expect(level()).toBe(-900);
    rates.settle(reservation, { input: 500, output: 100 }, 0);
    expect(level()).toBe(-500);
    rates.settle(reservation, { input: 500, output: 100 }, 0);
    rates.refund(reservation, 0);
    expect(level()).toBe(-500);
    const more = rates.reserve(claim, 0);
    rates.settle(more, { input: 1_000, output: 1_000 }, 0);
    expect(level()).toBe(-2_500);
    const failed = rates.reserve(claim, 0);
    rates.settle(failed, undefined, 0);
    expect(level()).toBe(-3_500);
    const unsent = rates.reserve(claim, 0);
    rates.refund(unsent, 0);
    expect(level()).toBe(-3_500);
  });

  test("all buckets have room, or none is touched", () => {
    const rates = new Rates(0);
    rates.configure([...perMinute(600), ...tokens(600)], 0);
    rates.reserve({ input: 50, output: 0 }, 0);
    const before = rates.stats(0);
    expect(rates.waitMs({ input: 1, output: 0 }, 0)).toBe(5_000);
    expect(rates.stats(0)).toEqual(before);
  });

  test("the smallest configured rate holds, and holds no longer than its Client lives", () => {
    const rates = new Rates(0);
    rates.configure([...perMinute(600), ...perMinute(60)], 0);
    expect(startsOf(rates, 3)).toEqual([0, 1_000, 2_000]);
    rates.configure(perMinute(600), 2_000);
    expect(startsOf(rates, 2, 3_000)).toEqual([3_000, 3_100]);
    rates.configure([], 3_100);
    expect(rates.active).toBe(false);
  });

  test("a rate that comes back with its Client finds its bucket as it was, and not full again", () => {
    const rates = new Rates(0);
    let now = 0;
    const started: number[] = [];
    for (let i = 0; i < 4; i++) {
      rates.configure(perMinute(60), now);
      started.push(...startsOf(rates, 1, now));
      now = started.at(-1)!;
      rates.configure([], now);
    }
    expect(started).toEqual([0, 1_000, 2_000, 3_000]);
    rates.configure([], 60_000);
    rates.configure(perMinute(60), 60_000);
    expect(startsOf(rates, 2, 60_000)).toEqual([60_000, 61_000]);
  });

  test("calls that fail unsent long after they started make no burst of those behind them", () => {
    const rates = new Rates(0);
    rates.configure(perMinute(60), 0);
    const unsent = Array.from({ length: 5 }, (_, i) => rates.reserve(one, i * 1_000));
    for (const reservation of unsent) {
      rates.refund(reservation, 60_000);
      if (rates.waitMs(one, 60_000) === 0) rates.reserve(one, 60_000);
    }
    expect(rates.waitMs(one, 60_000)).toBe(1_000);
    expect(rates.stats(60_000)[0]!.level).toBe(0);
  });

  test("whatever is reserved, settled and refused: never more than the rate and one burst or call over any stretch", () => {
    const step = fc.record({ wait: fc.nat(3_000), cost: fc.integer({ min: 1, max: 400 }), end: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const rates = new Rates(0);
        rates.configure(tokens(6_000), 0);
        let now = 0;
        const passed: { at: number; cost: number }[] = [];
        for (const { wait, cost, end } of steps) {
          now += wait;
          const claim = { input: cost, output: 0 };
          const short = rates.waitMs(claim, now);
          if (short > 0) now += short;
          if (rates.waitMs(claim, now) > 0) continue;
          const reservation = rates.reserve(claim, now);
          passed.push({ at: now, cost });
          if (end === 1) rates.settle(reservation, claim, now);
          if (end === 2) rates.refused(reservation, now);
        }
        for (const [i, { at }] of passed.entries()) {
          let sum = 0;
          for (const later of passed.slice(i)) {
            sum += later.cost;
            expect(sum).toBeLessThanOrEqual((later.at - at) * 0.1 + 400 + 1e-6);
          }
        }
      }),
    );
  });
});

describe("what headers say", () => {
  const signal = (limit: number, remaining?: number, of: RateSignal["of"] = "requests"): RateSignal[] => [
    { of, windowMs: minute, limit, remaining },
  ];

  test("a limit is learnt, and a lower one than configured holds", () => {
    const rates = new Rates(0);
    rates.configure(perMinute(6_000), 0);
    rates.observe(rates.reserve(one, 0), signal(600), 0);
    expect(rates.stats(0)[0]).toMatchObject({ limit: 600, allowed: 600 });
    rates.observe(rates.reserve(one, 0), signal(60_000), 0);
    expect(rates.stats(0)[0]).toMatchObject({ limit: 6_000 });
  });

  test("what remains only lowers while other calls are under way, and answers may come in any order", () => {
    const rates = new Rates(0);
    rates.observe({ at: 0, parts: [] }, signal(600, 600), 0);
    const first = rates.reserve(one, 0);
    for (let i = 0; i < 9; i++) rates.reserve(one, 0);
    const level = (): number => rates.stats(0)[0]!.level;
    expect(level()).toBe(90);
    rates.observe(first, signal(600, 20), 0);
    // Nine more were sent since that one.
    expect(level()).toBe(11);
    rates.observe(first, signal(600, 500), 0);
    expect(level()).toBe(11);
  });

  test("with nothing else under way it is believed upward too, but never beyond a configured limit", () => {
    const rates = new Rates(0);
    const empty = rates.reserve(one, 0);
    rates.observe(empty, signal(600, 0), 0);
    const alone = rates.reserve(one, 0);
    rates.observe(alone, signal(600, 50), 0);
    expect(rates.stats(0)[0]!.level).toBe(50);

    const configured = new Rates(0);
    configured.configure(perMinute(60), 0);
    const own = configured.reserve(one, 0);
    configured.observe(own, signal(6_000, 6_000), 0);
    expect(configured.waitMs(one, 0)).toBe(1_000);
  });

  test("nonsense teaches nothing", () => {
    const rates = new Rates(0);
    for (const limit of [-1, 0, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      rates.observe({ at: 0, parts: [] }, signal(limit, -1), 0);
    }
    rates.observe({ at: 0, parts: [] }, [{ of: "tokens", windowMs: 0, limit: 100 }], 0);
    expect(rates.active).toBe(false);
    rates.configure(tokens(60_000), 0);
    const big = rates.reserve({ input: 5_000, output: 0 }, 0);
    rates.observe(big, signal(100, undefined, "tokens"), 0);
    expect(rates.stats(0)[0]).toMatchObject({ limit: 60_000 });
  });

  test("a limit that only headers know holds nobody longer than a minute, and a call that goes all the same shows it wrong", () => {
    const rates = new Rates(0);
    rates.observe({ at: 0, parts: [] }, signal(10, 0, "tokens"), 0);
    const claim = { input: 1_000, output: 0 };
    rates.reserve(claim, 0);
    expect(rates.waitMs(claim, 0)).toBe(minute);
    const dared = rates.reserve(claim, minute);
    rates.settle(dared, claim, minute);
    expect(rates.waitMs(claim, minute)).toBe(0);
    rates.observe(rates.reserve(claim, minute), signal(10, 0, "tokens"), minute);
    expect(rates.waitMs(claim, minute)).toBe(0);
  });

  test("a refusal lowers the limit that its own answer calls used up", () => {
    const rates = new Rates(0);
    rates.configure([...perMinute(600), ...tokens(60_000)], 0);
    const refused = rates.reserve({ input: 10, output: 0 }, 0);
    rates.observe(refused, [...signal(600, 599), ...signal(60_000, 0, "tokens")], 0);
    rates.refused(refused, 0);
    const [requests, ofTokens] = rates.stats(0);
    expect(requests!.allowed).toBe(600);
    expect(ofTokens!.allowed).toBe(48_000);
    expect(ofTokens!.level).toBeLessThanOrEqual(0);
  });

  test("calm raises the rate again by 5 % each 5 s toward the last ceiling, and in time beyond it", () => {
    const rates = new Rates(0);
    rates.configure(perMinute(6_000), 0);
    for (let i = 0; i < 100; i++) rates.reserve(one, i * 10);
    rates.refused(rates.reserve(one, 1_000), 1_000);
    const allowed = (now: number): number => Math.round(rates.stats(now)[0]!.allowed);
    expect(allowed(1_000)).toBe(4_800);
    expect(allowed(6_000)).toBe(5_040);
    expect(allowed(11_000)).toBe(5_292);
    expect(allowed(60_000)).toBe(6_000);

    for (let at = 60_000; at < 62_000; at += 10) rates.reserve(one, at);
    for (const at of [62_000, 62_100, 62_200]) rates.refused(rates.reserve(one, at), at);
    const ceiling = 6_000 * 0.8 * 0.8;
    expect(allowed(62_200)).toBe(Math.round(ceiling * 0.8));
    for (let at = 62_200; at < 92_200; at += 1_000) expect(allowed(at)).toBeLessThanOrEqual(1.05 * ceiling);
    expect(allowed(92_200)).toBe(Math.round(1.05 * ceiling));
    for (let at = 92_200; at < 400_000; at += 1_000) allowed(at);
    expect(allowed(400_000)).toBe(6_000);
  });
});

describe("in the lane", () => {
  test("L14: a prompt that can never fit is refused at once, and says why", async () => {
    const rig = new Rig();
    const call = rig.line({ tokensPerMinute: 100 });
    const refused = call(request("word ".repeat(1_000)), rig.options());
    await expect(refused).rejects.toMatchObject({ code: "bad_request", sent: false });
    await expect(refused).rejects.toThrow(/about 1254 tokens, but the limit of m is 100 in 60 s/);
    expect(rig.works).toHaveLength(0);
  });

  test("L12: two Clients of one account share their lane's limits, another account has its own", async () => {
    const rig = new Rig();
    const one = rig.line({ requestsPerMinute: 60 });
    const two = rig.line({ requestsPerMinute: 600 });
    const other = rig.line({ requestsPerMinute: 60, account: "b" });
    for (const call of [one, two, two, other]) call(request("a"), rig.options());
    await rig.settle();
    expect(rig.works).toHaveLength(2);
    await rig.clock.advance(1_000);
    expect(rig.works).toHaveLength(3);
  });

  test("a closed Client's rate no longer holds", async () => {
    const rig = new Rig();
    const facts = rig.facts({ requestsPerMinute: 1 });
    const slow = rig.admission.layer(facts)(rig.driver);
    const fast = rig.line({ requestsPerMinute: 600 });
    slow(request("a"), rig.options());
    fast(request("b"), rig.options());
    await rig.clock.advance(1_000);
    expect(rig.works).toHaveLength(1);
    rig.admission.forget(facts);
    await rig.clock.advance(1_000);
    expect(rig.works).toHaveLength(2);
  });

  test("a lane that waits for its bucket never blocks another", async () => {
    const rig = new Rig();
    const call = rig.line({ requestsPerMinute: 1 });
    for (let i = 0; i < 5; i++) call(request("a", "slow"), rig.options());
    call(request("b", "free"), rig.options());
    await rig.settle();
    expect(rig.prompts()).toEqual(["a", "b"]);
  });

  test("tokens read from the provider's cache are paced as it counts them", async () => {
    for (const [cachedTokensFree, level] of [
      [true, -300],
      [false, -1_200],
    ] as const) {
      const rig = new Rig();
      const call = rig.line({ tokensPerMinute: 60_000, cachedTokensFree });
      call(request("a"), rig.options());
      const answer = { inputTokens: 1_000, outputTokens: 300, cachedInputTokens: 900 };
      await rig.works[0]!.answer("ok", answer);
      expect(Math.round(rig.admission.stats().lanes[0]!.rates[0]!.level)).toBe(level);
    }
  });

  test("L2: a lane paused beyond a call's deadline refuses it at once, with the hint", async () => {
    const rig = new Rig();
    const call = rig.line();
    call(request("a"), rig.options()).catch(() => {});
    const waiting = Array.from({ length: 3 }, () => call(request("b"), rig.options({ deadlineAt: 5_000 })));
    for (const each of waiting) each.catch(() => {});
    await rig.works[0]!.fail(new TrunklineError("rate_limit", "slow", { retryAfterMs: 10_000 }));
    const late = call(request("c"), rig.options({ deadlineAt: 5_000 }));
    await expect(late).rejects.toMatchObject({ code: "rate_limit", retryAfterMs: 10_000, sent: false });
  });

  test("lanes are bounded: the longest unused idle ones are forgotten, busy ones never", async () => {
    const rig = new Rig();
    const call = rig.line();
    call(request("a", "busy"), rig.options());
    for (let i = 0; i < 1_100; i++) {
      call(request("a", `model ${i}`), rig.options());
      await rig.works.at(-1)!.answer();
    }
    const { lanes } = rig.admission.stats();
    expect(lanes).toHaveLength(1_000);
    expect(lanes[0]).toMatchObject({ model: "busy", inFlight: 1 });
    expect(lanes.at(-1)).toMatchObject({ model: "model 1099" });
  });

  test("100,000 calls wait and leave again", async () => {
    const rig = new Rig();
    const call = rig.line({ requestsPerMinute: 1 });
    const ask = request("a");
    const controllers = Array.from({ length: 100_000 }, () => new AbortController());
    const calls = controllers.map(({ signal }, i) =>
      call(ask, rig.options({ signal, fairnessKey: `${i % 1_000}` })).catch(() => {}),
    );
    expect(rig.admission.stats().lanes[0]!.queued).toBe(99_999);
    for (const each of controllers) each.abort(new TrunklineError("aborted", "left"));
    await Promise.all(calls.slice(1));
    expect(rig.admission.stats().lanes[0]!.queued).toBe(0);
    expect(rig.clock.pending).toBe(0);
  });
});
