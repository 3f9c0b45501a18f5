import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import type { CallOptions, Moves, Priority } from "../../src/core/call.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { type ChatRequest, makeRequest } from "../../src/core/request.ts";
import { Slots } from "../../src/core/slots.ts";
import { Rig, request } from "./rig.ts";

const rateLimit = (retryAfterMs?: number): TrunklineError =>
  new TrunklineError("rate_limit", "slow down", { status: 429, retryAfterMs });

/** Options of joined work, whose urgency moves. */
function movable(rig: Rig, priority: Priority) {
  const state = { priority };
  const moves: Moves = {};
  const options: CallOptions = {
    ...rig.options({ moves }),
    get priority() {
      return state.priority;
    },
  };
  const become = (to: Priority): void => {
    state.priority = to;
    moves.onMoved?.();
  };
  return { options, moves, become };
}

describe("work whose urgency moves while it waits", () => {
  test("C19: an urgent joiner lifts work that is queued already, and its leaving lets it fall back", async () => {
    const rig = new Rig();
    const call = rig.line({ slots: [new Slots(1)] });
    call(request("runs"), rig.options());
    const joined = movable(rig, "batch");
    call(request("evaluation"), rig.options({ priority: "evaluation" }));
    call(request("joined"), joined.options);
    const other = movable(rig, "batch");
    call(request("other"), other.options);
    joined.become("interactive");
    other.become("interactive");
    other.become("batch");
    for (let i = 0; i < 4; i++) await rig.works[i]!.answer();
    expect(rig.prompts()).toEqual(["runs", "joined", "evaluation", "other"]);
    expect([joined.moves, other.moves]).toEqual([{ onMoved: undefined }, { onMoved: undefined }]);
  });

  test("it is heard wherever the call waits: to be compared, or for a leader of its prefix", async () => {
    const rig = new Rig();
    const call = rig.line({ slots: [new Slots(2)], cachesPrefixes: true });
    const joined = movable(rig, "batch");
    const ask = (question: string): ChatRequest =>
      makeRequest(
        "m",
        [
          { role: "system", content: "A long prefix. ".repeat(600) },
          { role: "user", content: question },
        ],
        {},
        {},
      );
    call(ask("leader"), rig.options());
    call(ask("first"), rig.options({ priority: "evaluation" }));
    call(ask("joined"), joined.options);
    joined.become("evaluation");
    await rig.settle();
    expect(rig.admission.stats().lanes[0]!.waitingForPrefix).toBe(2);
    call(request("short"), rig.options());
    joined.become("interactive");
    await rig.works[0]!.answer();
    expect(rig.prompts()).toEqual(["leader", "short", "joined"]);
    joined.become("batch");
    await rig.works[1]!.answer();
    expect(rig.prompts().at(-1)).toBe("first");
  });
});

