import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { isTrunklineError } from "../../src/core/errors.ts";
import { type Reading, SseReader, writeComment, writeEvent } from "../../src/wire/sse.ts";
import { bytes, cut } from "./support.ts";

type Event = readonly [data: string, name: string];

/** All events of `pieces`; one that the end left unfinished is marked by a third member. */
function readAll(pieces: readonly Uint8Array[]): { events: unknown[]; readings: Reading[] } {
  const events: unknown[] = [];
  const reader = new SseReader({
    onEvent: (data, name) => {
      events.push([data, name]);
      return "progress";
    },
  });
  const readings = pieces.map((piece) => reader.push(piece));
  const tail = reader.end();
  if (tail !== undefined) events.push([tail.data, tail.name, "unfinished"]);
  return { events, readings };
}

const eventsOf = (text: string): unknown[] => readAll([bytes(text)]).events;

describe("what the fields mean", () => {
  const table: readonly (readonly [string, string, readonly unknown[]])[] = [
    [
      "LF",
      "data: a\n\ndata: b\n\n",
      [
        ["a", ""],
        ["b", ""],
      ],
    ],
    [
      "W3: CRLF",
      "data: a\r\n\r\ndata: b\r\n\r\n",
      [
        ["a", ""],
        ["b", ""],
      ],
    ],
    [
      "W3: lone CR",
      "data: a\r\rdata: b\r\r",
      [
        ["a", ""],
        ["b", ""],
      ],
    ],
    ["W3: mixed line ends", "data: a\r\ndata: b\rdata: c\n\r\n", [["a\nb\nc", ""]]],
    ["W5: several data lines", "data: a\ndata:\ndata: b\n\n", [["a\n\nb", ""]]],
    ["W5: data: without space", "data:a\n\n", [["a", ""]]],
    ["W5: only one space is taken off", "data:  a \n\n", [[" a ", ""]]],
    ["W5: BOM at the start", "\ufeffdata: a\n\n", [["a", ""]]],
    ["W5: a BOM elsewhere is text", "data: \ufeffa\n\n", [["\ufeffa", ""]]],
    [
      "W5: event, id and retry",
      "id: 7\nretry: 10\nevent: x\ndata: a\n\ndata: b\n\n",
      [
        ["a", "x"],
        ["b", ""],
      ],
    ],
    ["W4: comments", ": OPENROUTER PROCESSING\n\n:\ndata: a\n: inside\n\n", [["a", ""]]],
    ["an event without data is none", "event: x\n\ndata: a\n\n", [["a", ""]]],
    ["a field without a colon", "data\n\n", [["", ""]]],
    ["an empty data line", "data:\n\n", [["", ""]]],
    ["unknown fields", "datum: x\ndata2: y\nx\n\ndata: a\n\n", [["a", ""]]],
    [
      "no final blank line",
      "data: a\n\ndata: b\n",
      [
        ["a", ""],
        ["b", "", "unfinished"],
      ],
    ],
    [
      "no final line end at all",
      "data: a\n\ndata: b",
      [
        ["a", ""],
        ["b", "", "unfinished"],
      ],
    ],
    ["blank lines alone", "\n\n\r\n\r", []],
    ["nothing", "", []],
  ];
  for (const [title, text, expected] of table) {
    test(title, () => {
      expect(eventsOf(text)).toEqual(expected);
    });
    test(`W1 W2: ${title}, cut at every byte`, () => {
      const all = bytes(text);
      expect(readAll([...all].map((byte) => Uint8Array.of(byte))).events).toEqual(expected);
      for (let at = 0; at <= all.length; at++) expect(readAll(cut(all, [at])).events).toEqual(expected);
    });
  }
});

const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
const line = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }).map((s) => `data: ${s.replace(/[\r\n]/g, "")}`),
  fc.constantFrom(
    "",
    "",
    "data:",
    "data",
    ": c",
    "event: é",
    "event:x",
    "id: 1",
    "\ufeff",
    "data:😀",
    "junk",
  ),
);
const body = fc
  .array(fc.tuple(line, lineEnd), { maxLength: 30 })
  .map((lines) => lines.map(([text, end]) => text + end).join(""));

