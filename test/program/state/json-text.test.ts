import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJson } from "../../../src/program/state/json-text.ts";

const faultOf = (text: string): string => {
  try {
    readJson(text);
  } catch (fault) {
    return (fault as Error).message;
  }
  return "none";
};

describe("readJson", () => {
  test("reads what JSON.stringify writes, with any spaces", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, "\t", "\r\n"), (value, space) => {
        const text = JSON.stringify(value, null, space);
        expect(readJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test("takes no text that JSON.parse refuses, and refuses none but with names that come twice", () => {
    const pieces = fc.constantFrom(
      ...'{}[],:"\\ut0-1.eE \n',
      "true",
      "null",
      '"a"',
      '"b"',
      "1e999",
      "\\u00e9",
      "\u0001",
      "01",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (list) => {
        const text = list.join("");
        const ours = attempt(() => readJson(text));
        const theirs = attempt(() => JSON.parse(text));
        if (ours.value !== undefined) expect(theirs.value).toEqual(ours.value);
        else if (theirs.value !== undefined) expect(faultOf(text)).toMatch(/has already|too large/);
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([
    ["", "line 1, column 1: the end of the file, expected a value"],
    ['{\n  "a": nan }', "line 2, column 8: expected a value"],
    ['{"a": NaN}', "line 1, column 7: expected a value"],
    ['{\n "a": 1,\n "a": 2 }', "line 3, column 2: a name that this object has already"],
    ['{"a": 1,}', 'line 1, column 9: expected a name in double quotes or "}"'],
    ["{'a': 1}", 'line 1, column 2: expected a name in double quotes or "}"'],
    ["[1 2]", 'line 1, column 4: expected "," or "]"'],
    ["[1] x", "line 1, column 5: expected the end of the file"],
    ['"secret', "line 1, column 1: a text without an end"],
    ['["sec\nret"]', "line 1, column 2: a text with a control character or a wrong escape in it"],
    ["[01]", "line 1, column 2: expected a number"],
    [`[${"9".repeat(500)}]`, "line 1, column 2: a number that is too large"],
    ['{"a" 1}', 'line 1, column 6: expected ":"'],
  ])("the place of what is wrong in %j", (text, message) => {
    expect(faultOf(text)).toBe(message);
  });

  test("what is nested without end, or never ends, is a fault and no overflow", () => {
    expect(faultOf("[".repeat(5_000_000))).toBe("line 1, column 102: nested more than 100 levels deep");
    expect(faultOf('{"a":'.repeat(200))).toMatch(/nested more than 100/);
    expect(faultOf(`[${"1,".repeat(1_000_001)}1]`)).toMatch(/more than 1000000 values/);
    expect(faultOf(`"${"\\".repeat(3_000_001)}"`)).toBe("line 1, column 1: a text without an end");
  });

  test("__proto__ and its kin are names like any other", () => {
    const value = readJson(
      '{"__proto__": {"polluted": 1}, "constructor": 2, "a": {"__proto__": 3}}',
    ) as object;
    expect(Object.keys(value)).toEqual(["__proto__", "constructor", "a"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect((value as { polluted?: unknown }).polluted).toBeUndefined();
    expect(faultOf('{"__proto__": 1, "__proto__": 2}')).toMatch(/has already/);
  });

  test("long texts are read whole", () => {
    const long = `${"\\\\".repeat(100_000)}\\"${"x".repeat(4_000_000)}`;
    expect((readJson(`"${long}"`) as string).length).toBe(4_100_001);
  });
});

function attempt(read: () => unknown): { value?: unknown } {
  try {
    return { value: read() };
  } catch {
    return {};
  }
}