describe("places", () => {
  test("a call with everything free starts at once, without a timer or a wait", () => {
    const rig = new Rig();
    const call = rig.line();
    call(request("a"), rig.options());
    expect(rig.works).toHaveLength(1);
    expect(rig.clock.nextAt).toBe(Number.POSITIVE_INFINITY);
  });

  test("N20: a slot is held until the work settles, even when its caller has left", async () => {
    const rig = new Rig();
    const slots = new Slots(1);
    const call = rig.line({ slots: [slots] });
    const controller = new AbortController();
    const first = call(request("a"), rig.options({ signal: controller.signal }));
    const second = call(request("b"), rig.options());
    controller.abort(new TrunklineError("aborted", "left"));
    await rig.settle();
    expect(rig.prompts()).toEqual(["a"]);
    expect(slots.used).toBe(1);
    await rig.works[0]!.answer();
    expect(rig.prompts()).toEqual(["a", "b"]);
    await rig.works[1]!.answer();
    await Promise.all([first, second]);
    expect(slots.used).toBe(0);
  });

  test("a call takes a place of each kind or none", async () => {
    const rig = new Rig();
    const own = new Slots(5);
    const pool = new Slots(1);
    const gauges = { queued: 0, waitingForSocket: 0 };
    const call = rig.line({ slots: [own, pool], poolSlots: pool, gauges });
    for (const prompt of ["a", "b", "c"]) call(request(prompt), rig.options());
    await rig.settle();
    expect(own.used).toBe(1);
    expect(gauges).toEqual({ queued: 2, waitingForSocket: 2 });
    expect(rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toContain("`connections`");
    await rig.works[0]!.answer();
    expect(gauges).toEqual({ queued: 1, waitingForSocket: 1 });
    await rig.works[1]!.answer();
    await rig.works[2]!.answer();
    expect(gauges).toEqual({ queued: 0, waitingForSocket: 0 });
    expect([own.used, pool.used]).toEqual([0, 0]);
    expect(rig.lines).toHaveLength(1);
  });

  test("lanes that share a pool get its places in turn", async () => {
    const rig = new Rig();
    const pool = new Slots(1);
    const call = rig.line({ slots: [pool] });
    for (let i = 0; i < 6; i++) call(request(`long ${i}`, "long"), rig.options());
    for (let i = 0; i < 2; i++) call(request(`short ${i}`, "short"), rig.options());
    for (let i = 0; i < 8; i++) {
      await rig.settle();
      await rig.works[i]!.answer();
    }
    expect(rig.prompts()).toEqual([
      "long 0",
      "long 1",
      "short 0",
      "long 2",
      "short 1",
      "long 3",
      "long 4",
      "long 5",
    ]);
  });

  test("a full Client does not hold up another of the same lane", async () => {
    const rig = new Rig();
    const narrow = rig.line({ slots: [new Slots(1)] });
    const wide = rig.line();
    narrow(request("a"), rig.options());
    narrow(request("b"), rig.options());
    wide(request("c"), rig.options());
    await rig.settle();
    expect(rig.prompts()).toEqual(["a", "c"]);
    expect(rig.admission.stats().lanes).toHaveLength(1);
  });

  test("a limit that grows lets waiting calls go", async () => {
    const rig = new Rig();
    const slots = new Slots(0);
    const call = rig.line({ slots: [slots] });
    call(request("a"), rig.options());
    await rig.settle();
    expect(rig.works).toHaveLength(0);
    for (const prompt of ["b", "c", "d"]) call(request(prompt), rig.options());
    slots.limit = 3;
    await rig.settle();
    expect(rig.prompts()).toEqual(["a", "b", "c"]);
  });
});

describe("the queue", () => {
  test("whoever comes later does not pass a call that waits for its bucket", async () => {
    const rig = new Rig();
    const call = rig.line({ tokensPerMinute: 60_000 });
    const options = (): CallOptions => rig.options();
    call(request("x".repeat(200)), options());
    call(request("y".repeat(4_000)), options());
    await rig.clock.advance(220);
    call(request("z"), { ...options(), maxRetries: 0 });
    await rig.settle();
    expect(rig.works).toHaveLength(1);
    await rig.clock.advance(10_000);
    expect(rig.prompts().map(([first]) => first)).toEqual(["x", "y", "z"]);
  });

  test("a waiting call leaves at once on abort, and nothing is left of it", async () => {
    const rig = new Rig();
    const gauges = { queued: 0, waitingForSocket: 0 };
    const call = rig.line({ slots: [new Slots(0)], gauges });
    const controller = new AbortController();
    const waiting = call(request("a"), rig.options({ signal: controller.signal, queueTimeout: 1_000 }));
    const reason = new TrunklineError("aborted", "left");
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(gauges.queued).toBe(0);
    expect(rig.clock.pending).toBe(0);
  });

  test("no listener stays on a signal, however the wait ends", async () => {
    const rig = new Rig();
    const slots = new Slots(0);
    const call = rig.line({ slots: [slots] });
    const { signal } = new AbortController();
    call(request("a"), rig.options({ signal }));
    call(request("b"), rig.options({ signal, queueTimeout: 10 })).catch(() => {});
    expect(getEventListeners(signal, "abort")).toHaveLength(2);
    await rig.clock.advance(10);
    slots.limit = 1;
    await rig.settle();
    expect(rig.works).toHaveLength(1);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("a call that is aborted between its admission and its start is not sent, and gives all back", async () => {
    const rig = new Rig();
    const slots = new Slots(1);
    const call = rig.line({ slots: [slots], requestsPerMinute: 600 });
    call(request("a"), rig.options());
    const controller = new AbortController();
    const waiting = call(request("b"), rig.options({ signal: controller.signal }));
    const refused = expect(waiting).rejects.toMatchObject({ code: "aborted" });
    await rig.clock.advance(1_000);
    slots.onRoom(() => controller.abort(new TrunklineError("aborted", "left")));
    await rig.works[0]!.answer();
    await refused;
    expect(rig.prompts()).toEqual(["a"]);
    expect(slots.used).toBe(0);
  });

  test("L17: queueTimeout is its own deadline and says so", async () => {
    const rig = new Rig();
    const call = rig.line({ slots: [new Slots(0)] });
    const waiting = call(request("a"), rig.options({ queueTimeout: 500 }));
    waiting.catch(() => {});
    await rig.clock.advance(499);
    await rig.clock.advance(1);
    await expect(waiting).rejects.toMatchObject({ code: "timeout", phase: "queue", sent: false });
  });

  test("a full queue refuses", async () => {
    const rig = new Rig();
    const call = rig.line({ slots: [new Slots(0)] });
    call(request("a"), rig.options({ maxQueue: 1 }));
    await expect(call(request("b"), rig.options({ maxQueue: 1 }))).rejects.toMatchObject({
      code: "queue_full",
    });
  });

  test("a full queue takes back the call that it had let in, not one that another lane has tried", async () => {
    const rig = new Rig();
    const call = rig.line({ slots: [new Slots(1)] });
    const mine = rig.options({ maxQueue: 1 });
    const first = call(request("mine"), mine);
    first.catch(() => {});
    const theirs = rig.options({ maxQueue: 1 });
    call(request("theirs", "another"), theirs).catch(() => {});
    await rig.works[0]!.fail(new TrunklineError("server_error", "no"));
    await rig.works[1]!.fail(new TrunklineError("server_error", "no"));
    call(request("running"), rig.options());
    call(request("waiting"), rig.options());
    let refused: unknown;
    call(request("mine"), mine).catch((error) => {
      refused = error;
    });
    await expect(call(request("theirs"), theirs)).rejects.toMatchObject({ code: "queue_full" });
    expect(refused).toBeUndefined();
  });

  test("the record counts the wait, the work and the attempt", async () => {
    const rig = new Rig();
    const call = rig.line({ slots: [new Slots(1)] });
    call(request("a"), rig.options());
    const options = rig.options();
    const done = call(request("b"), options);
    await rig.clock.advance(300);
    await rig.works[0]!.answer();
    await rig.clock.advance(100);
    rig.works[1]!.options.watch.onFirstByte!();
    await rig.clock.advance(100);
    await rig.works[1]!.answer();
    await done;
    expect(options.record).toMatchObject({
      queueMs: 300,
      providerMs: 200,
      firstByteMs: 100,
      attempts: 1,
      possiblyPaid: 0,
    });
  });
});

describe("pauses", () => {
  test("L1: one 429 pauses the lane for everybody, and one probe goes first", async () => {
    const rig = new Rig();
    const call = rig.line();
    const failed = call(request("a"), rig.options());
    await rig.clock.advance(100);
    rig.works[0]!.fail(rateLimit(1_000));
    await expect(failed).rejects.toMatchObject({ code: "rate_limit" });
    for (let i = 0; i < 50; i++) call(request("b"), rig.options());
    await rig.clock.advance(999);
    expect(rig.works).toHaveLength(1);
    await rig.clock.advance(150);
    expect(rig.works).toHaveLength(2);
    expect(rig.works[1]!.at).toBeGreaterThanOrEqual(1_100);
  });

  test("a refusal that comes late, of a burst that is over, does not lower the rate again", async () => {
    const rig = new Rig();
    const call = rig.line({ requestsPerMinute: 6_000 });
    for (let i = 0; i < 3; i++) call(request("a"), rig.options()).catch(() => {});
    await rig.clock.advance(100);
    await rig.works[0]!.fail(rateLimit(100));
    const allowed = (): number => Math.round(rig.admission.stats().lanes[0]!.rates[0]!.allowed);
    const once = allowed();
    await rig.clock.advance(300);
    call(request("probe"), rig.options());
    await rig.works.at(-1)!.answer();
    await rig.works[1]!.fail(rateLimit(100));
    expect(allowed()).toBe(once);
    await rig.clock.advance(300);
    call(request("probe"), rig.options());
    await rig.works.at(-1)!.answer();
    await rig.clock.advance(300);
    call(request("news"), rig.options()).catch(() => {});
    await rig.clock.advance(10);
    expect(rig.prompts().at(-1)).toBe("news");
    await rig.works.at(-1)!.fail(rateLimit(100));
    expect(allowed()).toBeLessThan(once);
  });

  test("what was never sent gives its tokens back", async () => {
    const rig = new Rig();
    const call = rig.line({ tokensPerMinute: 60_000 });
    const level = (): number => rig.admission.stats().lanes[0]!.rates[0]!.level;
    for (const [details, back] of [
      [{ sent: false }, true],
      [{}, false],
    ] as const) {
      await rig.clock.advance(60_000);
      call(request("a"), rig.options()).catch(() => {});
      await rig.works.at(-1)!.fail(new TrunklineError("network", "lost", details));
      expect(level() === 100).toBe(back);
    }
  });

  test("L12: the lane of another model goes on", async () => {
    const rig = new Rig();
    const call = rig.line();
    call(request("a"), rig.options()).catch(() => {});
    await rig.clock.advance(100);
    await rig.works[0]!.fail(rateLimit(1_000));
    call(request("b", "other"), rig.options());
    await rig.settle();
    expect(rig.works).toHaveLength(2);
  });
});
