import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { durationMs } from "../../src/wire/duration.ts";
import { retryAfterMs } from "../../src/wire/retry-after.ts";
import { clock, noon } from "./support.ts";

const hint = (headers: Record<string, string>, error?: unknown): number | undefined =>
  retryAfterMs({ headers, error, clock });
const waitOf = (value: string, date?: string): number | undefined =>
  hint({ "retry-after": value, ...(date !== undefined && { date }) });

const http = (ms: number): string => new Date(ms).toUTCString();

describe("L4: the header's forms", () => {
  const table: readonly (readonly [string, number | undefined])[] = [
    ["20", 20_000],
    ["1.5", 1500],
    ["0", 0],
    ["0.001", 1],
    [" 7 ", 7000],
    ["20, 20", 20_000],
    ["6m0s", 360_000],
    ["250ms", 250],
    // L3, M7: long hints are told as they are; who waits compares them with a deadline and a timer's reach.
    ["277403", 277_403_000],
    ["9999999", 9_999_999_000],
    [String(noon / 1000 + 90), 90_000],
    [String(noon + 90_000), 90_000],
    [String(noon / 1000 - 90), 0],
    [new Date(noon + 5000).toISOString(), 5000],
    ["-1", undefined],
    ["+5", undefined],
    ["", undefined],
    [" ", undefined],
    ["soon", undefined],
    ["NaN", undefined],
    ["Infinity", undefined],
    ["1e3", undefined],
    ["0x10", undefined],
    ["1 000", undefined],
    ["5s later", undefined],
    ["9".repeat(19), undefined],
    ["9".repeat(400), undefined],
    ["Wed, 99 Oct 2026 99:99:99 GMT", undefined],
    ["Wednesday", undefined],
  ];
  for (const [value, ms] of table) {
    test(`${JSON.stringify(value.slice(0, 40))} is ${ms}`, () => {
      expect(waitOf(value)).toBe(ms);
    });
  }
});

describe("L4: dates", () => {
  test("counted from the server's own date, however wrong the clocks are", () => {
    const server = noon + 8 * 3_600_000;
    expect(waitOf(http(server + 30_000), http(server))).toBe(30_000);
    expect(waitOf(http(server - 30_000), http(server))).toBe(0);
  });
  test("counted from our clock where the server shows none, or nonsense", () => {
    expect(waitOf(http(noon + 30_000))).toBe(30_000);
    expect(waitOf(http(noon + 30_000), "yesterday")).toBe(30_000);
    expect(waitOf(http(noon - 30_000))).toBe(0);
  });
  test("the form without a zone means GMT, wherever this machine stands", () => {
    const parse = vi.spyOn(Date, "parse");
    waitOf("Fri Oct  9 12:00:10 2026");
    expect(parse).toHaveBeenCalledWith("Fri Oct  9 12:00:10 2026 GMT");
    parse.mockRestore();
  });
  test("all three forms of HTTP", () => {
    expect(waitOf("Fri, 09 Oct 2026 12:00:10 GMT")).toBe(10_000);
    expect(waitOf("Friday, 09-Oct-26 12:00:10 GMT")).toBe(10_000);
    expect(waitOf("Fri Oct  9 12:00:10 2026")).toBe(10_000);
  });
});

describe("which hint wins", () => {
  test("milliseconds before seconds, headers before the body, a reset last", () => {
    const all = {
      "retry-after-ms": "1500.5",
      "x-ms-retry-after-ms": "1400",
      "retry-after": "2",
      "x-ratelimit-reset": "9",
    };
    const { "retry-after-ms": _, ...second } = all;
    const { "x-ms-retry-after-ms": __, ...third } = second;
    const { "retry-after": ___, ...last } = third;
    const error = { message: "try again in 3s" };
    expect(hint(all, error)).toBe(1500.5);
    expect(hint(second, error)).toBe(1400);
    expect(hint(third, error)).toBe(2000);
    expect(hint(last, error)).toBe(3000);
    expect(hint(last)).toBe(9000);
    expect(hint({})).toBeUndefined();
  });
  test("junk gives way to the next", () => {
    expect(hint({ "retry-after-ms": "junk", "retry-after": "2" })).toBe(2000);
    expect(hint({ "retry-after-ms": "-1", "retry-after": "-2" }, { message: "Please retry in 4s." })).toBe(
      4000,
    );
  });
});

describe("hints in bodies", () => {
  const info = (retryDelay: unknown) => ({
    details: [{ "@type": "Help" }, { "@type": "RetryInfo", retryDelay }],
  });
  const table: readonly (readonly [string, unknown, number | undefined])[] = [
    ["Google's delay", info("46s"), 46_000],
    ["Google's fraction", info("46.25s"), 46_250],
    ["Google's delay as an object", info({ seconds: "3" }), 3000],
    ["Google's junk", info("soon"), undefined],
    ["a negative delay", info({ seconds: -3 }), undefined],
    ["OpenAI's words", { message: "Limit 3. Please try again in 20s. Visit https://x" }, 20_000],
    ["minutes", { message: "Please try again in 6m0s." }, 360_000],
    ["milliseconds", { message: "try again in 120ms" }, 120],
    ["Groq's fraction", { message: "Please try again in 5.289s." }, 5289],
    ["Azure's words", { message: "Please retry after 10 seconds." }, 10_000],
    ["one minute", { message: "retry after 1 minute" }, 60_000],
    ["Gemini's words", { message: "Please retry in 46.2s." }, 46_200],
    ["a number without a unit", { message: "try again in 20" }, undefined],
    ["words", { message: "try again in a while" }, undefined],
    ["a bare string", "try again in 2s", 2000],
    [
      "a router's copy of a header",
      { metadata: { headers: { "X-RateLimit-Reset": String(noon + 700) } } },
      700,
    ],
    ["a list", [1], undefined],
    ["null", null, undefined],
  ];
  for (const [title, error, ms] of table) {
    test(title, () => {
      expect(hint({}, error)).toBe(ms);
    });
  }
});

test("any header and body give a finite wait of 0 or more, or none", () => {
  const value = fc.oneof(
    fc.string(),
    fc.double().map(String),
    fc.bigInt().map(String),
    fc.date().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  );
  fc.assert(
    fc.property(value, value, fc.jsonValue(), value, (a, date, error, said) => {
      for (const ms of [
        hint({ "retry-after": a, "retry-after-ms": a, date }),
        hint({ "x-ratelimit-reset": a }),
        hint({}, error),
        hint({}, { message: `try again in ${said}` }),
      ]) {
        if (ms !== undefined) expect(Number.isFinite(ms) && ms >= 0).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

describe("durations", () => {
  const table: readonly (readonly [string, number | undefined])[] = [
    ["12ms", 12],
    ["1s", 1000],
    ["6m0s", 360_000],
    ["2m59.56s", 179_560],
    ["7.66s", 7660],
    ["1h2m3s", 3_723_000],
    ["1d", 86_400_000],
    ["1us", 0.001],
    ["1µs", 0.001],
    ["0s", 0],
    ["", undefined],
    ["5", undefined],
    ["s", undefined],
    ["-1s", undefined],
    ["1s ", undefined],
    ["1x", undefined],
    ["1.s", undefined],
  ];
  for (const [text, ms] of table) {
    test(`${JSON.stringify(text)} is ${ms}`, () => {
      expect(durationMs(text)).toBe(ms);
    });
  }
});
