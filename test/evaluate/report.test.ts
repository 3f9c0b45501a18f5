import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { Report, type Result } from "../../src/evaluate/report.ts";

const usage = { inputTokens: 3, outputTokens: 1, totalTokens: 4, cachedInputTokens: 0, cacheWriteTokens: 0 };
const facts = { usage, cost: undefined, latencyMs: 12.5 };
const result = (index: number, rest: Partial<Result>): Result => ({
  index,
  example: { question: `q${index}` },
  ...facts,
  ...rest,
});

/** Reads CSV as RFC 4180 has it. */
function readCSV(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === "\r\n") rows.push([]);
  }
  return rows.slice(0, -1);
}
const columns = (text: string): Record<string, string>[] => {
  const [head, ...rows] = readCSV(text);
  return rows.map((row) => Object.fromEntries(row.map((cell, i) => [head![i]!, cell])));
};

describe("toCSV", () => {
  test("P28: the header has the columns of all rows, so a first row that failed changes nothing", () => {
    const report = new Report([
      result(0, { score: 0, error: new TrunklineError("parse", "no answer") }),
      result(1, { score: 1, prediction: { answer: "2" }, feedback: "good", cost: { usd: 0.5, saved: 0 } }),
    ]);
    expect(columns(report.toCSV())).toEqual([
      {
        index: "0",
        "example.question": "q0",
        "prediction.answer": "",
        score: "0",
        feedback: "",
        error: "parse: no answer",
        inputTokens: "3",
        outputTokens: "1",
        costUsd: "",
        latencyMs: "12.5",
      },
      {
        index: "1",
        "example.question": "q1",
        "prediction.answer": "2",
        score: "1",
        feedback: "good",
        error: "",
        inputTokens: "3",
        outputTokens: "1",
        costUsd: "0.5",
        latencyMs: "12.5",
      },
    ]);
  });

  test("any text comes back", () => {
    const text = fc.string({ unit: fc.constantFrom('"', ",", "\r", "\n", "a", "ü", " ", "=") });
    fc.assert(
      fc.property(text, text, (name, value) => {
        const csv = new Report([result(0, { score: 1, prediction: { [`x${name}`]: value } })]).toCSV();
        expect(columns(csv)[0]![`prediction.x${name}`]).toBe(value);
      }),
    );
  });

  test("what is no text is JSON; a prediction that is no object has a column of its own", () => {
    const report = new Report([
      result(0, { score: 1, prediction: { list: [1, "a"], zero: 0, no: false, nothing: null } }),
      result(1, { score: 1, prediction: "bare" }),
    ]);
    const [first, second] = columns(report.toCSV());
    expect(first).toMatchObject({
      "prediction.list": '[1,"a"]',
      "prediction.zero": "0",
      "prediction.no": "false",
      "prediction.nothing": "",
    });
    expect(second!.prediction).toBe("bare");
  });

  test("escapeFormulas disarms texts that a spreadsheet would run, and leaves numbers alone", () => {
    const prediction = { a: "=1+1", b: "@x", c: -1, d: "fine", "=e": "-x", f: "\t=1" };
    const report = new Report([result(0, { score: 1, prediction })]);
    expect(columns(report.toCSV())[0]).toMatchObject({ "prediction.a": "=1+1", "prediction.c": "-1" });
    expect(columns(report.toCSV({ escapeFormulas: true }))[0]).toMatchObject({
      "prediction.a": "'=1+1",
      "prediction.b": "'@x",
      "prediction.c": "-1",
      "prediction.d": "fine",
      "prediction.=e": "'-x",
      "prediction.f": "'\t=1",
    });
    expect(() => report.toCSV({ escape: true } as never)).toThrow(/unknown option/);
  });
});

