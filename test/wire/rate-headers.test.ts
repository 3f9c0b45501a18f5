import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rateSignals } from "../../src/wire/rate-headers.ts";
import { clock, noon } from "./support.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const read = (headers: Record<string, string>, requestWindowMs?: number) =>
  rateSignals({ date: "x", "content-type": "application/json", ...headers }, { clock, requestWindowMs });

/** OpenAI's six headers. */
const six = (limit: readonly string[], remaining: readonly string[], reset: readonly string[]) => ({
  "x-ratelimit-limit-requests": limit[0]!,
  "x-ratelimit-limit-tokens": limit[1]!,
  "x-ratelimit-remaining-requests": remaining[0]!,
  "x-ratelimit-remaining-tokens": remaining[1]!,
  "x-ratelimit-reset-requests": reset[0]!,
  "x-ratelimit-reset-tokens": reset[1]!,
});

describe("each provider's form", () => {
  test("OpenAI: durations", () => {
    expect(read(six(["10000", "200000"], ["9999", "199900"], ["6ms", "6m0s"]))).toEqual([
      { of: "requests", windowMs: minute, limit: 10_000, remaining: 9999, resetMs: 6 },
      { of: "tokens", windowMs: minute, limit: 200_000, remaining: 199_900, resetMs: 360_000 },
    ]);
  });

  test("Azure: whole seconds, negatives are unknown", () => {
    expect(read(six(["10", "2000"], ["9", "1990"], ["10", "1"]))).toMatchObject([
      { resetMs: 10_000 },
      { resetMs: 1000 },
    ]);
    expect(read(six(["-1", "2000"], ["-1", "-1"], ["0", "0"]))).toEqual([
      { of: "tokens", windowMs: minute, limit: 2000, resetMs: 0 },
    ]);
  });

  test("Groq: requests a day, tokens a minute", () => {
    expect(read(six(["14400", "6000"], ["14370", "5990"], ["2m59.56s", "7.66s"]), day)).toEqual([
      { of: "requests", windowMs: day, limit: 14_400, remaining: 14_370, resetMs: 179_560 },
      { of: "tokens", windowMs: minute, limit: 6000, remaining: 5990, resetMs: 7660 },
    ]);
  });

  test("Cerebras: windows in the names, seconds with fractions", () => {
    expect(
      read({
        "x-ratelimit-limit-requests-day": "1000",
        "x-ratelimit-remaining-requests-day": "999",
        "x-ratelimit-reset-requests-day": "33011.382867",
        "x-ratelimit-limit-tokens-minute": "100000",
        "x-ratelimit-remaining-tokens-minute": "99000",
        "x-ratelimit-reset-tokens-minute": "11.38",
        "x-ratelimit-limit-tokens-hour": "500000",
      }),
    ).toEqual([
      { of: "requests", windowMs: day, limit: 1000, remaining: 999, resetMs: 33_011_382.867 },
      { of: "tokens", windowMs: minute, limit: 100_000, remaining: 99_000, resetMs: 11_380 },
      { of: "tokens", windowMs: hour, limit: 500_000 },
    ]);
  });

  test("Anthropic: instants, input and output apart", () => {
    const reset = new Date(noon + 30_000).toISOString().replace(".000", "");
    const headers: Record<string, string> = { "anthropic-organization-id": "o" };
    for (const of of ["requests", "tokens", "input-tokens", "output-tokens"]) {
      headers[`anthropic-ratelimit-${of}-limit`] = "50";
      headers[`anthropic-ratelimit-${of}-remaining`] = "0";
      headers[`anthropic-ratelimit-${of}-reset`] = reset;
    }
    const rest = { windowMs: minute, limit: 50, remaining: 0, resetMs: 30_000 };
    expect(read(headers)).toEqual(
      ["requests", "tokens", "input_tokens", "output_tokens"].map((of) => ({ of, ...rest })),
    );
    expect(
      read({
        "anthropic-ratelimit-tokens-limit": "5",
        "anthropic-ratelimit-tokens-reset": "2020-01-01T00:00:00Z",
      }),
    ).toEqual([{ of: "tokens", windowMs: minute, limit: 5, resetMs: 0 }]);
  });

  test("Mistral: its own words, no reset", () => {
    expect(
      read({
        "x-ratelimit-limit-req-minute": "300",
        "x-ratelimit-remaining-req-minute": "299",
        "x-ratelimit-limit-tokens-minute": "500000",
        "x-ratelimit-remaining-tokens-minute": "499000",
        "x-ratelimit-tokens-query-cost": "1000",
      }),
    ).toEqual([
      { of: "requests", windowMs: minute, limit: 300, remaining: 299 },
      { of: "tokens", windowMs: minute, limit: 500_000, remaining: 499_000 },
    ]);
  });

  test("OpenRouter: milliseconds since 1970; the window is what its reset tells", () => {
    const at = (ms: number) => ({
      "x-ratelimit-limit": "20",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": String(noon + ms),
    });
    expect(read(at(30_000))).toEqual([
      { of: "requests", windowMs: minute, limit: 20, remaining: 0, resetMs: 30_000 },
    ]);
    expect(read(at(5 * hour))).toMatchObject([{ windowMs: day }]);
  });

  test("others: seconds since 1970, `per`", () => {
    expect(
      read({
        "x-ratelimit-limit-tokens-per-minute": "7",
        "x-ratelimit-reset-tokens-per-minute": String(noon / 1000 + 5),
      }),
    ).toEqual([{ of: "tokens", windowMs: minute, limit: 7, resetMs: 5000 }]);
  });
});

