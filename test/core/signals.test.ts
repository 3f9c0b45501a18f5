import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { abortError, onAbort } from "../../src/core/signals.ts";

const warnings: Error[] = [];
const note = (warning: Error) => warnings.push(warning);
beforeEach(() => {
  warnings.length = 0;
  process.on("warning", note);
});
afterEach(() => process.off("warning", note));

const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("onAbort", () => {
  test("N12: 3,000 waits on one signal are one listener, and none when they end", async () => {
    const { signal } = new AbortController();
    const stops = Array.from({ length: 3000 }, () => onAbort(signal, () => {}));
    expect(listeners(signal)).toBe(1);
    for (const stop of stops) stop();
    expect(listeners(signal)).toBe(0);
    await turn();
    expect(warnings).toEqual([]);
  });

  test("everybody who waits hears it once, with one error that carries the caller's reason", () => {
    const controller = new AbortController();
    const heard: TrunklineError[] = [];
    for (let i = 0; i < 3; i++) onAbort(controller.signal, (error) => heard.push(error));
    const reason = new Error("enough");
    controller.abort(reason);
    expect(heard).toHaveLength(3);
    expect(new Set(heard).size).toBe(1);
    expect(heard[0]).toMatchObject({ code: "aborted", retryable: false, cause: reason });
    expect(listeners(controller.signal)).toBe(0);
  });

  test("who stopped waiting hears nothing; stopping again, or after the abort, does nothing", () => {
    const controller = new AbortController();
    const heard: string[] = [];
    const stopA = onAbort(controller.signal, () => heard.push("a"));
    const stopB = onAbort(controller.signal, () => heard.push("b"));
    stopA();
    stopA();
    expect(listeners(controller.signal)).toBe(1);
    controller.abort();
    stopB();
    expect(heard).toEqual(["b"]);
  });

  test("one that stops another during the abort is obeyed", () => {
    const controller = new AbortController();
    const heard: string[] = [];
    let stopB = () => {};
    onAbort(controller.signal, () => {
      heard.push("a");
      stopB();
    });
    stopB = onAbort(controller.signal, () => heard.push("b"));
    controller.abort();
    expect(heard).toEqual(["a"]);
  });

  test("after all have stopped the next wait starts afresh", () => {
    const controller = new AbortController();
    const heard: string[] = [];
    const stopA = onAbort(controller.signal, () => heard.push("a"));
    stopA();
    onAbort(controller.signal, () => heard.push("b"));
    stopA();
    controller.abort();
    expect(heard).toEqual(["b"]);
  });
});

describe("abortError", () => {
  test("wraps any reason, and passes on an abort that is ours already", () => {
    expect(abortError(AbortSignal.abort("why"))).toMatchObject({ code: "aborted", cause: "why" });
    const ours = new TrunklineError("aborted", "left the loop");
    expect(abortError(AbortSignal.abort(ours))).toBe(ours);
    const other = new TrunklineError("network", "lost");
    expect(abortError(AbortSignal.abort(other))).toMatchObject({ code: "aborted", cause: other });
  });
});
