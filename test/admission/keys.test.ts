import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LineFacts } from "../../src/admission/admission.ts";
import { keys } from "../../src/admission/keys.ts";
import { retry } from "../../src/admission/retry.ts";
import { type Call, type CallOptions, compose } from "../../src/core/call.ts";
import { completion } from "../../src/core/completion.ts";
import { type ErrorCode, TrunklineError } from "../../src/core/errors.ts";
import { makeRequest } from "../../src/core/request.ts";
import { Slots } from "../../src/core/slots.ts";
import { Rig, request } from "./rig.ts";

const provider = "keyed";

/** A Client with so many keys, over a rig, without retries above. */
function ring(rig: Rig, count: number, facts: Partial<LineFacts> = {}, above: readonly "retry"[] = []): Call {
  const shared = { slots: [new Slots(2_000)], gauges: { queued: 0, waitingForSocket: 0 }, ...facts };
  const lines = Array.from({ length: count }, (_, i) => rig.facts({ ...shared, account: `account ${i}` }));
  const say = (message: string): void => void rig.lines.push(message);
  const logger = { debug: say, info: say, warn: say };
  const { clock, admission } = rig;
  const layers = [keys({ clock, logger: () => logger, admission, provider, lines })];
  if (above.length > 0) layers.unshift(retry({ clock, budget: admission.budget("o") }));
  return compose(layers, rig.driver);
}

const used = (rig: Rig): (number | undefined)[] => rig.works.map(({ options }) => options.key);

function refusal(
  code: ErrorCode,
  facts: ConstructorParameters<typeof TrunklineError>[2] = {},
): TrunklineError {
  return new TrunklineError(code, `refused by ${code}`, facts);
}
const limited = (retryAfterMs?: number): TrunklineError =>
  refusal("rate_limit", { status: 429, ...(retryAfterMs !== undefined && { retryAfterMs }) });

const system = "You answer briefly. ".repeat(800);

/** A question with a long prefix. */
const ask = (question: string, text = system) =>
  makeRequest(
    "m",
    [
      { role: "system", content: text },
      { role: "user", content: question },
    ],
    {},
    {},
  );

/** Starts a call and keeps its outcome. */
function start(call: Call, rig: Rig, prompt: string, options: Partial<CallOptions> = {}) {
  const outcome: { text?: string; error?: TrunklineError } = {};
  call(request(prompt), rig.options(options)).then(
    ({ text }) => {
      outcome.text = text;
    },
    (error) => {
      outcome.error = error;
    },
  );
  return outcome;
}