/** The standard's own reading, on the whole text at once. */
function reference(text: string): Event[] {
  const found: Event[] = [];
  let data: string[] = [];
  let name = "";
  for (const each of text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\r|\n/)
    .slice(0, -1)) {
    if (each === "") {
      if (data.length > 0) found.push([data.join("\n"), name]);
      data = [];
      name = "";
      continue;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/su.exec(each)!;
    if (field === "data") data.push(value!);
    if (field === "event") name = value!;
  }
  return found;
}

describe("properties", () => {
  test("W1 W2 W3: any cuts give the events of the whole text, which are the standard's", () => {
    fc.assert(
      fc.property(body, fc.array(fc.nat(400), { maxLength: 12 }), (text, places) => {
        const whole = eventsOf(text).filter((event) => (event as unknown[]).length === 2);
        expect(whole).toEqual(reference(text));
        expect(readAll(cut(bytes(text), places)).events).toEqual(eventsOf(text));
      }),
      { numRuns: 500 },
    );
  });

  test("what is written is read again, line ends become LF", () => {
    const event = fc.tuple(fc.string({ unit: "binary" }), fc.constantFrom("", "message", "error"));
    fc.assert(
      fc.property(fc.array(event), (list) => {
        // Halves of surrogate pairs have no UTF-8.
        const sent = list.map(([data, name]) => [data.toWellFormed(), name] as const);
        const text = sent.map(([data, name]) => writeComment("c\nc") + writeEvent(data, name)).join("");
        expect(eventsOf(text)).toEqual(sent.map(([data, name]) => [data.replace(/\r\n|\r/g, "\n"), name]));
      }),
    );
  });
});

describe("E6: what is progress", () => {
  const cases: readonly (readonly [string, readonly string[], readonly Reading[]])[] = [
    ["an event", ["data: a\n\n"], ["progress"]],
    ["a comment is not", [": ping\n\n"], ["idle"]],
    ["a comment in pieces is not", [": pi", "ng", "\n"], ["idle", "idle", "idle"]],
    ["blank lines are not", ["\n", "\r\n", ""], ["idle", "idle", "idle"]],
    ["a long event while it grows", ["data: a", "b", "c\n\n"], ["progress", "progress", "progress"]],
    ["a ping's own name keeps it idle", ["event: ping\ndata: {", "}"], ["idle", "idle"]],
  ];
  for (const [title, pieces, expected] of cases) {
    test(title, () => {
      expect(readAll(pieces.map(bytes)).readings).toEqual(expected);
    });
  }

  test("W3: a line that ends in CR is read at once, not when the next piece shows no LF", () => {
    const { events, readings } = readAll([bytes("data: a\r\r"), bytes("\n: c\r"), bytes("\ndata: b\r\r")]);
    expect(readings).toEqual(["progress", "idle", "progress"]);
    expect(events).toEqual([
      ["a", ""],
      ["b", ""],
    ]);
  });

  test("an event that its listener calls idle is not", () => {
    const reader = new SseReader({ onEvent: (_, name) => (name === "ping" ? "idle" : "progress") });
    expect(reader.push(bytes("event: ping\ndata: {}\n\n"))).toBe("idle");
    expect(reader.push(bytes("event: ping\ndata: {}\n\ndata: x\n\n"))).toBe("progress");
  });

  test("E5: nothing is read after done", () => {
    const seen: string[] = [];
    const reader = new SseReader({
      onEvent: (data) => {
        seen.push(data);
        return data === "b" ? "done" : "progress";
      },
    });
    expect(reader.push(bytes("data: a\n\ndata: b\n\ndata: c\n\ndata: d"))).toBe("done");
    expect(reader.push(bytes("\n\ndata: e\n\n"))).toBe("done");
    expect(reader.end()).toBeUndefined();
    expect(seen).toEqual(["a", "b"]);
  });
});

