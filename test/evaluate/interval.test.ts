import { expect, test } from "vitest";
import { intervalOf, meanOf } from "../../src/evaluate/interval.ts";

test.each([
  // Wilson's own interval, as published tables and R's prop.test(correct = FALSE) give it.
  ["1 of 1", [1], 0.2065, 1],
  ["0 of 1", [0], 0, 0.7935],
  ["5 of 10", [1, 1, 1, 1, 1, 0, 0, 0, 0, 0], 0.2366, 0.7634],
  ["0 of 10", Array(10).fill(0), 0, 0.2775],
  ["81 of 263", [...Array(81).fill(1), ...Array(182).fill(0)], 0.2553, 0.3662],
])("scores of 0 and 1 have Wilson's interval: %s", (_, scores, low, high) => {
  const interval = intervalOf(scores)!;
  expect(interval.method).toBe("wilson");
  expect(interval.low).toBeCloseTo(low, 4);
  expect(interval.high).toBeCloseTo(high, 4);
});

test.each([
  // R: t.test(x)$conf.int
  [[0.5, 0.7], -0.6706205, 1.8706205],
  [[1, 2, 3, 4, 5], 1.036757, 4.963243],
  [Array.from({ length: 12 }, (_, i) => i), 3.209153, 7.790847],
  [Array.from({ length: 101 }, (_, i) => i / 100), 0.4421606, 0.5578394],
])("other scores have Student's: %j", (scores, low, high) => {
  const interval = intervalOf(scores)!;
  expect(interval.method).toBe("student-t");
  expect(interval.low).toBeCloseTo(low, 4);
  expect(interval.high).toBeCloseTo(high, 4);
});

test("P13: one score that is neither, or none, has no interval; equal scores have one of no width", () => {
  expect(intervalOf([0.5])).toBeUndefined();
  expect(intervalOf([])).toBeUndefined();
  expect(intervalOf([0.5, 0.5, 0.5])).toEqual({ low: 0.5, high: 0.5, method: "student-t" });
});

test("a share lies in its interval, to the last digit", () => {
  for (let n = 1; n <= 300; n++) {
    expect(intervalOf(Array(n).fill(1))!.high).toBe(1);
    expect(intervalOf(Array(n).fill(0))!.low).toBe(0);
  }
});

test("a share is what people would write", () => {
  for (const [hits, rows, mean] of [
    [22, 50, 0.44],
    [7, 10, 0.7],
    [1, 3, 1 / 3],
  ] as const) {
    expect(meanOf(Array.from({ length: rows }, (_, i) => ((i * 7) % rows < hits ? 1 : 0)))).toBe(mean);
  }
});

test("the mean of large scores does not overflow", () => {
  expect(meanOf([1e308, 1e308, 1e308])).toBe(1e308);
});
