import type { FilePart, History, ImagePart } from "./media.ts";

/**
 * The grammar of `parse.ts` once more, for the compiler. It cuts the text with few template matches in place of
 * reading it character by character: quoted texts are lifted out, marks are set apart by spaces, and what is left
 * is a list of words that a small recursive descent reads. What it cannot read is `Unread`, and the caller's
 * types are then `Record<string, unknown>`; the parser tells what is wrong when the program starts.
 */
type Unread = "unread";

/** The fields of a text that the compiler does not know. */
export type AnyFields = Record<string, unknown>;

/** A side without fields. */
export type NoFields = Record<never, never>;

/** The types of the fields of `inputs -> outputs`. */
export type InferSignature<S extends string> =
  Read<S> extends [infer I extends string, infer O extends string, infer Q extends string[]]
    ? Sides<IsBlank<I> extends true ? [NoFields, []] : Side<I, Q>, Side<O, Q>>
    : { inputs: AnyFields; outputs: AnyFields };

/** The types of the fields of one side. */
export type InferFields<S extends string> =
  Read<`->${S}`> extends [unknown, infer O extends string, infer Q extends string[]]
    ? Complete<Side<O, Q>, AnyFields>
    : AnyFields;

/** The type that stands after a field's colon, perhaps with a quoted description behind it. */
export type InferType<S extends string> =
  Read<`->${S}`> extends [unknown, infer O extends string, infer Q extends string[]]
    ? Complete<Described<Union<FieldWords<O>, Q>>, unknown>
    : unknown;

type Sides<I, O> = I extends [infer IF, []]
  ? O extends [infer OF, []]
    ? { inputs: IF; outputs: OF }
    : { inputs: AnyFields; outputs: AnyFields }
  : { inputs: AnyFields; outputs: AnyFields };

type Complete<R, Otherwise> = R extends [infer T, []] ? T : Otherwise;

// --- From text to words -------------------------------------------------------------------------------------

/** Both sides, their marks set apart by spaces, and the quoted texts; anything else for what cannot be read. */
type Read<S extends string> = IsLiteral<S> extends true ? Halves<Lift<S>> : Unread;

/** A text that is known to its last character, and not only by a pattern. */
type IsLiteral<S extends string> = string extends S ? false : NoFields extends Record<S, 1> ? false : true;

type Halves<L> = L extends [infer S extends string, infer Q extends string[]]
  ? S extends `${infer I}->${infer O}`
    ? IsLong<I, 60> | IsLong<O, 60> extends false
      ? [Spaced<I>, Spaced<O>, Q]
      : Unread
    : Unread
  : Unread;

/** How many quoted texts are read; more are beyond what the compiler's recursion allows. */
type MaxQuoted = 400;

/** Puts `"0"`, `"1"` ... in the place of quoted texts, and the texts in a list. */
type Lift<S extends string, Out extends string = "", Q extends string[] = []> = Q["length"] extends MaxQuoted
  ? Unread
  : FirstQuote<S> extends infer Mark extends string
    ? S extends `${infer Before}${Mark}${infer Text}${Mark}${infer Rest}`
      ? Lift<Rest, `${Out}${Before} "${Q["length"]}" `, [...Q, Text]>
      : Unread
    : [`${Out}${S}`, Q];

type FirstQuote<S extends string> = S extends `${infer Before}'${string}`
  ? Before extends `${string}"${string}`
    ? '"'
    : "'"
  : S extends `${string}"${string}`
    ? '"'
    : undefined;

/**
 * Whether a text has more than `Max` times 25 characters. A side may have sixty times as many: about a thousand
 * of its own, and what stands for quoted texts.
 */
type IsLong<S extends string, Max extends number, N extends 0[] = []> = N["length"] extends Max
  ? true
  : S extends `${infer _A}${infer _B}${infer _C}${infer _D}${infer _E}${infer _F}${infer _G}${infer _H}${infer _I}${infer _J}${infer _K}${infer _L}${infer _M}${infer _N}${infer _O}${infer _P}${infer _Q}${infer _R}${infer _S}${infer _T}${infer _U}${infer _V}${infer _W}${infer _X}${infer _Y}${infer Rest}`
    ? IsLong<Rest, Max, [...N, 0]>
    : false;

/** Every mark with a space on both sides, every other white space as spaces, and no long runs of them. */
type Spaced<S extends string> = Marked<Dense<Each<Each<Each<S, "\n", "">, "\t", "">, "\r", "">>>;

type Dense<S extends string, Out extends string = ""> = S extends `${infer Before}    ${infer Rest}`
  ? Dense<Rest, `${Out}${Before} `>
  : `${Out}${S}`;

type Marked<S extends string> = Each<Each<Each<Each<Brackets<S>, ",">, ":">, "?">, "|">;

type Brackets<S extends string> = S extends `${string}${Opening}${string}`
  ? Each<Each<Each<Each<Each<Each<S, "[">, "]">, "{">, "}">, "(">, ")">
  : S;

type Each<
  S extends string,
  Mark extends string,
  As extends string = Mark,
  Out extends string = "",
> = S extends `${infer Before}${Mark}${infer Rest}`
  ? Each<Rest, Mark, As, `${Out}${Before} ${As} `>
  : `${Out}${S}`;

type IsBlank<S extends string> = S extends "" ? true : S extends ` ${infer Rest}` ? IsBlank<Rest> : false;

/** The words of one field, or none where they would be more than the compiler's recursion can count. */
type FieldWords<S extends string> = IsLong<S, 76> extends true ? [] : Words<S>;

