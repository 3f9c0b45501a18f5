/** Deeper than any honest file. */
const maxDepth = 100;
/** Texts, numbers, lists and members together: what a file of the allowed size could blow up to has a bound too. */
const maxValues = 1_000_000;
const longestNumber = 400;

/** What is wrong with a text that should be JSON, and where. Nothing of the text is in it. */
export class JsonFault extends Error {
  constructor(text: string, at: number, reason: string) {
    const before = text.slice(0, at);
    const line = before.split("\n").length;
    super(`line ${line}, column ${at - before.lastIndexOf("\n")}: ${reason}`);
  }
}

/**
 * The value of a JSON text from a source that nobody vouches for. Stricter than `JSON.parse`: a name that an object
 * has twice, endless nesting and endless values are faults; every fault says its place; `__proto__` is a member
 * like any other.
 */
export function readJson(text: string): unknown {
  return new Reader(text).whole();
}

const words: ReadonlyMap<string, readonly [word: string, value: unknown]> = new Map([
  ["t", ["true", true]],
  ["f", ["false", false]],
  ["n", ["null", null]],
]);

class Reader {
  readonly #text: string;
  #at = 0;
  #values = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): unknown {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail("expected the end of the file");
    return value;
  }

  #value(depth: number): unknown {
    if (++this.#values > maxValues) this.#fail(`more than ${maxValues} values`);
    if (depth > maxDepth) this.#fail(`nested more than ${maxDepth} levels deep`);
    this.#skipSpace();
    const start = this.#text.charAt(this.#at);
    if (start === '"') return this.#string();
    if (start === "{") return this.#object(depth);
    if (start === "[") return this.#list(depth);
    const word = words.get(start);
    return word === undefined ? this.#number() : this.#word(...word);
  }

  #object(depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#each("}", () => {
      this.#skipSpace();
      const at = this.#at;
      if (this.#text.charAt(at) !== '"') this.#fail('expected a name in double quotes or "}"');
      const name = this.#string();
      if (Object.hasOwn(object, name)) this.#fail("a name that this object has already", at);
      if (!this.#take(":")) this.#fail('expected ":"');
      const value = this.#value(depth + 1);
      if (name === "__proto__") Object.defineProperty(object, name, { value, enumerable: true });
      else object[name] = value;
    });
    return object;
  }

  #list(depth: number): unknown[] {
    const list: unknown[] = [];
    this.#each("]", () => list.push(this.#value(depth + 1)));
    return list;
  }

  /** Members up to `close`, with commas between. */
  #each(close: string, readMember: () => void): void {
    this.#at++;
    if (this.#take(close)) return;
    do readMember();
    while (this.#take(","));
    if (!this.#take(close)) this.#fail(`expected "," or "${close}"`);
  }

  #string(): string {
    const start = this.#at;
    let end = start;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end === -1) this.#fail("a text without an end");
    } while (this.#isEscaped(end));
    this.#at = end + 1;
    return this.#parse(start, "a text with a control character or a wrong escape in it") as string;
  }

  #isEscaped(at: number): boolean {
    let first = at;
    while (this.#text.charAt(first - 1) === "\\") first--;
    return (at - first) % 2 === 1;
  }

  #word(word: string, value: unknown): unknown {
    if (!this.#text.startsWith(word, this.#at)) this.#fail("expected a value");
    this.#at += word.length;
    return value;
  }

  #number(): number {
    const start = this.#at;
    while (/[-+.eE\d]/.test(this.#text.charAt(this.#at)) && this.#at - start <= longestNumber) this.#at++;
    if (this.#at === start) {
      this.#fail(start === this.#text.length ? "the end of the file, expected a value" : "expected a value");
    }
    const value = this.#parse(start, "expected a number") as number;
    if (!Number.isFinite(value)) this.#fail("a number that is too large", start);
    return value;
  }

  #parse(start: number, reason: string): unknown {
    try {
      return JSON.parse(this.#text.slice(start, this.#at));
    } catch {
      return this.#fail(reason, start);
    }
  }

  #take(mark: string): boolean {
    this.#skipSpace();
    if (this.#text.charAt(this.#at) !== mark) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    while (/[ \n\r\t]/.test(this.#text.charAt(this.#at))) this.#at++;
  }

  #fail(reason: string, at = this.#at): never {
    throw new JsonFault(this.#text, at, reason);
  }
}
