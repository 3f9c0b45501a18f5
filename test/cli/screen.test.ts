import { describe, expect, test } from "vitest";
import { reasonOf } from "../../src/cli/demo/meter.ts";
import { Progress } from "../../src/cli/demo/progress.ts";
import { bar, table, wrap } from "../../src/cli/demo/screen.ts";
import { TrunklineError } from "../../src/core/errors.ts";

test("a table lines up, names to the left and values to the right", () => {
  expect(
    table(
      ["", "a", "bb"],
      [
        ["time", "1", "2"],
        ["x", "100", "2,000"],
      ],
    ),
  ).toBe(["         a      bb", "----   ---   -----", "time     1       2", "x      100   2,000"].join("\n"));
});

test("text is wrapped at words, and a long word stays whole", () => {
  expect(wrap("one two three", 7)).toBe("one two\nthree");
  expect(wrap("extraordinary it is", 5)).toBe("extraordinary\nit is");
});

test("a bar is never longer than its width", () => {
  expect([0, 0.5, 1, 2].map((share) => bar(share, 4))).toEqual(["░░░░", "██░░", "████", "████"]);
});

describe("Progress", () => {
  const standing = (ended: number, failed = 0) => ({ ended, failed, sockets: 3 });
  function screen(isTTY: boolean, columns = 200) {
    let text = "";
    const write = (piece: string) => {
      text += piece;
      return true;
    };
    return { out: { isTTY, columns, write } as unknown as NodeJS.WriteStream, text: () => text };
  }

  test("without a terminal it prints a line a quarter", () => {
    const { out, text } = screen(false);
    const progress = new Progress(out, "through trunkline:", 100);
    for (let ended = 1; ended <= 100; ended++) progress.show(standing(ended), 5);
    progress.done();
    expect(text().split("\n")).toEqual([
      ...[25, 50, 75, 100].map((n) => `through trunkline: ${n} of 100 calls, 3 sockets, 5 descriptors`),
      "",
    ]);
  });

  test("on a terminal it draws over one line that never wraps, and leaves none", () => {
    const { out, text } = screen(true, 30);
    const progress = new Progress(out, "plain:", 10);
    progress.show(standing(5, 2), undefined);
    progress.done();
    const [empty, drawn, cleared] = text().split("\r\x1b[2K");
    expect([empty, cleared]).toEqual(["", ""]);
    expect(drawn).toHaveLength(29);
    expect(text()).not.toContain("\n");
  });
});

describe("reasonOf", () => {
  test("N1: a descriptor limit is found however deep it hides", () => {
    const emfile = Object.assign(new Error("connect EMFILE"), { code: "EMFILE" });
    expect(reasonOf(emfile)).toBe("descriptor limit");
    expect(reasonOf(new TrunklineError("network", "lost", { cause: emfile }))).toBe("descriptor limit");
    expect(reasonOf(new AggregateError([new Error("x"), emfile]))).toBe("descriptor limit");
  });

  test("any other failure is named by its outermost code", () => {
    const reset = Object.assign(new Error("reset"), { code: "ECONNRESET" });
    expect(reasonOf(new TrunklineError("network", "lost", { cause: reset }))).toBe("network");
    expect(reasonOf(reset)).toBe("ECONNRESET");
    expect(reasonOf("text")).toBe("unknown");
    const loop: { cause?: unknown } = {};
    loop.cause = loop;
    expect(reasonOf(loop)).toBe("unknown");
  });
});