describe("L12: the key of each attempt", () => {
  test("free keys take turns, so that each gets its share", async () => {
    const rig = new Rig();
    const call = ring(rig, 3);
    for (let i = 0; i < 300; i++) start(call, rig, `${i}`);
    await rig.settle();
    expect([0, 1, 2].map((key) => used(rig).filter((each) => each === key).length)).toEqual([100, 100, 100]);
    for (const work of [...rig.works]) await work.answer();
    const before = rig.works.length;
    for (let i = 0; i < 30; i++) {
      start(call, rig, `one after another ${i}`);
      await rig.works.at(-1)!.answer();
    }
    expect(
      [0, 1, 2].map(
        (key) =>
          used(rig)
            .slice(before)
            .filter((each) => each === key).length,
      ),
    ).toEqual([10, 10, 10]);
  });

  test("each key is a lane of its own: its own buckets, together as much as all of them allow", async () => {
    const rig = new Rig();
    const call = ring(rig, 2, { requestsPerMinute: 60 });
    for (let i = 0; i < 40; i++) start(call, rig, `${i}`);
    for (let i = 0; i < 20; i++) await rig.clock.advance(1_000);
    expect(rig.works.length).toBeGreaterThanOrEqual(40);
    expect(rig.admission.stats().lanes).toHaveLength(2);
    expect(used(rig).filter((key) => key === 0)).toHaveLength(20);
  });

  test("the key that can start it soonest: room in its bucket, then the shortest queue", async () => {
    const rig = new Rig();
    const facts = { slots: [new Slots(2_000)], gauges: { queued: 0, waitingForSocket: 0 } };
    const lines = [60, 600].map((requestsPerMinute, i) =>
      rig.facts({ ...facts, account: `account ${i}`, requestsPerMinute }),
    );
    const { clock, admission } = rig;
    const logger = () => ({ debug() {}, info() {}, warn() {} });
    const call = compose([keys({ clock, logger, admission, provider, lines })], rig.driver);
    for (let i = 0; i < 110; i++) start(call, rig, `${i}`);
    for (let i = 0; i < 11; i++) await rig.clock.advance(1_000);
    expect(rig.works).toHaveLength(110);
    const slow = used(rig).filter((key) => key === 0).length;
    expect(slow).toBeGreaterThanOrEqual(9);
    expect(slow).toBeLessThanOrEqual(12);
  });

  test("the slots are the Client's, however many keys it has", async () => {
    const rig = new Rig();
    const slots = new Slots(4);
    const call = ring(rig, 3, { slots: [slots] });
    for (let i = 0; i < 10; i++) start(call, rig, `${i}`);
    await rig.settle();
    expect([rig.works.length, slots.used]).toEqual([4, 4]);
    for (let i = 0; i < 10; i++) await rig.works[i]!.answer();
    expect([rig.works.length, slots.used]).toEqual([10, 0]);
  });

  test("a full queue is no place while another has room", async () => {
    const rig = new Rig();
    const call = ring(rig, 2, { slots: [new Slots(1)] });
    const outcomes = Array.from({ length: 8 }, (_, i) => start(call, rig, `${i}`, { maxQueue: 3 }));
    await rig.settle();
    expect(outcomes.map(({ error }) => error?.code)).toEqual([
      ...Array<undefined>(7).fill(undefined),
      "queue_full",
    ]);
  });
});