describe("W6: bounds and work", () => {
  const bound = 1000;
  const tooLong: readonly (readonly [string, readonly string[]])[] = [
    ["one line without an end", ["data: ", ...Array.from({ length: 200 }, () => "0123456789")]],
    ["one line that comes at once", [`data: ${"x".repeat(bound + 1)}\n\n`]],
    ["many lines of one event", Array.from({ length: 200 }, () => "data: 0123456789\n")],
    ["many empty lines of one event", Array.from({ length: 2000 }, () => "data\n")],
    ["a comment without an end", Array.from({ length: 200 }, () => ": 0123456789")],
  ];
  for (const [title, pieces] of tooLong) {
    test(`an event beyond the bound fails: ${title}`, () => {
      const reader = new SseReader({ onEvent: () => "progress", maxBytes: bound });
      const push = () => {
        for (const piece of pieces) reader.push(bytes(piece));
      };
      expect(push).toThrow(/longer than 1000 bytes/);
      try {
        push();
      } catch (error) {
        expect(isTrunklineError(error) && error.code).toBe("bad_response");
      }
    });
  }

  test("the bound is an event's, not the stream's", () => {
    let count = 0;
    const onEvent = (): Reading => {
      count++;
      return "progress";
    };
    const reader = new SseReader({ onEvent, maxBytes: bound });
    for (let i = 0; i < 100; i++) reader.push(bytes(`data: ${"x".repeat(500)}\n\ndata: ${"y".repeat(400)}`));
    expect(count).toBe(100);
  });

  /** Bytes copied, bytes decoded and characters searched while `pieces` are read. */
  function workOf(pieces: readonly Uint8Array[]): { copied: number; decoded: number; searched: number } {
    const work = { copied: 0, decoded: 0, searched: 0 };
    const set = Uint8Array.prototype.set;
    const decode = Buffer.prototype.toString;
    const indexOf = String.prototype.indexOf;
    const spies = [
      vi.spyOn(Uint8Array.prototype, "set").mockImplementation(function (this: Uint8Array, from, at) {
        work.copied += from.length;
        return set.call(this, from, at);
      }),
      vi.spyOn(Buffer.prototype, "toString").mockImplementation(function (
        this: Buffer,
        encoding,
        start,
        end,
      ) {
        const text = decode.call(this, encoding, start, end);
        work.decoded += text.length;
        return text;
      }),
      vi.spyOn(String.prototype, "indexOf").mockImplementation(function (this: string, what, from = 0) {
        const at = indexOf.call(this, what, from);
        work.searched += (at === -1 ? this.length : at + 1) - from;
        return at;
      }),
    ];
    try {
      readAll(pieces);
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    return work;
  }

  const size = 200_000;
  const shapes: readonly (readonly [string, Uint8Array[]])[] = [
    [
      "one event, a byte at a time",
      Array.from(bytes(`data: ${"x".repeat(size)}\n\n`), (b) => Uint8Array.of(b)),
    ],
    ["one piece of many lines that end in CR", [bytes("data: x\r".repeat(size / 8))]],
    ["one piece of many lines that end in LF", [bytes("data: x\n".repeat(size / 8))]],
    ["many lines in LF with one CR at the end", [bytes(`${"data: x\n".repeat(size / 8)}\r`)]],
    ["many blank lines", [bytes("\n".repeat(size))]],
    [
      "pieces without a line end after half a line",
      [bytes("data: "), ...Array(200).fill(bytes("y".repeat(1000)))],
    ],
  ];
  for (const [title, pieces] of shapes) {
    test(`each byte is handled a fixed number of times: ${title}`, () => {
      const { copied, decoded, searched } = workOf(pieces);
      expect(copied).toBeLessThanOrEqual(4 * size);
      expect(decoded).toBeLessThanOrEqual(2 * size);
      expect(decoded).toBeGreaterThan(size / 2);
      expect(searched).toBeLessThanOrEqual(4 * size);
    });
  }
});
