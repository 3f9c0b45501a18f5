import type { InferSignature } from "../../src/signature/infer.ts";
import type { FilePart, History, ImagePart } from "../../src/signature/media.ts";

/** Whether two types are the same to the compiler, optional members and all. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

interface Expected<I, O> {
  /** The signature in the grammar's own spelling. */
  readonly prints: string;
  /** Values of the types that the compiler reads; the checks must take them. */
  readonly inputs: I;
  readonly outputs: O;
  /** Values that the checks must refuse, by field. */
  readonly wrong?: { readonly [K in keyof I | keyof O]?: readonly unknown[] };
}

/** One signature: its text, what the parser makes of it, and the types that the compiler must read. */
export interface Row extends Expected<object, object> {
  readonly text: string;
}

/** Does not compile unless the compiler reads exactly `I` and `O` from the text. */
function row<I extends object, O extends object>() {
  return <const S extends string>(
    text: S,
    expected: Same<InferSignature<S>, { inputs: I; outputs: O }> extends true
      ? Expected<I, O>
      : { compilerReads: InferSignature<S> },
  ): Row => ({ text, ...(expected as Expected<I, O>) });
}

const photo: ImagePart = { type: "image", url: "https://example.com/cat.png" };
const paper: FilePart = { type: "file", data: "JVBERi0=", mediaType: "application/pdf" };

