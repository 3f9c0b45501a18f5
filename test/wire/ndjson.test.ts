import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { NdjsonReader } from "../../src/wire/ndjson.ts";
import { bytes, cut } from "./support.ts";

/** Reads pieces; says what lines came, how each piece was read, and what the end left. */
function readLines(pieces: readonly Uint8Array[], maxBytes?: number, last?: string) {
  const lines: string[] = [];
  const reader = new NdjsonReader({
    onLine: (line) => {
      lines.push(line);
      return line === last ? "done" : "progress";
    },
    ...(maxBytes !== undefined && { maxBytes }),
  });
  const readings = pieces.map((piece) => reader.push(piece));
  return { lines, readings, tail: reader.end()?.data };
}

test("lines, blank ones left out, in any cut", () => {
  const content = fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => JSON.stringify({ text }));
  const places = fc.array(fc.nat(400), { maxLength: 10 });
  fc.assert(
    fc.property(fc.array(content, { maxLength: 10 }), places, fc.boolean(), (wanted, at, crlf) => {
      const end = crlf ? "\r\n" : "\n";
      const all = bytes(wanted.map((line) => `${line}${end}${end}`).join(""));
      const { lines, tail } = readLines(cut(all, at));
      expect(lines.map((line) => line.trimEnd())).toEqual(wanted);
      expect(tail).toBeUndefined();
    }),
  );
});

test("a byte order mark is none of the first line's", () => {
  expect(readLines([bytes("\ufeff{}\n{}\n")]).lines).toEqual(["{}", "{}"]);
  expect(readLines([bytes("\ufeff{}")]).tail).toBe("{}");
});

test("W2: a character that is cut in half is whole again", () => {
  const all = bytes("🌍\n");
  for (let at = 1; at < all.length; at++) expect(readLines(cut(all, [at])).lines).toEqual(["🌍"]);
});

test("the end gives the line that was left without its own", () => {
  expect(readLines([bytes("a\nb"), bytes("c")])).toMatchObject({ lines: ["a"], tail: "bc" });
});

test("a line that grows is progress, blank lines are none, and nothing is read after the end", () => {
  const { lines, readings } = readLines(
    [bytes("\n\n"), bytes("a"), bytes("b\nc\n"), bytes("d\n")],
    100,
    "ab",
  );
  expect(readings).toEqual(["idle", "progress", "done", "done"]);
  expect(lines).toEqual(["ab"]);
});

describe("W6: bounds and work", () => {
  const tooLong = (pieces: readonly Uint8Array[]): unknown => {
    try {
      readLines(pieces, 10);
    } catch (error) {
      return error instanceof TrunklineError && error.code;
    }
    return "it was read";
  };

  test("a line beyond the bound is an error, in one piece or in many", () => {
    expect(tooLong([bytes(`${"x".repeat(11)}\n`)])).toBe("bad_response");
    expect(tooLong(Array.from({ length: 11 }, () => bytes("x")))).toBe("bad_response");
    expect(tooLong([bytes(`${"x".repeat(10)}\n`.repeat(5))])).toBe("it was read");
  });

  test("a long line that comes a byte at a time is copied a fixed number of times", () => {
    const length = 300_000;
    const piece = bytes("x");
    let lines = 0;
    const reader = new NdjsonReader({
      onLine: (line) => {
        lines += line.length;
        return "progress";
      },
    });
    for (let i = 0; i < length; i++) reader.push(piece);
    reader.push(bytes("\n"));
    expect(lines).toBe(length);
  });
});
