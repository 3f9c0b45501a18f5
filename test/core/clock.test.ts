import { AsyncLocalStorage } from "node:async_hooks";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/core/clock.ts";

afterEach(() => vi.useRealTimers());

const day = 86_400_000;

describe("systemClock", () => {
  test("fires once, in the order of the waits", async () => {
    vi.useFakeTimers();
    const fired: string[] = [];
    systemClock.after(20, () => fired.push("late"));
    systemClock.after(10, () => fired.push("early"));
    systemClock.after(-5, () => fired.push("past"));
    await vi.advanceTimersByTimeAsync(100);
    expect(fired).toEqual(["past", "early", "late"]);
  });

  test("M7, L3: a wait beyond what a Node timer can hold is waited for in full", async () => {
    vi.useFakeTimers();
    const fired = vi.fn();
    systemClock.after(60 * day, fired);
    await vi.advanceTimersByTimeAsync(60 * day - 1);
    expect(fired).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(fired).toHaveBeenCalledOnce();
  });

  test("a long wait can be cancelled in its second stretch too", async () => {
    vi.useFakeTimers();
    const fired = vi.fn();
    const timer = systemClock.after(60 * day, fired);
    await vi.advanceTimersByTimeAsync(40 * day);
    timer.cancel();
    timer.cancel();
    await vi.advanceTimersByTimeAsync(40 * day);
    expect(fired).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("Infinity never fires and holds nothing; NaN is an error", () => {
    vi.useFakeTimers();
    systemClock.after(Number.POSITIVE_INFINITY, () => expect.unreachable()).cancel();
    expect(vi.getTimerCount()).toBe(0);
    expect(() => systemClock.after(Number.NaN, () => {})).toThrow(TypeError);
  });

  test("N13: timers and turns run outside the context of whoever started them", async () => {
    const context = new AsyncLocalStorage<string>();
    const seen = await context.run("a call", () =>
      Promise.all([
        new Promise((resolve) => systemClock.after(0, () => resolve(context.getStore()))),
        new Promise((resolve) => systemClock.turn(() => resolve(context.getStore()))),
      ]),
    );
    expect(seen).toEqual([undefined, undefined]);
  });

  test.each([
    ["Z8: a pending timer holds the process until it fires", "pending", "fired\n"],
    ["Z7: an idle timer never holds the process", "idle", ""],
  ])("%s", async (_, kind, printed) => {
    const clock = new URL("../../src/core/clock.ts", import.meta.url).href;
    const text = `
      const { systemClock } = await import(${JSON.stringify(clock)});
      systemClock.after(50, () => console.log("fired"), ${JSON.stringify(kind)});
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", text]);
    expect(stdout).toBe(printed);
  });

  test("time goes on and chance stays in its range", () => {
    const before = systemClock.now();
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
    expect(systemClock.wall()).toBeGreaterThan(Date.UTC(2025, 0, 1));
    for (let i = 0; i < 100; i++) {
      const drawn = systemClock.random();
      expect(drawn >= 0 && drawn < 1).toBe(true);
    }
  });
});
