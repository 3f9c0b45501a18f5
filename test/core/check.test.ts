import { describe, expect, test } from "vitest";
import { checkOptions, checks, didYouMean, oneOf, show, wrongOption } from "../../src/core/check.ts";

const config = (message: string | RegExp) =>
  expect.objectContaining({ code: "config", message: expect.stringMatching(message) });

describe("checkOptions", () => {
  const table = { timeout: checks.duration, cache: checks.boolean, mode: oneOf("drain", "abort") };

  test("right options, none at all and undefined members pass", () => {
    for (const options of [
      undefined,
      {},
      { timeout: undefined },
      { timeout: 5, cache: false, mode: "drain" },
    ]) {
      expect(() => checkOptions("LM", options, table)).not.toThrow();
    }
  });

  test("a wrong value names the option, what was expected and what came", () => {
    expect(() => checkOptions("LM", { timeout: "5 s" }, table)).toThrow(
      config(/^LM: timeout: expected milliseconds above 0 \(Infinity for none\), got "5 s"$/),
    );
    expect(() => checkOptions("LM", { mode: "stop" }, table)).toThrow(
      config(/^LM: mode: expected one of "drain", "abort", got "stop"$/),
    );
    expect(() => checkOptions("LM", { cache: null }, table)).toThrow(
      config(/expected true or false, got null/),
    );
  });

  test("an unknown name is an error with the nearest known one", () => {
    expect(() => checkOptions("LM", { timeOut: 5 }, table)).toThrow(
      config(/^LM: unknown option "timeOut"; did you mean "timeout"\? known are: cache, mode, timeout$/),
    );
    expect(() => checkOptions("LM", { banana: 5 }, table)).toThrow(
      config(/^LM: unknown option "banana"; known are: cache, mode, timeout$/),
    );
  });

  test.each(["constructor", "toString", "__proto__"])("%s is no known option", (name) => {
    const options = JSON.parse(`{ "${name}": 1 }`);
    expect(() => checkOptions("LM", options, table)).toThrow(config(/unknown option/));
  });

  test.each([[null], ["text"], [[1]], [5], [() => 1]])(
    "options that are no object are refused: %j",
    (options) => {
      expect(() => checkOptions("LM", options, table)).toThrow(config(/^LM: expected an object of options/));
    },
  );
});

describe("checks", () => {
  const right = (name: keyof typeof checks, values: readonly unknown[]) =>
    values.filter((value) => checks[name](value) !== undefined);
  const wrong = (name: keyof typeof checks, values: readonly unknown[]) =>
    values.filter((value) => checks[name](value) === undefined);

  test("numbers mind their range, and no check takes NaN or text", () => {
    expect(right("count", [0, 1, 2 ** 53 - 1])).toEqual([]);
    expect(wrong("count", [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, "1", null])).toEqual([]);
    expect(right("positiveCount", [1, 5])).toEqual([]);
    expect(wrong("positiveCount", [0, -1, 1.5, Number.NaN])).toEqual([]);
    expect(right("duration", [1, 0.5, Number.POSITIVE_INFINITY])).toEqual([]);
    expect(wrong("duration", [0, -1, Number.NaN, "1"])).toEqual([]);
    expect(wrong("rate", [0, -1, Number.NaN])).toEqual([]);
    expect(wrong("finite", [Number.NaN, Number.POSITIVE_INFINITY, "1"])).toEqual([]);
  });

  test("kinds are told apart", () => {
    expect(right("plainObject", [{}, Object.create(null)])).toEqual([]);
    expect(wrong("plainObject", [[], null, "x", 1, () => 1])).toEqual([]);
    expect(wrong("string", [1, null, ["x"]])).toEqual([]);
    expect(wrong("fn", ["x", {}])).toEqual([]);
    expect(right("signal", [new AbortController().signal])).toEqual([]);
    expect(wrong("signal", [new AbortController(), {}])).toEqual([]);
  });
});

describe("show", () => {
  test("a picture is one short line and never a long text", () => {
    expect(show("short")).toBe('"short"');
    expect(show("line\nbreak")).toBe('"line\\nbreak"');
    expect(show("x".repeat(61))).toBe("a string of 61 characters");
    expect(show([1, 2])).toBe("an array of 2");
    expect(show({ apiKey: "secret", b: 1 })).toBe("an object with the keys apiKey, b");
    expect(show({})).toBe("an object with the keys (none)");
    expect(show(new Map())).toBe("a Map");
    expect(show(() => 1)).toBe("a function");
    expect(show(null)).toBe("null");
    expect(show(undefined)).toBe("undefined");
    expect(show(Symbol("x"))).toBe("Symbol(x)");
    expect(show(5n)).toBe("5");
  });

  test("an error made of it holds no value of an object", () => {
    expect(wrongOption("key", "a string", { secret: "sk-1" }).message).not.toContain("sk-1");
  });
});

describe("didYouMean", () => {
  test("names the nearest within a third of the letters, whatever the case", () => {
    expect(didYouMean("opnai", ["openai", "groq"])).toBe('did you mean "openai"? known are: groq, openai');
    expect(didYouMean("OpenAI", ["openai"])).toMatch(/^did you mean "openai"/);
    expect(didYouMean("xyzzy", ["openai", "groq"])).toBe("known are: groq, openai");
  });

  test("a huge unknown name costs nothing", () => {
    expect(didYouMean("x".repeat(10_000_000), ["openai"])).toBe("known are: openai");
  });
});
