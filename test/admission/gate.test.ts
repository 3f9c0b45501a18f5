import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Gate, longestPauseMs, spreadHint } from "../../src/admission/gate.ts";
import { outlasts, retryDelay } from "../../src/admission/retry-timing.ts";

const junk = [Number.NaN, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const hint = fc.integer({ min: 0, max: 1e12 });

describe("timing", () => {
  test("L1, L2: never earlier than told, then spread upward by little", () => {
    fc.assert(
      fc.property(hint, chance, fc.integer({ min: 1, max: 50 }), (told, draw, retry) => {
        const delay = retryDelay(retry, told, draw);
        expect(delay).toBeGreaterThanOrEqual(told);
        expect(delay).toBeLessThanOrEqual(told + Math.max(50, Math.min(5_000, 0.1 * told)));
      }),
    );
    expect(spreadHint(1_000, 0.2)).not.toBe(spreadHint(1_000, 0.7));
  });

  test("L4: junk hints mean back-off with full jitter; 0 means at once, but jittered", () => {
    for (const told of [undefined, ...junk]) {
      expect(retryDelay(1, told, 0)).toBe(0);
      expect(retryDelay(1, told, 0.5)).toBe(250);
      expect(retryDelay(3, told, 0.5)).toBe(1_000);
      expect(retryDelay(500, told, 0.5)).toBe(15_000);
    }
    expect(retryDelay(1, 0, 0)).toBe(0);
    expect(retryDelay(1, 0, 0.5)).toBe(25);
  });

  test("L2, L3: a hint beyond the deadline, or beyond an hour, is not waited for", () => {
    expect(outlasts(1_000, 999, 0)).toBe(true);
    expect(outlasts(1_000, 1_001, 0)).toBe(false);
    expect(outlasts(277_403_000, Number.POSITIVE_INFINITY, 0)).toBe(true);
    for (const told of [undefined, ...junk]) expect(outlasts(told, 5, 0)).toBe(false);
  });
});

describe("the gate", () => {
  test("M7, L3: is never shut longer than an hour and a bit, and never for less than told", () => {
    fc.assert(
      fc.property(hint, chance, (told, draw) => {
        const gate = new Gate();
        gate.shut(told, 0, 100, draw);
        const wait = gate.waitMs(100);
        expect(wait).toBeGreaterThanOrEqual(Math.min(told, longestPauseMs));
        expect(wait).toBeLessThanOrEqual(longestPauseMs + 5_000);
      }),
    );
  });

  test("without a usable hint, pauses double while refusals go on and begin anew after a good answer", () => {
    const pauses: number[] = [];
    const gate = new Gate();
    let now = 0;
    for (const told of [undefined, ...junk]) {
      gate.shut(told, now, now + 10, 0);
      pauses.push(gate.shutUntil - now - 10);
      now = gate.shutUntil;
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
    gate.accepted(now);
    gate.shut(undefined, now, now, 0);
    expect(gate.shutUntil - now).toBe(1_000);
  });

  test("a burst of refusals is one piece of news; a later hint of it still counts", () => {
    const gate = new Gate();
    expect(gate.isNews(0, 100)).toBe(true);
    gate.shut(1_000, 0, 100, 0);
    expect(gate.isNews(0, 150)).toBe(false);
    gate.shut(3_000, 0, 150, 0);
    gate.shut(100, 0, 160, 0);
    expect(gate.shutUntil).toBe(3_150);
    expect(gate.isNews(0, 4_000)).toBe(false);
    expect(gate.isNews(3_500, 4_000)).toBe(true);
  });

  test("L16: after a pause one probe goes; the rest when it is accepted, or not refused in time", () => {
    const gate = new Gate();
    gate.shut(1_000, 0, 100, 0);
    expect(gate.waitMs(1_100)).toBe(0);
    gate.started(1_100);
    expect(gate.waitMs(1_100)).toBe(200);
    expect(gate.accepted(0)).toBe(false);
    expect(gate.waitMs(1_150)).toBe(150);
    expect(gate.accepted(1_100)).toBe(true);
    expect(gate.waitMs(1_150)).toBe(0);

    gate.shut(1_000, 1_200, 1_300, 0);
    gate.started(2_300);
    expect(gate.waitMs(2_499)).toBe(1);
    expect(gate.waitMs(2_500)).toBe(0);
    gate.started(2_500);
    expect(gate.waitMs(2_500)).toBe(0);
  });

  test("a probe that says nothing makes room for another", () => {
    const gate = new Gate();
    gate.shut(1_000, 0, 100, 0);
    gate.started(1_100);
    gate.undecided(1_100);
    expect(gate.waitMs(1_110)).toBe(0);
    gate.started(1_110);
    expect(gate.waitMs(1_110)).toBeGreaterThan(0);
  });

  test("only what a provider asked for makes waiting hopeless", () => {
    const gate = new Gate();
    gate.shut(undefined, 0, 0, 0);
    expect(gate.hopelessMs(10, 0)).toBeUndefined();
    gate.shut(5_000, 0, 0, 0);
    expect(gate.hopelessMs(4_000, 0)).toBe(5_000);
    expect(gate.hopelessMs(6_000, 0)).toBeUndefined();
    gate.shut(2 * longestPauseMs, 0, 0, 0);
    expect(gate.hopelessMs(Number.POSITIVE_INFINITY, 0)).toBe(2 * longestPauseMs);
    expect(gate.hopelessMs(Number.POSITIVE_INFINITY, longestPauseMs)).toBeUndefined();
  });
});
