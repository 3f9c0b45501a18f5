import { didYouMean, show } from "../core/check.ts";
import { printType } from "./print.ts";
import { scan, type Token, typo } from "./scan.ts";
import {
  type Field,
  type FieldType,
  makeField,
  nullType,
  type SideName,
  stringType,
  typeWords,
  unionOf,
} from "./types.ts";

/** Deeper than any honest type; the compiler's own reading ends near it. */
const maxDepth = 16;

/** Reads `inputs -> outputs`. */
export function parseSignature(text: string): Readonly<Record<SideName, readonly Field[]>> {
  const reader = new Reader(text);
  const inputs = reader.is("->") ? Object.freeze([]) : reader.fields(fieldName);
  reader.take("->", 'expected "->" between the inputs and the outputs');
  const outputs = reader.fields(fieldName, inputs);
  reader.end();
  return { inputs, outputs };
}

/** Reads the fields of one side. */
export function parseFields(text: string): readonly Field[] {
  const reader = new Reader(text);
  const fields = reader.fields(fieldName);
  reader.end();
  return fields;
}

/** Reads what stands after a field's colon: a type, then perhaps a quoted description. */
export function parseType(text: string): { readonly type: FieldType; readonly description?: string } {
  const reader = new Reader(text);
  const type = reader.union();
  const description = reader.description();
  reader.end();
  return description === undefined ? { type } : { type, description };
}

/** Says what is wrong with a name, or nothing. */
export type NameCheck = (name: string) => string | undefined;

/**
 * A field's name is a letter, then letters, digits and underscores: what Python, XML tags and markers in a prompt
 * can all hold. A leading underscore is refused as in DSPy, and `__proto__` with it.
 */
export const fieldName: NameCheck = (name) =>
  /^\p{ID_Start}\p{ID_Continue}*$/u.test(name)
    ? undefined
    : `expected the name of a field (a letter, then letters, digits and underscores), got ${show(name)}`;

/** Members of an object are data: any identifier, but not the one name that is no plain member. */
const memberName: NameCheck = (name) =>
  /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name) && name !== "__proto__"
    ? undefined
    : `expected the name of a member, got ${show(name)}`;

const numberText = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/** DSPy's types with brackets, by the word before them. */
const bracketed: ReadonlyMap<string, (reader: Reader) => FieldType> = new Map([
  ["list", (reader: Reader): FieldType => Object.freeze({ kind: "array", items: reader.union() })],
  ["Optional", (reader: Reader) => unionOf([reader.union(), nullType], printType)],
  ["dict", (reader: Reader) => reader.map()],
  ["Literal", (reader: Reader) => reader.literals()],
]);

const allWords = [...typeWords.keys(), ...bracketed.keys()];