describe("a key that is limited", () => {
  test("L1, L12: the attempt goes to another key at once, without waiting out the hint, whatever maxRetries says", async () => {
    const rig = new Rig();
    const call = ring(rig, 2, {}, ["retry"]);
    const outcome = start(call, rig, "a", { maxRetries: 0 });
    const first = rig.works[0]!.options.key!;
    await rig.works[0]!.fail(limited(30_000));
    expect(used(rig)).toEqual([first, 1 - first]);
    await rig.works[1]!.answer("yes");
    expect(outcome.text).toBe("yes");
    start(call, rig, "b");
    start(call, rig, "c");
    expect(used(rig).slice(2)).toEqual([1 - first, 1 - first]);
    await rig.clock.advance(36_000);
    const again = Array.from({ length: 6 }, (_, i) => start(call, rig, `d${i}`));
    await rig.settle();
    expect(used(rig).slice(4)).toContain(first);
    expect(again).toHaveLength(6);
  });

  test("what waits in its queue goes by another key as well", async () => {
    const rig = new Rig();
    const slots = new Slots(2);
    const call = ring(rig, 2, { slots: [slots] });
    const outcomes = Array.from({ length: 20 }, (_, i) => start(call, rig, `${i}`));
    await rig.settle();
    const limitedKey = used(rig)[0]!;
    await rig.works[0]!.fail(limited(60_000));
    for (let i = 1; i < rig.works.length; i++) await rig.works[i]!.answer(`${i}`);
    expect(outcomes.every(({ text }) => text !== undefined)).toBe(true);
    expect(rig.clock.now()).toBeLessThan(1_000);
    expect(
      used(rig)
        .slice(2)
        .every((key) => key !== limitedKey),
    ).toBe(true);
    expect(slots.used).toBe(0);
  });

  test("what waits in its queue goes by another key, too, when another Client's call was refused", async () => {
    const rig = new Rig();
    const slots = new Slots(1);
    const call = ring(rig, 2, { slots: [slots] });
    const other = rig.line({ account: "account 0" });
    const outcomes = Array.from({ length: 6 }, (_, i) => start(call, rig, `${i}`));
    start(other, rig, "other");
    await rig.settle();
    await rig.works.find(({ options }) => options.key === undefined)!.fail(limited(60_000));
    for (let i = 0; i < rig.works.length; i++) await rig.works[i]!.answer();
    expect(outcomes.every(({ text }) => text === "ok")).toBe(true);
    expect(rig.clock.now()).toBeLessThan(1_000);
    expect(used(rig).filter((key) => key === 0).length).toBeLessThanOrEqual(1);
  });

  test("all are limited: the call waits for the one that opens first, and its retry hears that hint", async () => {
    const rig = new Rig();
    const call = ring(rig, 2, {}, ["retry"]);
    const outcome = start(call, rig, "a");
    const first = used(rig)[0]!;
    await rig.works[0]!.fail(limited(40_000));
    await rig.works[1]!.fail(limited(5_000));
    await rig.clock.advance(4_999);
    expect(rig.works).toHaveLength(2);
    await rig.clock.advance(1_500);
    expect(used(rig)).toEqual([first, 1 - first, 1 - first]);
    await rig.works[2]!.answer("yes");
    expect(outcome.text).toBe("yes");
  });

  test("the other key is paused for longer: the call comes back to the first", async () => {
    const rig = new Rig();
    const call = ring(rig, 2, {}, ["retry"]);
    const other = start(call, rig, "other");
    const slow = used(rig)[0]!;
    await rig.works[0]!.fail(limited(50_000));
    await rig.works[1]!.answer();
    const outcome = start(call, rig, "a");
    await rig.works[2]!.fail(limited(2_000));
    await rig.clock.advance(3_000);
    expect(used(rig).slice(2)).toEqual([1 - slow, 1 - slow]);
    await rig.works[3]!.answer("yes");
    expect([other.text, outcome.text]).toEqual(["ok", "yes"]);
  });

  test("E2: nothing follows a delta that the caller has seen", async () => {
    const rig = new Rig();
    const call = ring(rig, 2);
    const outcome = start(call, rig, "a", { onDelta() {} });
    rig.works[0]!.options.onDelta!({ text: "h" });
    await rig.works[0]!.fail(limited(1));
    expect(outcome.error?.code).toBe("rate_limit");
    expect(rig.works).toHaveLength(1);
  });

  test("nothing follows an abort or the deadline", async () => {
    const rig = new Rig();
    const call = ring(rig, 2);
    const controller = new AbortController();
    const left = start(call, rig, "a", { signal: controller.signal });
    controller.abort(new TrunklineError("aborted", "left"));
    await rig.works[0]!.fail(limited(1));
    expect(left.error?.code).toBe("aborted");
    const late = start(call, rig, "b", { deadlineAt: rig.clock.now() + 100 });
    await rig.clock.advance(100);
    await rig.works[1]!.fail(limited(1));
    expect(late.error?.code).toBe("rate_limit");
    expect(rig.works).toHaveLength(2);
  });

  test("a failure that is not the key's goes up as it is", async () => {
    const rig = new Rig();
    const call = ring(rig, 2);
    for (const code of ["server_error", "overloaded", "bad_request", "network"] as const) {
      const outcome = start(call, rig, code);
      await rig.works.at(-1)!.fail(refusal(code));
      expect(outcome.error?.code).toBe(code);
    }
    expect(rig.works).toHaveLength(4);
    expect(rig.lines).toEqual([]);
  });
});