describe("toJSON", () => {
  test("has the score, the interval and every row", () => {
    const report = new Report([
      result(0, { score: 1, prediction: { answer: "2" }, cost: { usd: 1, saved: 2 } }),
      result(1, { score: 0, prediction: { answer: "3" } }),
      result(2, { prediction: { answer: "4" }, error: new TrunklineError("metric", "row 2: NaN") }),
    ]);
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({
      score: 0.5,
      interval: { method: "wilson" },
      scored: 2,
      usage: { totalTokens: 12 },
      cost: { usd: 1, saved: 2 },
      errors: [{ index: 2, code: "metric", message: "row 2: NaN" }],
      results: [{ index: 0, prediction: { answer: "2" } }, {}, { error: { code: "metric" } }],
    });
  });

  test("is safe for any value", () => {
    const cycle: Record<string, unknown> = { name: "cycle" };
    cycle.self = cycle;
    const deep = Array.from({ length: 500 }).reduce<unknown>((inner) => [inner], "deep");
    const odd = {
      big: 10n,
      not: Number.NaN,
      far: Number.POSITIVE_INFINITY,
      when: new Date(0),
      never: new Date(Number.NaN),
      map: new Map([["a", new Set([1])]]),
      bytes: new Uint8Array(3),
      link: new URL("https://example.com/"),
      fn: function named() {},
      sym: Symbol("s"),
      hole: [undefined, 1],
      gone: undefined,
      error: new RangeError("r"),
      get bad(): never {
        throw new Error("no");
      },
      angry: {
        toJSON() {
          throw new Error("no");
        },
      },
      cycle,
      deep,
      __proto__x: 1,
    };
    const [row] = (
      JSON.parse(JSON.stringify(new Report([result(0, { score: 1, prediction: odd })]))) as {
        results: { prediction: Record<string, unknown> }[];
      }
    ).results;
    expect(row!.prediction).toMatchObject({
      big: "10",
      not: "NaN",
      far: "Infinity",
      when: "1970-01-01T00:00:00.000Z",
      never: null,
      map: [["a", [1]]],
      bytes: "[3 bytes]",
      link: "https://example.com/",
      fn: "[function named]",
      sym: "Symbol(s)",
      hole: [null, 1],
      error: { message: "r" },
      bad: "[unreadable]",
      angry: "[unreadable]",
      cycle: { name: "cycle", self: "[a cycle]" },
    });
    expect(row!.prediction).not.toHaveProperty("gone");
    expect(JSON.stringify(row!.prediction.deep)).toContain("nested too deeply");
  });

  test("the same object twice is no cycle", () => {
    const shared = { a: 1 };
    const report = new Report([result(0, { score: 1, prediction: { x: shared, y: [shared] } })]);
    expect(report.toJSON()).toMatchObject({ results: [{ prediction: { x: { a: 1 }, y: [{ a: 1 }] } }] });
  });
});

describe("toString", () => {
  const report = new Report([
    result(0, { score: 1, prediction: { answer: "line one\nline two \u001b[31m red" } }),
    result(1, { score: 0, error: new TrunklineError("parse", "no answer") }),
    result(2, { error: new TrunklineError("metric", "row 2: NaN"), prediction: { answer: "4" } }),
    result(3, { score: 0.25, prediction: "x".repeat(500), cost: { usd: 0.012345, saved: 0 } }),
  ]);

  test("is a table for people: a line a row, no control characters, no endless cells", () => {
    const text = String(report);
    expect(text).toContain("score 0.4167, 95 % interval");
    expect(text).toContain("3 of 4 rows scored, 1 of them failed");
    expect(text).toContain("rows that do not count: 1, the first by metric: row 2: NaN");
    expect(text).toContain("$0.01235 spent");
    expect(text).toContain("line one line two [31m red");
    expect(text).toContain("failed: parse: no answer");
    expect(text).not.toContain("\u001b");
    const lines = text.split("\n");
    expect(lines).toHaveLength(4 + 1 + 2 + 4);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(130);
  });

  test("shows as many rows as are asked for", () => {
    expect(report.toString(1)).toContain("and 3 more");
  });
});
