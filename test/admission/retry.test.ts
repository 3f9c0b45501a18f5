import { describe, expect, test } from "vitest";
import { RetryBudget, retry } from "../../src/admission/retry.ts";
import { type Call, compose } from "../../src/core/call.ts";
import { type ErrorDetails, TrunklineError } from "../../src/core/errors.ts";
import { Slots } from "../../src/core/slots.ts";
import { Rig, request } from "./rig.ts";

/** Retry alone over the driver. */
function alone(rig: Rig, budget = new RetryBudget()): Call {
  return retry({ clock: rig.clock, budget })(rig.driver);
}

const error = (code: TrunklineError["code"], details?: ErrorDetails): TrunklineError =>
  new TrunklineError(code, code, details);

describe("what is tried again", () => {
  test.each([
    error("rate_limit"),
    error("overloaded"),
    error("server_error", { status: 500 }),
    error("network"),
    error("timeout", { phase: "first_byte" }),
    error("incomplete"),
  ])("L8: $code is", async (failure) => {
    const rig = new Rig();
    const answer = alone(rig)(request("a"), rig.options());
    await rig.settle();
    await rig.works[0]!.fail(failure);
    await rig.clock.advance(500);
    expect(rig.works).toHaveLength(2);
    await rig.works[1]!.answer("fine");
    expect((await answer).text).toBe("fine");
  });

  test.each([
    error("bad_request", { status: 400 }),
    error("auth", { status: 401 }),
    error("permission", { status: 403 }),
    error("not_found", { status: 404 }),
    error("quota", { status: 429 }),
    error("context_length"),
    error("closed"),
    error("queue_full"),
    error("timeout", { phase: "queue" }),
    error("timeout", { phase: "total", retryable: false }),
    error("server_error", { retryable: false }),
    new Error("thrown by a program"),
  ])("L7, L15: $code $message is not", async (failure) => {
    const rig = new Rig();
    const answer = alone(rig)(request("a"), rig.options());
    await rig.settle();
    rig.works[0]!.fail(failure);
    await expect(answer).rejects.toBe(failure);
    expect(rig.clock.nextAt).toBe(Number.POSITIVE_INFINITY);
  });

  test("L6: maxRetries attempts after the first, and no more", async () => {
    const rig = new Rig();
    const failed = alone(rig)(request("a"), rig.options({ maxRetries: 2 }));
    failed.catch(() => {});
    for (let i = 0; i < 3; i++) {
      await rig.clock.advance(60_000);
      await rig.works[i]!.fail(error("network"));
    }
    await rig.clock.advance(600_000);
    await expect(failed).rejects.toMatchObject({ code: "network" });
    expect(rig.works).toHaveLength(3);
  });

  test("never after a delta was delivered", async () => {
    const rig = new Rig();
    const seen: string[] = [];
    const failed = alone(rig)(request("a"), rig.options({ onDelta: ({ text }) => seen.push(text) }));
    await rig.settle();
    rig.works[0]!.options.onDelta!({ text: "he" });
    rig.works[0]!.fail(error("network"));
    await expect(failed).rejects.toMatchObject({ code: "network" });
    expect(seen).toEqual(["he"]);
    expect(rig.works).toHaveLength(1);
  });

  test("a stream that failed before its first delta is tried again", async () => {
    const rig = new Rig();
    alone(rig)(request("a"), rig.options({ onDelta() {} }));
    await rig.settle();
    await rig.works[0]!.fail(error("network"));
    await rig.clock.advance(500);
    expect(rig.works).toHaveLength(2);
  });

  test("the retry budget: a dying provider sees one attempt a call, good answers earn retries again", async () => {
    const rig = new Rig();
    const budget = new RetryBudget({ largest: 10, perSuccess: 0.5 });
    const call = alone(rig, budget);
    for (let i = 0; i < 100; i++) call(request("a"), rig.options()).catch(() => {});
    let failed = 0;
    for (let round = 0; round < 10; round++) {
      await rig.clock.advance(60_000);
      for (; failed < rig.works.length; failed++) await rig.works[failed]!.fail(error("server_error"));
    }
    expect(rig.works).toHaveLength(110);
    expect(budget.left).toBe(0);
    for (let i = 0; i < 2; i++) {
      call(request("b"), rig.options());
      await rig.works.at(-1)!.answer();
    }
    expect(budget.left).toBe(1);
  });

  test("a limit's refusals take nothing from the budget", async () => {
    const rig = new Rig();
    const budget = new RetryBudget({ largest: 1 });
    const call = alone(rig, budget);
    call(request("a"), rig.options());
    await rig.works[0]!.fail(error("rate_limit"));
    expect(budget.left).toBe(1);
  });
});