describe("a key that is refused", () => {
  test.each(["auth", "quota"] as const)(
    "L15: %s: the call goes on with the next, and others leave it alone",
    async (code) => {
      const rig = new Rig();
      const call = ring(rig, 2);
      const outcome = start(call, rig, "a");
      const bad = used(rig)[0]!;
      await rig.works[0]!.fail(refusal(code, { status: code === "auth" ? 401 : 429 }));
      await rig.works[1]!.answer("yes");
      expect(outcome.text).toBe("yes");
      for (let i = 0; i < 10; i++) start(call, rig, `${i}`, {});
      expect(
        used(rig)
          .slice(1)
          .every((key) => key === 1 - bad),
      ).toBe(true);
      expect(rig.lines).toEqual([
        expect.stringMatching(`^trunkline: keyed: keys\\[${bad}\\] was refused \\(${code}\\).* 10 s`),
      ]);
    },
  );

  test("one call tries it again after a while; the wait grows each time, the warning comes once", async () => {
    const rig = new Rig();
    const call = ring(rig, 2);
    const waits: number[] = [];
    let bad: number | undefined;
    for (let round = 0; round < 8; round++) {
      const before = rig.works.length;
      start(call, rig, "a");
      start(call, rig, "b");
      bad ??= used(rig)[0]!;
      const tries = rig.works.slice(before).filter(({ options }) => options.key === bad);
      expect(tries).toHaveLength(1);
      await tries[0]!.fail(refusal("auth"));
      for (const work of rig.works.slice(before)) if (work !== tries[0]) await work.answer();
      let waited = 0;
      for (;;) {
        const probe = rig.works.length;
        for (let i = 0; i < 2; i++) start(call, rig, "probe");
        const asked = rig.works.slice(probe);
        for (const work of asked) await work.answer();
        if (asked.some(({ options }) => options.key === bad)) throw new Error("too early");
        waited += 5_000;
        await rig.clock.advance(5_000);
        const { length } = waits;
        if (waited >= Math.min(600_000, 10_000 * 2 ** length)) break;
      }
      waits.push(waited);
    }
    expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 600_000, 600_000]);
    expect(rig.lines).toHaveLength(1);
    const before = rig.works.length;
    start(call, rig, "mended");
    start(call, rig, "mended");
    for (const work of rig.works.slice(before)) await work.answer();
    expect(used(rig).slice(before)).toContain(bad);
    for (let i = 0; i < 4; i++) start(call, rig, "after");
    expect(
      used(rig)
        .slice(-4)
        .filter((key) => key === bad),
    ).toHaveLength(2);
  });

  test("L16: when its time is over, one call tries it and the others do not wait for that", async () => {
    const rig = new Rig();
    const call = ring(rig, 2);
    start(call, rig, "a");
    const bad = used(rig)[0]!;
    await rig.works[0]!.fail(refusal("auth"));
    await rig.works[1]!.answer();
    await rig.clock.advance(10_000);
    for (let i = 0; i < 100; i++) start(call, rig, `${i}`);
    expect(
      used(rig)
        .slice(2)
        .filter((key) => key === bad),
    ).toHaveLength(1);
  });

  test("a try that tells nothing of the key leaves it to the next call", async () => {
    const rig = new Rig();
    const call = ring(rig, 2);
    start(call, rig, "a");
    const bad = used(rig)[0]!;
    await rig.works[0]!.fail(refusal("auth"));
    await rig.works[1]!.answer();
    await rig.clock.advance(10_000);
    for (let i = 0; i < 2; i++) {
      const before = rig.works.length;
      for (let j = 0; j < 2; j++) start(call, rig, "b");
      const [tries, others] = [0, 1].map((not) =>
        rig.works.slice(before).filter(({ options }) => (options.key === bad) === (not === 0)),
      );
      expect([tries!.length, others!.length]).toEqual([1, 1]);
      await tries![0]!.fail(refusal("server_error"));
      await others![0]!.answer();
    }
  });

  test("a burst that is refused together counts once", async () => {
    const rig = new Rig();
    const call = ring(rig, 2);
    const outcomes = Array.from({ length: 40 }, (_, i) => start(call, rig, `${i}`));
    const burst = rig.works.filter(({ options }) => options.key === 0);
    for (const work of burst) await work.fail(refusal("quota"));
    for (const work of rig.works.filter(({ options }) => options.key === 1)) await work.answer();
    expect(outcomes.every(({ text }) => text === "ok")).toBe(true);
    await rig.clock.advance(10_000);
    for (let i = 0; i < 2; i++) start(call, rig, "again");
    expect(used(rig).slice(-2)).toContain(0);
    expect(rig.lines).toHaveLength(1);
  });

  test("an answer to what was asked before the refusal does not clear it", async () => {
    const rig = new Rig();
    const call = ring(rig, 2);
    for (let i = 0; i < 4; i++) start(call, rig, `${i}`);
    const [early, late] = rig.works.filter(({ options }) => options.key === 0);
    await rig.clock.advance(5);
    await late!.fail(refusal("auth"));
    await early!.answer();
    for (let i = 0; i < 4; i++) start(call, rig, "next");
    expect(used(rig).slice(-4)).toEqual([1, 1, 1, 1]);
  });

  test("what waits in its queue goes by another key", async () => {
    const rig = new Rig();
    const call = ring(rig, 2, { requestsPerMinute: 60 });
    const outcomes = Array.from({ length: 10 }, (_, i) => start(call, rig, `${i}`));
    await rig.settle();
    const bad = rig.works[0]!;
    await bad.fail(refusal("auth"));
    for (let i = 1; i < 10; i++) {
      await rig.clock.advance(1_000);
      for (const work of rig.works.slice(1)) await work.answer();
    }
    await rig.clock.advance(2_000);
    for (const work of rig.works.slice(1)) await work.answer();
    expect(outcomes.every(({ text }) => text === "ok")).toBe(true);
    expect(used(rig).filter((key) => key === bad.options.key)).toHaveLength(1);
  });

  test("what one Client learns of a key, others need not learn again", async () => {
    const rig = new Rig();
    const [one, two] = [ring(rig, 2), ring(rig, 2)];
    start(one, rig, "a");
    const bad = used(rig)[0]!;
    await rig.works[0]!.fail(refusal("auth"));
    for (let i = 0; i < 4; i++) start(two, rig, "b");
    expect(used(rig).slice(1)).toEqual(Array(5).fill(1 - bad));
    expect(rig.lines).toHaveLength(1);
  });

  test("permission is about a model, and sure only when another key may what this one may not", async () => {
    const rig = new Rig();
    const call = ring(rig, 2);
    const outcome = start(call, rig, "a");
    await rig.works[0]!.fail(refusal("permission", { status: 403 }));
    await rig.works[1]!.fail(refusal("permission", { status: 403 }));
    expect(outcome.error).toMatchObject({ code: "permission", status: 403 });
    expect(outcome.error!.message).toContain(
      "all 2 keys of keyed are refused: keys[0] permission, keys[1] permission",
    );
    expect(rig.lines).toEqual([]);
    start(call, rig, "b");
    const bad = used(rig)[2]!;
    await rig.works[2]!.fail(refusal("permission"));
    await rig.works[3]!.answer();
    expect(rig.lines).toHaveLength(1);
    for (let i = 0; i < 4; i++) start(call, rig, "c");
    expect(used(rig).slice(-4)).toEqual(Array(4).fill(1 - bad));
    for (let i = 0; i < 4; i++) call(makeRequest("other", "d", {}, {}), rig.options());
    expect(used(rig).slice(-4)).toContain(bad);
  });

  test("all are refused: the error says so, and until one's time is over nothing is sent", async () => {
    const rig = new Rig();
    const call = ring(rig, 2, {}, ["retry"]);
    const first = start(call, rig, "a");
    await rig.works[0]!.fail(refusal("auth", { status: 401, requestId: "r1" }));
    await rig.works[1]!.fail(refusal("quota", { status: 429, requestId: "r2" }));
    const [one, two] = used(rig);
    const each = one === 0 ? "keys[0] auth, keys[1] quota" : "keys[0] quota, keys[1] auth";
    expect(first.error).toMatchObject({ code: "quota", status: 429, requestId: "r2", retryable: false });
    expect(first.error!.message).toBe(
      `refused by quota (all 2 keys of keyed are refused: ${each}; one is tried again in 10 s)`,
    );
    await rig.clock.advance(4_000);
    const second = start(call, rig, "b");
    await rig.settle();
    expect(second.error).toMatchObject({ sent: false, provider: "keyed", model: "m", retryable: false });
    expect(second.error!.message).toBe(`all 2 keys of keyed are refused: ${each}; one is tried again in 6 s`);
    expect(rig.works).toHaveLength(2);
    await rig.clock.advance(6_000);
    const third = start(call, rig, "c");
    await rig.works[2]!.answer();
    expect(third.text).toBe("ok");
    expect([one, two]).toContain(used(rig)[2]);
  });

  test("Z11: a key function that fails is not refused: another key goes at once, it itself stays in use", async () => {
    const rig = new Rig();
    const call = ring(rig, 2);
    const outcome = start(call, rig, "a");
    await rig.works[0]!.fail(refusal("auth", { retryable: true, sent: false }));
    await rig.works[1]!.answer("yes");
    expect(outcome.text).toBe("yes");
    for (let i = 0; i < 4; i++) start(call, rig, "b");
    expect(new Set(used(rig).slice(2))).toEqual(new Set([0, 1]));
    expect(rig.lines).toEqual([]);
  });

  test("of several refusals the one heard is the one that leaves hope", async () => {
    const rig = new Rig();
    const call = ring(rig, 3);
    const outcome = start(call, rig, "a");
    await rig.works[0]!.fail(refusal("auth"));
    await rig.works[1]!.fail(limited(7_000));
    await rig.works[2]!.fail(refusal("quota"));
    expect(outcome.error).toMatchObject({ code: "rate_limit", retryAfterMs: 7_000 });
  });
});

