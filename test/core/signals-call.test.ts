import { describe, expect, test } from "vitest";
import { CallSignal, onAbort } from "../../src/core/signals.ts";

describe("a call's own signal", () => {
  test("tells each listener once, functions and objects alike, with the reason there already", () => {
    const signal = new CallSignal();
    const heard: unknown[] = [];
    const object = { handleEvent: () => heard.push(["object", signal.reason]) };
    const fn = () => heard.push(["function", signal.reason]);
    signal.addEventListener("abort", object);
    signal.addEventListener("abort", object);
    signal.addEventListener("abort", fn);
    signal.abort("first");
    signal.abort("second");
    expect(heard).toEqual([
      ["object", "first"],
      ["function", "first"],
    ]);
    expect(signal.aborted).toBe(true);
    expect(() => signal.throwIfAborted()).toThrow("first");
  });

  test("a listener that was removed hears nothing, one that is removed while others are told neither", () => {
    const signal = new CallSignal();
    const heard: string[] = [];
    const second = () => heard.push("second");
    const first = () => {
      heard.push("first");
      signal.removeEventListener("abort", second);
    };
    const gone = () => heard.push("gone");
    signal.addEventListener("abort", gone);
    signal.addEventListener("abort", first);
    signal.addEventListener("abort", second);
    signal.removeEventListener("abort", gone);
    signal.removeEventListener("abort", () => {});
    signal.abort(new Error("left"));
    expect(heard).toEqual(["first"]);
  });

  test("one that aborted takes no listener, and a hub of calls may sit on it", () => {
    const signal = new CallSignal();
    const heard: string[] = [];
    const leave = onAbort(signal, (error) => heard.push(error.code));
    onAbort(signal, () => heard.push("never"))();
    signal.abort("left");
    leave();
    signal.addEventListener("abort", () => heard.push("late"));
    expect(heard).toEqual(["aborted"]);
  });
});