describe("the wait between attempts", () => {
  test("L5, Z8: hears the abort at once; its timer holds the process until then and not longer", async () => {
    const rig = new Rig();
    const controller = new AbortController();
    const failed = alone(rig)(request("a"), rig.options({ signal: controller.signal }));
    await rig.settle();
    await rig.works[0]!.fail(error("rate_limit", { retryAfterMs: 60_000 }));
    expect(rig.clock.pending).toBe(1);
    const reason = error("aborted");
    controller.abort(reason);
    await expect(failed).rejects.toBe(reason);
    expect(rig.clock.pending).toBe(0);
    await rig.clock.advance(600_000);
    expect(rig.works).toHaveLength(1);
  });

  test("L2: a hint that leads beyond the deadline fails at once, with the hint", async () => {
    const rig = new Rig();
    const failed = alone(rig)(request("a"), rig.options({ deadlineAt: 30_000 }));
    await rig.settle();
    rig.works[0]!.fail(error("rate_limit", { retryAfterMs: 31_000 }));
    await expect(failed).rejects.toMatchObject({ code: "rate_limit", retryAfterMs: 31_000 });
    expect(rig.clock.nextAt).toBe(Number.POSITIVE_INFINITY);
  });

  test("L3: three days are not waited for", async () => {
    const rig = new Rig();
    const failed = alone(rig)(request("a"), rig.options());
    await rig.settle();
    rig.works[0]!.fail(error("rate_limit", { retryAfterMs: 277_403_000 }));
    await expect(failed).rejects.toMatchObject({ retryAfterMs: 277_403_000 });
  });

  test("holds no slot and no tokens, and comes back with the age of its arrival", async () => {
    const rig = new Rig();
    const slots = new Slots(1);
    const facts = rig.facts({ slots: [slots] });
    const budget = rig.admission.budget(facts.origin);
    const call = compose([retry({ clock: rig.clock, budget }), rig.admission.layer(facts)], rig.driver);
    const first = rig.options();
    call(request("first"), first);
    await rig.clock.advance(10);
    await rig.works[0]!.fail(error("network"));
    expect(slots.used).toBe(0);
    call(request("second"), rig.options());
    for (let i = 0; i < 3; i++) call(request("later"), rig.options());
    await rig.clock.advance(500);
    await rig.works[1]!.answer();
    expect(rig.prompts()).toEqual(["first", "second", "first"]);
    expect(first.record).toMatchObject({ attempts: 2, possiblyPaid: 1 });
  });
});

describe("possibly paid", () => {
  test.each([
    [error("network"), 1],
    [error("timeout", { phase: "first_byte" }), 1],
    [error("incomplete"), 1],
    [error("network", { sent: false }), 0],
    [error("timeout", { phase: "connect" }), 0],
    [error("rate_limit", { status: 429 }), 0],
    [error("server_error", { status: 500 }), 0],
    [error("bad_request", { status: 400 }), 0],
  ])("%s counts %i", async (failure, count) => {
    const rig = new Rig();
    const options = rig.options();
    const failed = rig.line()(request("a"), options);
    rig.works[0]!.fail(failure);
    await expect(failed).rejects.toBe(failure);
    expect(options.record.possiblyPaid).toBe(count);
  });
});