describe("a shared prefix stays with one key", () => {
  test("the calls of one tick, and those after them", async () => {
    const rig = new Rig();
    const call = ring(rig, 3, { cachesPrefixes: true });
    for (let i = 0; i < 50; i++) call(ask(`${i}`), rig.options());
    await rig.settle();
    await rig.works[0]!.answer();
    expect(rig.works).toHaveLength(50);
    await rig.clock.advance(60_000);
    for (let i = 0; i < 10; i++) call(ask(`later ${i}`), rig.options());
    await rig.settle();
    expect(new Set(used(rig)).size).toBe(1);
    // Another prefix is another matter, and no prefix needs no home.
    call(ask("x", `Other. ${system}`), rig.options());
    call(request("short"), rig.options());
    await rig.settle();
    expect(
      used(rig)
        .slice(-2)
        .every((key) => key !== used(rig)[0]),
    ).toBe(true);
  });

  test("while that has room: then it is written once more elsewhere, and both are its home", async () => {
    const rig = new Rig();
    const call = ring(rig, 2, { cachesPrefixes: true, requestsPerMinute: 60 });
    call(ask("first"), rig.options());
    await rig.settle();
    await rig.works[0]!.answer();
    const home = used(rig)[0]!;
    // One second there is less than what reading the prefix anew takes, three are more.
    call(ask("stays"), rig.options());
    await rig.clock.advance(1_000);
    expect(used(rig)).toEqual([home, home]);
    for (let i = 0; i < 3; i++) call(ask(`${i}`), rig.options());
    for (let i = 0; i < 30; i++) await rig.clock.advance(100);
    expect(used(rig).slice(2)).toContain(1 - home);
    for (let i = 0; i < 40; i++) call(ask(`more ${i}`), rig.options());
    for (let i = 0; i < 25; i++) {
      await rig.clock.advance(1_000);
      for (const work of [...rig.works]) await work.answer();
    }
    const share = used(rig)
      .slice(5)
      .filter((key) => key === home).length;
    expect(rig.works).toHaveLength(45);
    expect(share).toBeGreaterThanOrEqual(15);
    expect(share).toBeLessThanOrEqual(25);
  });

  test("without prefix sharing nothing stays", async () => {
    const rig = new Rig();
    const call = ring(rig, 2, { cachesPrefixes: true });
    for (let i = 0; i < 4; i++) call(ask(`${i}`), rig.options({ prefixSharing: false }));
    await rig.settle();
    expect(used(rig).toSorted()).toEqual([0, 0, 1, 1]);
  });

  test("a key that is limited is left for a cold one at once, however short its pause", async () => {
    const rig = new Rig();
    const call = ring(rig, 2, { cachesPrefixes: true });
    call(ask("first"), rig.options());
    await rig.settle();
    await rig.works[0]!.answer();
    call(ask("second"), rig.options());
    await rig.settle();
    const home = used(rig)[0]!;
    await rig.works[1]!.fail(limited(500));
    expect(used(rig)).toEqual([home, home, 1 - home]);
  });
});

