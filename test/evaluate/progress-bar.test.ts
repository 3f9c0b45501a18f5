import { describe, expect, test } from "vitest";
import { barBy } from "../../src/evaluate/progress-bar.ts";
import { progressBar } from "../../src/index.ts";
import { collectRows } from "../../src/lm/rows.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

function terminal(options: { isTTY?: boolean; columns?: number } = {}) {
  const written: string[] = [];
  return { ...options, written, write: (text: string) => written.push(text) };
}

describe("on a terminal", () => {
  test("one line is drawn again and again: done of all, failed, rate, time left; the last one ends it", async () => {
    const clock = new FakeClock();
    const stream = terminal({ isTTY: true, columns: 200 });
    const hear = barBy(clock, stream, { label: "evaluate" });
    hear({ done: 0, failed: 0, running: 4, total: 100 });
    await clock.advance(10_000);
    hear({ done: 50, failed: 2, running: 4, total: 100 });
    await clock.advance(10_000);
    hear({ done: 100, failed: 2, running: 0, total: 100, ended: true });
    expect(stream.written).toEqual([
      "\r\u001b[2Kevaluate [                    ] 0/100",
      "\r\u001b[2Kevaluate [==========          ] 50/100, 2 failed, 5.0/s, 10 s left",
      "\r\u001b[2Kevaluate [====================] 100/100, 2 failed, 5.0/s\n",
    ]);
  });

  test("it is drawn at most ten times a second, however fast the rows are, and always at the end", async () => {
    const clock = new FakeClock();
    const stream = terminal({ isTTY: true });
    const rows = collectRows(
      clock,
      Array.from({ length: 1000 }, (_, i) => i),
      () => new Promise<void>((resolve) => void clock.after(1, resolve)),
      { concurrency: 1, onProgress: barBy(clock, stream) },
    );
    await clock.advance(1000);
    await rows;
    expect(stream.written.length).toBeLessThanOrEqual(12);
    expect(stream.written.at(-1)).toContain("1000/1000");
    expect(stream.written.at(-1)).toMatch(/\n$/);
  });

  test("a terminal that does not know its width gets a whole line", () => {
    const stream = terminal({ isTTY: true, columns: 0 });
    barBy(new FakeClock(), stream)({ done: 3, failed: 0, running: 0, total: 3, ended: true });
    expect(stream.written).toEqual(["\r\u001b[2K[====================] 3/3\n"]);
  });

  test("it never wraps", () => {
    const stream = terminal({ isTTY: true, columns: 20 });
    barBy(new FakeClock(), stream, { label: "a very long label" })({
      done: 1,
      failed: 0,
      running: 0,
      total: 9,
    });
    expect(stream.written[0]!.replace("\r\u001b[2K", "")).toHaveLength(19);
  });

  test("a run that was stopped says so and ends its line", async () => {
    const stream = terminal({ isTTY: true });
    const run = collectRows(
      new FakeClock(),
      [1, 2, 3],
      async (n) => {
        if (n === 2) throw new Error("own fault");
      },
      { concurrency: 1, maxErrors: 0, onProgress: progressBar(stream) },
    );
    await expect(run).rejects.toThrow();
    expect(stream.written.at(-1)).toMatch(/2\/3, 1 failed.*stopped\n$/);
  });

  test("the rate is that of the last half minute", async () => {
    const clock = new FakeClock();
    const stream = terminal({ isTTY: true, columns: 200 });
    const hear = barBy(clock, stream);
    let done = 900;
    // What an earlier run had kept comes at once.
    hear({ done, failed: 0, running: 1, total: 1000 });
    for (let second = 1; second <= 40; second++) {
      await clock.advance(1000);
      done += second <= 5 ? 10 : 1;
      hear({ done, failed: 0, running: 1, total: 1000 });
    }
    expect(stream.written.at(-1)).toContain(", 1.0/s, 15 s left");
  });
});

describe("elsewhere", () => {
  test("a line is written now and then, without control characters, and at the end", async () => {
    const clock = new FakeClock();
    const stream = terminal();
    const hear = barBy(clock, stream, { label: "rows" });
    for (let done = 0; done < 30; done++) {
      hear({ done, failed: 0, running: 1 });
      await clock.advance(1000);
    }
    hear({ done: 30, failed: 0, running: 0, total: 30, ended: true });
    expect(stream.written).toEqual([
      "rows 0\n",
      "rows 10, 1.0/s\n",
      "rows 20, 1.0/s\n",
      "rows [====================] 30/30, 1.0/s\n",
    ]);
  });

  test("long waits are said in hours and minutes", async () => {
    const clock = new FakeClock();
    const stream = terminal();
    const hear = barBy(clock, stream);
    hear({ done: 0, failed: 0, running: 1, total: 10_000 });
    for (const done of [10, 40]) {
      await clock.advance(10_000);
      hear({ done, failed: 0, running: 1, total: 10_000 });
    }
    expect(stream.written[1]).toContain("2 h 46 min left");
    expect(stream.written[2]).toContain("1 h 23 min left");
  });
});

test("an empty run is a whole bar; one function serves run after run", () => {
  const stream = terminal();
  const hear = progressBar(stream);
  for (let i = 0; i < 2; i++) hear({ done: 0, failed: 0, running: 0, total: 0, ended: true });
  expect(stream.written).toEqual(Array(2).fill("[====================] 0/0\n"));
});

test("it needs a stream, and knows its options", () => {
  expect(() => progressBar(undefined as never)).toThrow(/process\.stderr/);
  expect(() => progressBar(terminal(), { lable: "x" } as never)).toThrow(/did you mean "label"/);
});