/** Recursive descent over the pieces of one text. */
class Reader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = scan(text);
  }

  get #token(): Token {
    return this.#tokens[this.#next]!;
  }

  is(mark: string): boolean {
    return this.#token.kind === "mark" && this.#token.text === mark;
  }

  take(mark: string, expected: string): void {
    if (!this.#skip(mark)) this.#fail(`${expected}, got ${this.#here()}`);
  }

  end(): void {
    if (this.#token.kind === "end") return;
    this.#fail(this.is("->") ? 'one "->" is enough' : `expected "," or the end, got ${this.#here()}`);
  }

  /**
   * `name`, `name?`, `name: type` or `name?: type`, each perhaps with a quoted description, between commas; none by a
   * name of `others`.
   */
  fields(check: NameCheck, others: readonly Field[] = []): readonly Field[] {
    const fields: Field[] = [];
    const taken = new Set(others.map(({ name }) => name));
    do {
      const { text, at } = this.#token;
      const wrong = this.#token.kind === "word" ? check(text) : `expected a name, got ${this.#here()}`;
      if (wrong !== undefined) this.#fail(wrong);
      if (taken.has(text)) this.#fail(`the name "${text}" is there twice`, at);
      taken.add(text);
      this.#next++;
      const optional = this.#skip("?");
      const type = this.#skip(":") ? this.union() : stringType;
      fields.push(makeField(text, type, optional, this.description()));
    } while (this.#skip(","));
    return Object.freeze(fields);
  }

  description(): string | undefined {
    if (this.#token.kind !== "quoted") return undefined;
    return this.#tokens[this.#next++]!.text;
  }

  /** `A | B`. */
  union(): FieldType {
    if (++this.#depth > maxDepth) this.#fail(`types nest at most ${maxDepth} deep`);
    const members = [this.#postfix()];
    while (this.#skip("|")) members.push(this.#postfix());
    this.#depth--;
    return unionOf(members, printType);
  }

  /** The inside of `dict[str, T]`. */
  map(): FieldType {
    const key = this.#token;
    if (key.kind !== "word" || (key.text !== "str" && key.text !== "string")) {
      this.#fail(`expected "str" (the keys of a dict are strings), got ${this.#here()}`);
    }
    this.#next++;
    this.take(",", 'expected "," and the type of the values');
    return Object.freeze({ kind: "map", values: this.union() });
  }

  /** The inside of `Literal['a', 'b']`. */
  literals(): FieldType {
    const members: FieldType[] = [];
    do members.push(this.#literal() ?? this.#fail(`expected a quoted text or a number, got ${this.#here()}`));
    while (this.#skip(","));
    return unionOf(members, printType);
  }

  /** `T[]`. */
  #postfix(): FieldType {
    let type = this.#primary();
    for (let depth = 1; this.#skip("["); depth++) {
      this.take("]", 'expected "]"');
      if (this.#depth + depth > maxDepth) this.#fail(`types nest at most ${maxDepth} deep`);
      type = Object.freeze({ kind: "array", items: type });
    }
    return type;
  }

  #primary(): FieldType {
    if (this.#skip("(")) return this.#closed(")", this.union());
    if (this.#skip("{")) {
      if (this.is("}")) this.#fail('an object without members; write "object" for any');
      return this.#closed("}", Object.freeze({ kind: "shape", members: this.#members() }));
    }
    return this.#literal() ?? this.#word();
  }

  #members(): readonly Field[] {
    if (++this.#depth > maxDepth) this.#fail(`types nest at most ${maxDepth} deep`);
    const members = this.fields(memberName);
    this.#depth--;
    return members;
  }

  #literal(): FieldType | undefined {
    const { kind, text } = this.#token;
    if (kind === "quoted") {
      this.#next++;
      return Object.freeze({ kind: "literal", value: text });
    }
    // Only numbers that JavaScript writes the same way, so that text and value never differ.
    if (kind !== "word" || !numberText.test(text) || String(Number(text)) !== text) return undefined;
    this.#next++;
    return Object.freeze({ kind: "literal", value: Number(text) });
  }

  #word(): FieldType {
    const { kind, text } = this.#token;
    if (kind !== "word") this.#fail(`expected a type, got ${this.#here()}`);
    const type = typeWords.get(text);
    const inside = bracketed.get(text);
    if (type === undefined && inside === undefined) {
      this.#fail(`unknown type ${show(text)}; ${didYouMean(text, allWords)}`);
    }
    this.#next++;
    if (type !== undefined) return type;
    this.take("[", `expected "[" after "${text}"`);
    return this.#closed("]", inside!(this));
  }

  #closed(mark: string, type: FieldType): FieldType {
    this.take(mark, `expected "${mark}"`);
    return type;
  }

  #skip(mark: string): boolean {
    if (!this.is(mark)) return false;
    this.#next++;
    return true;
  }

  /** The next piece, for people. */
  #here(): string {
    const { kind, text } = this.#token;
    if (kind === "end") return "the end of the text";
    return kind === "quoted" ? "a quoted text" : show(text);
  }

  #fail(what: string, at: number = this.#token.at): never {
    throw typo(this.#text, at, what);
  }
}
