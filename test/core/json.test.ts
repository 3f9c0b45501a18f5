import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonical } from "../../src/core/json.ts";

/** Plain data of every kind that has a canonical form, hostile names and half surrogates among them. */
const name = fc.oneof(
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.constantFrom("__proto__", "constructor", "toJSON", "length", "10", "9", "", "\ud800"),
);
const { value: plain } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    name,
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 4 }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(name, tie("value")), { maxLength: 4 }).map(objectOf),
  ),
}));

function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

/** The same value with the members of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date || value instanceof Uint8Array) return value;
  return objectOf(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reordered(member)] as const),
  );
}

/** Equality that knows -0 from 0 and does not see the order of members. */
function equal(a: unknown, b: unknown): boolean {
  try {
    expect(a).toStrictEqual(b);
    return true;
  } catch {
    return false;
  }
}

describe("canonical", () => {
  test("C2: the order of members never matters, at any depth", () => {
    fc.assert(fc.property(plain, (value) => canonical(reordered(value)) === canonical(value)));
    expect(canonical({ b: { d: 1, c: 2 }, a: 3 })).toBe(canonical({ a: 3, b: { c: 2, d: 1 } }));
    // Names that look like indexes order themselves in an object; the text must not show it.
    expect(canonical({ b: 0, 10: 0, 9: 0 })).toBe('{"10":0,"9":0,"b":0}');
  });

  test("C1: two different values never share a text", () => {
    fc.assert(
      fc.property(plain, plain, (a, b) => equal(a, b) === (canonical(a) === canonical(b))),
      { numRuns: 300 },
    );
    const near = [
      0, -0, 1, "1", "", "0", null, false, true, "null", "true", [], {}, [[]], [{}], { a: null }, [null], "[]", "{}",
      { a: 1 }, { a: "1" }, { a: [1] }, { a: { 0: 1 } }, [1], ["1"], new Date(1), new Date(0), "d1", "d0", 'b"AQ=="',
      new Uint8Array([1]), new Uint8Array(), "AQ==", "1970-01-01T00:00:00.001Z", new Uint8Array([1, 0]),
      { length: 0 }, { 0: 1, length: 1 }, "b", { b: "" },
    ]; // biome-ignore format: a list to read across
    expect(new Set(near.map(canonical)).size).toBe(near.length);
  });

  test("C1: text written as a value cannot pass for structure", () => {
    expect(canonical({ a: '1,"b":2' })).not.toBe(canonical({ a: 1, b: 2 }));
    expect(canonical(['a","b'])).not.toBe(canonical(["a", "b"]));
    expect(canonical({ 'a":1,"b': 2 })).not.toBe(canonical({ a: 1, b: 2 }));
  });

  test("C1: long texts, which are written behind their length, keep apart from each other and from all else", () => {
    const long = "x".repeat(50);
    const near = [
      long, `${long}x`, `s50:${long}`, `"${long}"`, [long], [long, ""], [`${long},""`], { a: long }, { a: long, b: 1 },
      { a: `${long},"b":1` }, { [long]: 1 }, `${"x".repeat(49)}\ud800`, `${"x".repeat(49)}\ud801`, `${"x".repeat(49)}\ufffd`,
    ]; // biome-ignore format: a list to read across
    expect(new Set(near.map((value) => Buffer.from(canonical(value)).toString("hex"))).size).toBe(
      near.length,
    );
  });

  test("C1: an undefined member is an absent one", () => {
    expect(canonical({ a: undefined, b: 1 })).toBe(canonical({ b: 1 }));
    expect(canonical({ a: { b: undefined } })).toBe(canonical({ a: {} }));
  });

  test.each<[string, unknown, string]>([
    ["NaN", { a: Number.NaN }, "value.a is NaN"],
    ["Infinity", [Number.POSITIVE_INFINITY], "value[0] is Infinity"],
    ["-Infinity", Number.NEGATIVE_INFINITY, "value is -Infinity"],
    ["undefined", undefined, "value is undefined"],
    ["undefined in a list", [1, undefined], "value[1] is undefined"],
    ["a hole", new Array(1), "value[0] is undefined"],
    ["a function", { a: { b: () => 1 } }, "value.a.b is a function"],
    ["toJSON, which could pass for something else", { toJSON: () => 1 }, "value.toJSON is a function"],
    ["a symbol", Symbol("x"), "value is a symbol"],
    ["a symbol member", { [Symbol("x")]: 1 }, "value is an object with symbol members"],
    ["a bigint", 1n, "value is a bigint"],
    ["a Map", new Map(), "value is an instance of Map"],
    ["a Set", [new Set()], "value[0] is an instance of Set"],
    ["a RegExp", /x/, "value is an instance of RegExp"],
    ["an Error", new Error("x"), "value is an instance of Error"],
    ["an invalid Date", new Date(Number.NaN), "value is an instance of Date"],
    ["a class instance", new (class Key {})(), "value is an instance of Key"],
    ["a boxed string", Object("x"), "value is an instance of String"],
    ["other typed arrays", new Float32Array(1), "value is an instance of Float32Array"],
  ])("C1: %s is refused with its place", (_, value, message) => {
    expect(() => canonical(value)).toThrow(
      expect.objectContaining({ code: "config", message: expect.stringContaining(message) }),
    );
  });

  test("C1: a cycle and a hopeless depth are refused", () => {
    const cycle: unknown[] = [];
    cycle.push({ cycle });
    expect(() => canonical(cycle)).toThrow(expect.objectContaining({ code: "config" }));
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(() => canonical(deep)).toThrow(/nested too deeply/);
  });

  test("C3: composed and decomposed letters differ, and so do half surrogates", () => {
    expect(canonical("é".normalize("NFC"))).not.toBe(canonical("é".normalize("NFD")));
    expect(canonical("\ud800")).not.toBe(canonical("\udfff"));
    expect(canonical("\ud800")).not.toBe(canonical("\ufffd"));
    // As bytes too, which is what a hash sees.
    expect(Buffer.from(canonical("\ud800")).equals(Buffer.from(canonical("\ud801")))).toBe(false);
    expect(canonical({ "\ud800": 1 })).not.toBe(canonical({ "\ud801": 1 }));
  });

  test("C4: a member called __proto__ is a member", () => {
    const own = JSON.parse('{"__proto__":{"a":1}}');
    expect(canonical(own)).toBe('{"__proto__":{"a":1}}');
    expect(canonical(own)).not.toBe(canonical({}));
    expect(canonical(Object.assign(Object.create(null), { a: 1 }))).toBe(canonical({ a: 1 }));
  });

  test("C5: numbers that are one in JavaScript are one here", () => {
    expect(canonical(30.0)).toBe(canonical(30));
    expect(canonical(1e21)).toBe("1e+21");
    expect(canonical(-0)).not.toBe(canonical(0));
  });

  test("what inherits from an object does not count as its own", () => {
    expect(() => canonical(Object.create({ a: 1 }))).toThrow(/has no canonical form/);
  });

  test("bytes are read at their own offset", () => {
    const whole = new Uint8Array([1, 2, 3, 4]);
    expect(canonical(whole.subarray(1, 3))).toBe(canonical(new Uint8Array([2, 3])));
    expect(canonical(Buffer.from([2, 3]))).toBe(canonical(new Uint8Array([2, 3])));
  });
});