describe("what is no signal", () => {
  const none: readonly (readonly [string, Record<string, string>])[] = [
    ["no such header", {}],
    ["a reset alone", { "x-ratelimit-reset-tokens": "1s" }],
    ["unreadable numbers", { "x-ratelimit-limit-tokens": "many", "x-ratelimit-remaining-tokens": "1e3" }],
    [
      "variants of another kind",
      { "x-ratelimit-limit-tokens_usage_based": "5", "x-ratelimit-remaining-tokens-usage-based": "5" },
    ],
    ["somebody else's", { "cf-ratelimit-limit-requests": "5", "anthropic-priority-input-tokens-limit": "5" }],
    ["a limit of nothing", { "x-ratelimit-limit-requests": "0" }],
  ];
  for (const [title, headers] of none) {
    test(title, () => {
      expect(read(headers)).toEqual([]);
    });
  }
  test("no such header costs no list", () => {
    expect(read({})).toBe(read({}));
  });
});

test("a header that came twice counts once", () => {
  expect(
    read({ "x-ratelimit-limit-requests": "100, 100", "x-ratelimit-remaining-requests": "7, 100;w=60" }),
  ).toEqual([{ of: "requests", windowMs: minute, limit: 100, remaining: 7 }]);
});

test("any such headers give whole signals", () => {
  const name = fc
    .tuple(
      fc.constantFrom("x-ratelimit-", "anthropic-ratelimit-", "ratelimit-"),
      fc.array(
        fc.constantFrom("limit", "remaining", "reset", "tokens", "requests", "input", "day", "per", "x", ""),
        { maxLength: 4 },
      ),
    )
    .map(([start, words]) => start + words.join("-"));
  const value = fc.oneof(
    fc.string(),
    fc.double().map(String),
    fc.integer().map(String),
    fc.date().map(String),
  );
  fc.assert(
    fc.property(fc.dictionary(name, value), (headers) => {
      for (const { windowMs, limit, remaining, resetMs } of read(headers)) {
        expect(windowMs).toBeGreaterThan(0);
        expect(limit ?? remaining).toBeDefined();
        for (const number of [limit, remaining, resetMs]) {
          if (number !== undefined) expect(Number.isFinite(number) && number >= 0).toBe(true);
        }
      }
    }),
  );
});