/** How a key answers while one of its moods lasts. */
type Mood = "works" | "limited" | "refused" | "spent" | "forbidden";
const codes = { refused: "auth", spent: "quota", forbidden: "permission" } as const;

test("whatever some keys do: while one works no call is lost, none is paid twice, and everything is given back", async () => {
  const moods = fc.array(fc.constantFrom<Mood>("works", "limited", "refused", "spent", "forbidden"), {
    minLength: 6,
    maxLength: 6,
  });
  const arrivals = fc.array(
    fc.record({ at: fc.nat(50_000), ms: fc.integer({ min: 1, max: 3_000 }), shares: fc.boolean() }),
    { minLength: 1, maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(moods, { minLength: 1, maxLength: 3 }),
      arrivals,
      fc.nat(3_000),
      async (others, calls, hint) => {
        const rig = new Rig(hint);
        const { clock, admission } = rig;
        const slots = new Slots(5);
        const answered = new Map<string, number>();
        const driver: Call = ({ messages }, { key }) => {
          const question = messages.at(-1)!.content as string;
          // The last key always works.
          const mood = others[key!]?.[Math.floor(clock.now() / 10_000) % 6] ?? "works";
          return new Promise((resolve, reject) => {
            clock.after(Number(question.split(" ")[1]), () => {
              if (mood === "limited") reject(limited(hint > 1_500 ? hint * 20 : undefined));
              else if (mood !== "works") reject(refusal(codes[mood]));
              else {
                answered.set(question, (answered.get(question) ?? 0) + 1);
                resolve(completion("ok"));
              }
            });
          });
        };
        const shared = { slots: [slots], gauges: { queued: 0, waitingForSocket: 0 }, cachesPrefixes: true };
        const lines = [...others, []].map((_, i) => rig.facts({ ...shared, account: `account ${i}` }));
        const logger = () => ({ debug() {}, info() {}, warn() {} });
        const call = compose(
          [
            retry({ clock, budget: admission.budget("o") }),
            keys({ clock, logger, admission, provider, lines }),
          ],
          driver,
        );
        const outcomes: unknown[] = [];
        for (const [i, { at, ms, shares }] of calls.entries()) {
          clock.after(at, () => {
            const question = `${i} ${ms}`;
            const asked = shares ? ask(question) : request(question);
            call(asked, rig.options()).then(
              ({ text }) => outcomes.push(text),
              (error) => outcomes.push(error),
            );
          });
        }
        await clock.advance(3_600_000);
        expect(outcomes).toEqual(Array(calls.length).fill("ok"));
        expect([...answered.values()]).toEqual(Array(calls.length).fill(1));
        expect([slots.used, shared.gauges.queued, clock.pending]).toEqual([0, 0, 0]);
      },
    ),
    { numRuns: 150 },
  );
}, 30_000);

test("a Client that was closed forgets its lanes and still ends what runs", async () => {
  const rig = new Rig();
  const shared = { slots: [new Slots(1)], gauges: { queued: 0, waitingForSocket: 0 } };
  const lines = [0, 1].map((i) => rig.facts({ ...shared, account: `account ${i}` }));
  const { clock, admission } = rig;
  const logger = () => ({ debug() {}, info() {}, warn() {} });
  const call = compose([keys({ clock, logger, admission, provider, lines })], rig.driver);
  const outcome = start(call, rig, "a");
  for (const line of lines) admission.forget(line);
  await rig.works[0]!.fail(limited(5_000));
  await rig.works[1]!.answer("yes");
  expect(outcome.text).toBe("yes");
});