export const table: readonly Row[] = [
  row<{ question: string }, { answer: string }>()("question -> answer", {
    prints: "question: string -> answer: string",
    inputs: { question: "Why?" },
    outputs: { answer: "Because." },
    wrong: { question: [1, null, ["a"]], answer: [1, null, {}] },
  }),
  row<{ a: string }, { b: string }>()("a->b", {
    prints: "a: string -> b: string",
    inputs: { a: "x" },
    outputs: { b: "y" },
  }),
  row<Record<never, never>, { joke: string }>()("-> joke", {
    prints: "-> joke: string",
    inputs: {},
    outputs: { joke: "" },
  }),
  row<{ sentence: string }, { emotion: "joy" | "anger" | "fear" }>()(
    "sentence -> emotion: 'joy' | 'anger' | 'fear'",
    {
      prints: "sentence: string -> emotion: 'joy' | 'anger' | 'fear'",
      inputs: { sentence: "..." },
      outputs: { emotion: "joy" },
      wrong: { emotion: ["Joy", "", null, 1] },
    },
  ),
  row<{ facts: string[]; question: string }, { verdict: boolean }>()(
    "facts: string[], question -> verdict: boolean",
    {
      prints: "facts: string[], question: string -> verdict: boolean",
      inputs: { facts: ["a", "b"], question: "" },
      outputs: { verdict: false },
      wrong: { facts: ["a", [1], [null], {}], verdict: ["true", 1] },
    },
  ),
  row<{ a: number; b: number; c: Record<string, unknown>; d: null }, { e: number }>()(
    "a: number, b: int, c: object, d: null -> e: float",
    {
      prints: "a: number, b: int, c: object, d: null -> e: number",
      inputs: { a: 1.5, b: 2, c: { any: ["thing"] }, d: null },
      outputs: { e: -0.5 },
      wrong: {
        a: [Number.NaN, Number.POSITIVE_INFINITY, "1", 1n],
        b: [1.5, "2"],
        c: [[], null, "{}", new Map(), new Date(0)],
        d: [0, "null"],
      },
    },
  ),
  row<{ a: string; b: number; c: boolean }, { d: string[]; e: Record<string, number> }>()(
    "a: str, b: float, c: bool -> d: list[str], e: dict[str, int]",
    {
      prints: "a: string, b: number, c: boolean -> d: string[], e: dict[str, int]",
      inputs: { a: "", b: 0, c: true },
      outputs: { d: [], e: { one: 1, constructor: 2 } },
      wrong: { d: ["x", [1]], e: [[], { one: "1" }, { one: 1.5 }, null] },
    },
  ),
  row<{ a: string | null }, { b: number | null; c: boolean | null }>()(
    "a: Optional[str] -> b: int | None, c: null | bool",
    {
      prints: "a: string | null -> b: int | null, c: null | boolean",
      inputs: { a: null },
      outputs: { b: 1, c: null },
      wrong: { a: [1], b: ["1"], c: [0] },
    },
  ),
  row<{ a: "x" | "y" }, { b: "one" | 2 | -3.5 }>()("a: Literal['x', \"y\"] -> b: Literal['one', 2, -3.5]", {
    prints: "a: 'x' | 'y' -> b: 'one' | 2 | -3.5",
    inputs: { a: "y" },
    outputs: { b: -3.5 },
    wrong: { a: ["z"], b: ["2", 3.5] },
  }),
  row<{ a: string }, { stars: 1 | 2 | 3 }>()("a -> stars: 1 | 2 | 3", {
    prints: "a: string -> stars: 1 | 2 | 3",
    inputs: { a: "" },
    outputs: { stars: 2 },
    wrong: { stars: ["2", 4] },
  }),
  row<{ question: string; hint?: string }, { answer: string; note?: number }>()(
    "question, hint? -> answer, note?: int",
    {
      prints: "question: string, hint?: string -> answer: string, note?: int",
      inputs: { question: "" },
      outputs: { answer: "" },
      wrong: { hint: [null, 1], note: ["1"] },
    },
  ),
  row<{ a: string }, { b?: string | null }>()("a -> b?: Optional[str]", {
    prints: "a: string -> b?: string | null",
    inputs: { a: "" },
    outputs: { b: null },
    wrong: { b: [1] },
  }),
  row<{ a: (string | number)[] }, { b: string[][]; c: ("x" | "y")[] }>()(
    "a: (string | number)[] -> b: string[][], c: list[('x' | 'y')]",
    {
      prints: "a: (string | number)[] -> b: string[][], c: ('x' | 'y')[]",
      inputs: { a: ["a", 1] },
      outputs: { b: [["a"], []], c: ["x"] },
      wrong: { a: [[true], "a"], b: [["a"], [[1]]], c: [["z"]] },
    },
  ),
  row<{ a: string | number[] }, { b: (string | null)[] | null }>()(
    "a: string | number[] -> b: Optional[list[Optional[str]]]",
    {
      prints: "a: string | number[] -> b: (string | null)[] | null",
      inputs: { a: [1] },
      outputs: { b: [null, "a"] },
      wrong: { a: [["a"], 1], b: [[1], "a"] },
    },
  ),
  row<{ a: string }, { person: { name: string; age?: number; tags: string[] } }>()(
    "a -> person: { name, age?: int, tags: string[] }",
    {
      prints: "a: string -> person: { name: string, age?: int, tags: string[] }",
      inputs: { a: "" },
      outputs: { person: { name: "Ada", tags: [] } },
      wrong: { person: [{}, { name: "Ada" }, { name: "Ada", age: "36", tags: [] }, [], "Ada"] },
    },
  ),
  row<
    { a: string },
    { rows: { at: { x: number; y: number }; _id: string }[]; m: Record<string, { v: boolean }> }
  >()("a -> rows: {at: {x: int, y: int}, _id: str}[], m: dict[str, {v: bool}]", {
    prints: "a: string -> rows: { at: { x: int, y: int }, _id: string }[], m: dict[str, { v: boolean }]",
    inputs: { a: "" },
    outputs: { rows: [{ at: { x: 1, y: 2 }, _id: "a" }], m: { k: { v: true } } },
    wrong: { rows: [[{ at: { x: 1 }, _id: "a" }], [{}]], m: [{ k: {} }] },
  }),
  row<{ photos: ImagePart[]; paper: FilePart; past: History; q: string }, { caption: string }>()(
    "photos: image[], paper: file, past: history, q -> caption",
    {
      prints: "photos: image[], paper: file, past: history, q: string -> caption: string",
      inputs: {
        photos: [photo],
        paper,
        past: [
          { q: "a", caption: "b" },
          { role: "user", content: "hi" },
        ],
        q: "",
      },
      outputs: { caption: "a cat" },
      wrong: {
        photos: [photo, [paper], ["https://example.com/cat.png"]],
        paper: [photo, { type: "file" }],
        past: [{}, ["hi"], [null]],
      },
    },
  ),
  row<{ question: string }, { answer: string; score: number }>()(
    `question "what the user, or [somebody] asks -> maybe: nothing" -> answer 'one "short" sentence', score: float "from 0 to 1"`,
    {
      prints: `question: string 'what the user, or [somebody] asks -> maybe: nothing' -> answer: string 'one "short" sentence', score: number 'from 0 to 1'`,
      inputs: { question: "" },
      outputs: { answer: "", score: 1 },
    },
  ),
  row<{ a: string }, { b: "->" | ", c: int" | "it's" | "[x" | "{" }>()(
    `a "it's" -> b: '->' | ', c: int' | "it's" | "[x" | '{'`,
    {
      prints: `a: string "it's" -> b: '->' | ', c: int' | "it's" | '[x' | '{'`,
      inputs: { a: "" },
      outputs: { b: ", c: int" },
      wrong: { b: ["x", "{}"] },
    },
  ),
  row<{ a: string }, { b: "" | " a  b " | "c\nd" | "0" }>()(
    `a -> b: '' | ' a  b ' | 'c
d' | "0"`,
    {
      prints: "a: string -> b: '' | ' a  b ' | 'c\nd' | '0'",
      inputs: { a: "" },
      outputs: { b: " a  b " },
      wrong: { b: ["a  b", " a b ", 0] },
    },
  ),
  row<
    { document: string; questions: string[] },
    { answers: { q: string; a: "yes" | "no" }[]; sure: boolean }
  >()(
    `
      document,
      questions: string[]   'in any order'
      ->
      answers: {
        q,
        a: 'yes' | 'no' 'no unless it is certain'
      }[],
	sure: boolean
    `,
    {
      prints:
        "document: string, questions: string[] 'in any order' -> answers: { q: string, a: 'yes' | 'no' 'no unless it is certain' }[], sure: boolean",
      inputs: { document: "", questions: [] },
      outputs: { answers: [{ q: "", a: "no" }], sure: true },
      wrong: { answers: [[{ q: "", a: "maybe" }]] },
    },
  ),
  row<{ string: string; list: string[] }, { int: number; None: null; Literal: "a" }>()(
    "string, list: list[string] -> int: int, None: None, Literal: Literal['a']",
    {
      prints: "string: string, list: string[] -> int: int, None: null, Literal: 'a'",
      inputs: { string: "", list: [] },
      outputs: { int: 1, None: null, Literal: "a" },
    },
  ),
  row<{ constructor: string; toString: string }, { valueOf: string; hasOwnProperty: number }>()(
    "constructor, toString -> valueOf, hasOwnProperty: int",
    {
      prints: "constructor: string, toString: string -> valueOf: string, hasOwnProperty: int",
      inputs: { constructor: "", toString: "" },
      outputs: { valueOf: "", hasOwnProperty: 1 },
      wrong: { constructor: [1], toString: [Object.prototype.toString], valueOf: [1], hasOwnProperty: [""] },
    },
  ),
  row<{ größe: string; 名前: string }, { a1_b: string }>()("größe, 名前 -> a1_b", {
    prints: "größe: string, 名前: string -> a1_b: string",
    inputs: { größe: "", 名前: "" },
    outputs: { a1_b: "" },
  }),
  row<{ a: string }, { b: string | null; c: "x" }>()(
    "a -> b: Optional[Optional[str]] | None, c: 'x' | \"x\"",
    {
      prints: "a: string -> b: string | null, c: 'x'",
      inputs: { a: "" },
      outputs: { b: null, c: "x" },
    },
  ),
  row<{ a: string }, { b: { c: string }; d: number }>()("a -> b: ( ( { c : ( string ) } ) ) , d : ( int )", {
    prints: "a: string -> b: { c: string }, d: int",
    inputs: { a: "" },
    outputs: { b: { c: "" }, d: 1 },
    wrong: { b: [{ c: 1 }] },
  }),
];