type Words<S extends string, Out extends string[] = []> = S extends `${infer Word} ${infer Rest}`
  ? Words<Rest, Word extends "" ? Out : [...Out, Word]>
  : S extends ""
    ? Out
    : [...Out, S];

// --- From words to types: each reader gives [what it read, the words that are left] -----------------------------

/** A side is cut at its outer commas first, so that a long one costs no more than its fields. */
type Side<
  S extends string,
  Q extends string[],
  Out = unknown,
  Begun extends string = "",
  Depth extends 0[] = [],
> = S extends `${infer Piece} , ${infer Rest}`
  ? Nesting<Piece, Depth> extends infer D extends 0[]
    ? D extends []
      ? Fields<FieldWords<`${Begun}${Piece}`>, Q> extends [infer M, []]
        ? Side<Rest, Q, Out & M>
        : Unread
      : Side<Rest, Q, Out, `${Begun}${Piece} , `, D>
    : Unread
  : Fields<FieldWords<`${Begun}${S}`>, Q> extends [infer M, []]
    ? [Flat<Out & M>, []]
    : Unread;

/** How deep in brackets a piece ends. */
type Nesting<Piece extends string, Depth extends 0[]> = Piece extends `${string}${Opening | Closing}${string}`
  ? Nested<FieldWords<Piece>, Depth>
  : Depth;

type Nested<W extends string[], Depth extends 0[]> = W extends [
  infer Word extends string,
  ...infer R extends string[],
]
  ? Nested<
      R,
      Word extends Opening
        ? [...Depth, 0]
        : Word extends Closing
          ? Depth extends [0, ...infer D extends 0[]]
            ? D
            : Depth
          : Depth
    >
  : Depth;

type Opening = "[" | "{" | "(";
type Closing = "]" | "}" | ")";

type Fields<W extends string[], Q extends string[], Out = unknown> = W extends [
  infer Name extends string,
  ...infer R extends string[],
]
  ? R extends ["?", ...infer R2 extends string[]]
    ? After<Described<Typed<R2, Q>>, Q, Out, Name, true>
    : After<Described<Typed<R, Q>>, Q, Out, Name, false>
  : Unread;

type After<T, Q extends string[], Out, Name extends string, Optional> = T extends [
  infer V,
  infer R extends string[],
]
  ? R extends [",", ...infer R2 extends string[]]
    ? Fields<R2, Q, Out & Member<Name, V, Optional>>
    : [Flat<Out & Member<Name, V, Optional>>, R]
  : Unread;

type Member<Name extends string, V, Optional> = Optional extends true
  ? { [K in Name]?: V }
  : { [K in Name]: V };

/** One plain object type, for a hover that can be read. */
export type Flat<T> = { [K in keyof T]: T[K] } & {};

type Typed<W extends string[], Q extends string[]> = W extends [":", ...infer R extends string[]]
  ? Union<R, Q>
  : [string, W];

type Described<T> = T extends [infer V, [`"${string}"`, ...infer R extends string[]]] ? [V, R] : T;

type Union<W extends string[], Q extends string[], Out = never> =
  Arrays<Primary<W, Q>> extends [infer V, infer R extends string[]]
    ? R extends ["|", ...infer R2 extends string[]]
      ? Union<R2, Q, Out | V>
      : [Out | V, R]
    : Unread;

type Arrays<T> = T extends [infer V, ["[", "]", ...infer R extends string[]]] ? Arrays<[V[], R]> : T;

type Primary<W extends string[], Q extends string[]> = W extends [
  infer Word extends string,
  ...infer R extends string[],
]
  ? Word extends keyof TypeWords
    ? [TypeWords[Word], R]
    : Word extends keyof Bracketed
      ? R extends ["[", ...infer R2 extends string[]]
        ? Closed<Inside<Word, R2, Q>, "]">
        : Unread
      : Word extends "{"
        ? Closed<Fields<R, Q>, "}">
        : Word extends "("
          ? Closed<Union<R, Q>, ")">
          : Literal<Word, Q> extends [infer V]
            ? [V, R]
            : Unread
  : Unread;

type Closed<T, Mark extends string> = T extends [infer V, [Mark, ...infer R extends string[]]]
  ? [V, R]
  : Unread;

/** What a quoted text or a number stands for, in a list of one. */
type Literal<Word extends string, Q extends string[]> = Word extends `"${infer N}"`
  ? [Q[N & keyof Q]]
  : Word extends `${infer N extends number}`
    ? [N]
    : Unread;

type Inside<Word extends string, W extends string[], Q extends string[]> = Word extends "Literal"
  ? Literals<W, Q>
  : Word extends "dict"
    ? W extends ["str" | "string", ",", ...infer R extends string[]]
      ? Wrapped<"dict", Union<R, Q>>
      : Unread
    : Wrapped<Word, Union<W, Q>>;

type Wrapped<Word, T> = T extends [infer V, infer R]
  ? [Word extends "list" ? V[] : Word extends "dict" ? Record<string, V> : V | null, R]
  : Unread;

type Literals<W extends string[], Q extends string[], Out = never> = W extends [
  infer Word extends string,
  ...infer R extends string[],
]
  ? Literal<Word, Q> extends [infer V]
    ? R extends [",", ...infer R2 extends string[]]
      ? Literals<R2, Q, Out | V>
      : [Out | V, R]
    : Unread
  : Unread;

interface Bracketed {
  list: unknown;
  dict: unknown;
  Optional: unknown;
  Literal: unknown;
}

interface TypeWords {
  string: string;
  str: string;
  number: number;
  float: number;
  int: number;
  boolean: boolean;
  bool: boolean;
  object: Record<string, unknown>;
  null: null;
  None: null;
  image: ImagePart;
  file: FilePart;
  history: History;
}
