import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isTrunklineError } from "../../src/core/errors.ts";
import { checkInputs, checkOutputs } from "../../src/signature/check.ts";
import { signature } from "../../src/signature/make.ts";
import { parseSignature } from "../../src/signature/parse.ts";
import { printFields } from "../../src/signature/print.ts";
import { table } from "./table.ts";

const print = (text: string): string => {
  const { inputs, outputs } = parseSignature(text);
  return `${printFields(inputs)} -> ${printFields(outputs)}`.trimStart();
};

/** Runs and gives the error, which must be of the signature's own kind. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isTrunklineError(error) && error.code === "signature") return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("the table", () => {
  test.each(table)("R21: $text", ({ text, prints, inputs, outputs, wrong = {} }) => {
    const one = signature(text);
    expect(String(one)).toBe(prints);
    expect(print(prints)).toBe(prints);
    expect(checkInputs(one, inputs)).toEqual(inputs);
    expect(checkOutputs(one, outputs as Record<string, unknown>)).toEqual({ values: outputs, problems: [] });
    for (const [name, values] of Object.entries(wrong as Record<string, readonly unknown[]>)) {
      for (const value of values) {
        if (one.inputs.some((field) => field.name === name)) {
          expect(refusal(() => checkInputs(one, { ...inputs, [name]: value }))).toContain(`${name}`);
        } else {
          expect(checkOutputs(one, { ...outputs, [name]: value })).toMatchObject({
            problems: [{ field: name }],
          });
        }
      }
    }
  });
});

test("a field says whether it may be absent or null, and what it is for", () => {
  const { inputs, outputs } = parseSignature("a, b?: int 'how many' -> c: Optional[str], d?: 'x' | None");
  expect(inputs).toEqual([
    { name: "a", type: { kind: "string" }, optional: false, nullable: false },
    { name: "b", type: { kind: "int" }, optional: true, nullable: false, description: "how many" },
  ]);
  expect(outputs).toMatchObject([
    { name: "c", optional: false, nullable: true },
    { name: "d", optional: true, nullable: true },
  ]);
  expect(Object.isFrozen(inputs) && inputs.every(Object.isFrozen)).toBe(true);
});

test.each([
  [
    "a -> b: strng",
    /unknown type "strng"; did you mean "string"\?.* \(character 9\)\n {2}a -> b: strng\n {10}\^$/,
  ],
  [
    "question\n, hint: int\n-> answer: list",
    /expected "\[" after "list", got the end.*\n {2}-> answer: list\n {17}\^$/,
  ],
  ["a b -> c", /expected "->" between the inputs and the outputs, got "b" \(character 3\)/],
  ["a, b", /expected "->" .*, got the end of the text/],
  ["a -> b -> c", /one "->" is enough \(character 8\)/],
  ["a ->", /expected a name, got the end of the text \(character 5\)/],
  ["", /expected a name, got the end of the text \(character 1\)/],
  ["->", /expected a name/],
  ["a, -> b", /expected a name, got "->"/],
  ["a -> b,", /expected a name/],
  ["a, a -> b", /the name "a" is there twice \(character 4\)/],
  ["a -> b, a", /the name "a" is there twice \(character 9\)/],
  ["a: -> b", /expected a type, got "->"/],
  ["a -> b: 'c", /this ' is never closed \(character 9\)/],
  ["don't -> b", /this ' is never closed \(character 4\)/],
  ["a -> b = 'x'", /expected "," or the end, got "="/],
  ["a?? -> b", /got "\?"/],
  ["a -> b: {}", /an object without members; write "object" for any/],
  ["a -> b: { c: int", /expected "}"/],
  ["a -> b: (int", /expected "\)"/],
  ["a -> b: int]", /got "]"/],
  ["a -> b: list[int", /expected "]"/],
  ["a -> b: dict[int, str]", /expected "str" \(the keys of a dict are strings\), got "int"/],
  ["a -> b: dict[str]", /expected "," and the type of the values/],
  ["a -> b: Literal[c]", /expected a quoted text or a number, got "c"/],
  ["a -> b: Literal[]", /expected a quoted text or a number, got "]"/],
  ["a -> b: 1.0", /unknown type "1.0"/],
  ["a -> b: List[str]", /unknown type "List"; did you mean "list"\?/],
  ["a -> b: String", /did you mean "string"\?/],
  ["a -> b: dspy.Image", /unknown type "dspy.Image"/],
  ["1st -> b", /expected the name of a field .*, got "1st"/],
  ["a-b -> c", /expected the name of a field .*, got "a-b"/],
  ["_a -> b", /expected the name of a field .*, got "_a"/],
  ["__proto__ -> b", /expected the name of a field .*, got "__proto__"/],
  ["a -> b: { __proto__: int }", /expected the name of a member, got "__proto__"/],
  ["a -> b: image", /"b": "image", "file" and "history" can only be inputs/],
  ["a -> b: { c: file[] }", /can only be inputs/],
  ["a: history[] -> b", /"a": "history" is a whole input, no part of one/],
])("a typo is refused with its place: %s", (text, expected) => {
  expect(refusal(() => signature(text))).toMatch(expected);
});

test("a long line is shown around the place alone", () => {
  const text = `${"a_long_name, ".repeat(40).replace(/name/g, () => `name${Math.floor(names++)}`)}b: strng, ${"c".repeat(200)} -> d`;
  const message = refusal(() => signature(text));
  const [, line, caret] = message.slice(message.indexOf("(character")).split("\n");
  expect(line!.length).toBeLessThan(110);
  expect(line!.slice(caret!.length - 1)).toMatch(/^strng, c/);
});
let names = 0;

test("depth and length are bounded", () => {
  for (const open of ["(", "{a:", "list[", "Optional["]) {
    expect(refusal(() => signature(`a -> b: ${open.repeat(5_000)}`))).toContain("nest at most 16 deep");
  }
  expect(refusal(() => signature(`a -> b: int${"[]".repeat(20_000)}`))).toContain("nest at most 16 deep");
  expect(refusal(() => signature(`a -> b ${" ".repeat(100_000)}`))).toContain("at most 100000 characters");
});

// --- Properties ---------------------------------------------------------------------------------------------

const name = fc.stringMatching(/^[a-z][a-zA-Z0-9_]{0,8}$/);
const space = fc.constantFrom("", " ", "\n", " \t ");
const quoted = fc.string({ maxLength: 8 }).map((text) => {
  const free = text.replaceAll(/['"]/g, "");
  return text.length % 2 === 0 ? `'${free}'` : `"${free}"`;
});

const { type } = fc.letrec<{ type: string; primary: string; fields: string }>((tie) => ({
  type: fc.array(tie("primary"), { minLength: 1, maxLength: 3 }).map((all) => all.join("|")),
  primary: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("string", "str", "number", "float", "int", "boolean", "bool", "object", "null", "None"),
    quoted,
    fc.integer({ min: -99, max: 99 }).map(String),
    fc.tuple(tie("type"), space).map(([inner, gap]) => `(${gap}${inner})`),
    tie("primary").map((inner) => `${inner}[]`),
    tie("type").map((inner) => `list[${inner}]`),
    tie("type").map((inner) => `Optional[${inner}]`),
    tie("type").map((inner) => `dict[str, ${inner}]`),
    fc.array(quoted, { minLength: 1, maxLength: 3 }).map((all) => `Literal[${all.join(", ")}]`),
    tie("fields").map((inner) => `{ ${inner} }`),
  ),
  fields: fieldsOf(tie("type")),
}));

function fieldsOf(types: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const field = fc.tuple(fc.boolean(), fc.option(types), fc.option(quoted), space);
  return fc
    .uniqueArray(fc.tuple(name, field), { selector: ([key]) => key, minLength: 1, maxLength: 4 })
    .map((all) =>
      all
        .map(([key, [optional, of, about, gap]]) => {
          const typed = of === null ? "" : `:${gap}${of}`;
          return `${gap}${key}${optional ? "?" : ""}${gap}${typed}${gap}${about ?? ""}${gap}`;
        })
        .join(","),
    );
}

test("R21: what is printed reads as what was read", () => {
  fc.assert(
    fc.property(fieldsOf(type), fieldsOf(type), (inputs, outputs) => {
      let printed: string;
      try {
        printed = print(`${inputs}->${outputs}`);
      } catch (error) {
        // Two sides may share a name, and types may nest too deep; both are refused and nothing else is.
        expect(String(error)).toMatch(/there twice|nest at most/);
        return;
      }
      expect(print(printed)).toBe(printed);
      expect(parseSignature(printed)).toEqual(parseSignature(`${inputs}->${outputs}`));
    }),
    { numRuns: 500 },
  );
});

test("noise is a signature error or a signature, never anything else", () => {
  const pieces = fc.constantFrom(
    ..."->|?|:|,|[|]|{|}|(|)|'|\"| |\n|=|a|b|int|list|dict|str|Optional|Literal|None|-1|1e9|__proto__|constructor|\0|\ud800|é|history".split(
      "|",
    ),
    "|",
  );
  const noise = fc.oneof(
    fc.array(pieces, { maxLength: 40 }).map((all) => all.join("")),
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.tuple(fc.constantFrom(...table), fc.nat(), fc.nat(), pieces).map(([{ text }, at, cut, piece]) => {
      const from = at % text.length;
      return text.slice(0, from) + piece + text.slice(from + (cut % 5));
    }),
  );
  fc.assert(
    fc.property(noise, (text) => {
      try {
        const one = signature(text);
        expect(String(signature(String(one)))).toBe(String(one));
      } catch (error) {
        if (!isTrunklineError(error)) throw error;
        expect(error.code).toBe("signature");
      }
    }),
    { numRuns: 3_000 },
  );
});
