import type { FieldEvent, FieldReader } from "./adapter.ts";
import { Bare, empty } from "./broken.ts";
import { castJson } from "./cast.ts";
import { FieldSink } from "./field-sink.ts";
import { settledText, unguard, unguarded } from "./guard.ts";
import { behindSpace } from "./json-marks.ts";
import { escaped } from "./json-string.ts";
import type { Outline } from "./outline.ts";
import { strictJson } from "./strict-json.ts";
import { ThoughtFilter } from "./thought-filter.ts";

/** What is being read. */
type State = "object" | "member" | "colon" | "value" | "text" | "other" | "lost";

/** An escape needs that many signs to be understood. */
const maxEscape = 6;
const maxKey = 1_000;

/** Reads the members of an object while it is written. What is not JSON is left to the reading of the whole. */
export class JsonFields implements FieldReader {
  readonly #outline: Outline;
  readonly #thoughts: ThoughtFilter;
  readonly #sink: FieldSink;
  #tail = "";
  #state: State = "object";
  /** The output that the member is. */
  #name: string | undefined;
  /** Inside a value that is no text: open brackets, and whether a text is open in it. */
  #depth = 0;
  #inText = false;

  constructor(outline: Outline) {
    this.#outline = outline;
    this.#thoughts = new ThoughtFilter(() => false);
    this.#sink = new FieldSink(outline, {
      settled: settledText,
      decode: (piece) => unguard(piece) as string,
    });
  }

  push(text: string): readonly FieldEvent[] {
    this.#tail += this.#thoughts.pass(text);
    while (this.#step()) {}
    return this.#sink.take();
  }

  /** A value whose end did not come is no value. */
  end(): readonly FieldEvent[] {
    return this.push(this.#thoughts.rest());
  }

  /** Goes on as far as one state goes; false where more text is needed. */
  #step(): boolean {
    if (this.#state === "text") return this.#inString();
    if (this.#state === "other") return this.#inOther();
    if (this.#state === "lost") this.#tail = "";
    if (this.#state === "object") return this.#seekObject();
    this.#tail = this.#tail.slice(behindSpace(this.#tail, 0));
    if (this.#tail === "") return false;
    if (this.#state === "member") return this.#member();
    return this.#state === "colon" ? this.#colon() : this.#value();
  }

  #seekObject(): boolean {
    const at = this.#tail.indexOf("{");
    this.#tail = at === -1 ? "" : this.#tail.slice(at);
    const next = this.#tail[behindSpace(this.#tail, 1)];
    if (at === -1 || next === undefined) return false;
    this.#tail = this.#tail.slice(1);
    if (next === '"') this.#state = "member";
    return true;
  }

  #member(): boolean {
    const char = this.#tail[0];
    if (char === ",") this.#tail = this.#tail.slice(1);
    else if (char === "}") this.#state = "object";
    else if (char === '"') return this.#key();
    else this.#state = "lost";
    return true;
  }

  #key(): boolean {
    const key = /^"((?:[^"\\]|\\.)*)"/s.exec(this.#tail);
    if (key === null) {
      if (this.#tail.length > maxKey) this.#state = "lost";
      return this.#state === "lost";
    }
    this.#name = this.#outline.names.find(key[1]!);
    this.#tail = this.#tail.slice(key[0].length);
    this.#state = "colon";
    return true;
  }

  #colon(): boolean {
    this.#state = this.#tail[0] === ":" ? "value" : "lost";
    this.#tail = this.#tail.slice(1);
    return true;
  }

  #value(): boolean {
    const isText = this.#tail[0] === '"';
    this.#state = isText ? "text" : "other";
    this.#depth = 0;
    this.#inText = false;
    if (this.#name !== undefined) this.#sink.open(this.#name, !isText);
    if (isText) this.#tail = this.#tail.slice(1);
    return true;
  }

  /** A text: as it is meant, up to its quote or to an escape that is not whole. */
  #inString(): boolean {
    let piece = "";
    let from = 0;
    let i = 0;
    for (; i < this.#tail.length; ) {
      const char = this.#tail[i];
      if (char === '"') break;
      if (char !== "\\") {
        i++;
        continue;
      }
      if (this.#tail.length - i < maxEscape && !this.#tail.includes('"', i + 2)) break;
      const sign = escaped(this.#tail, i);
      piece += this.#tail.slice(from, i) + sign.text;
      from = i = sign.end;
    }
    this.#sink.add(piece + this.#tail.slice(from, i));
    const isEnd = this.#tail[i] === '"';
    this.#tail = this.#tail.slice(isEnd ? i + 1 : i);
    if (isEnd) this.#endValue((text) => text);
    return isEnd;
  }

  /** Anything else: as it is written, up to the comma or brace behind it. */
  #inOther(): boolean {
    let i = 0;
    for (; i < this.#tail.length; i++) {
      const char = this.#tail[i]!;
      const isEscape = this.#inText && char === "\\";
      if (isEscape && i + 1 === this.#tail.length) break;
      if (isEscape) i++;
      else if (char === '"') this.#inText = !this.#inText;
      else if (this.#inText) continue;
      else if (this.#depth === 0 && ",}".includes(char)) break;
      else this.#depth += "{[".includes(char) ? 1 : "}]".includes(char) ? -1 : 0;
    }
    const isEnd = i < this.#tail.length && !this.#inText;
    this.#sink.add(this.#tail.slice(0, i));
    this.#tail = this.#tail.slice(i);
    if (isEnd) this.#endValue(parsed);
    return isEnd;
  }

  #endValue(meaning: (text: string) => unknown): void {
    this.#sink.close((view, text) => unguarded(castJson(view, meaning(text))));
    this.#name = undefined;
    this.#state = "member";
  }
}

/** Numbers keep their digits, for a field that is a text. */
function parsed(text: string): unknown {
  return /^[{[]/.test(text) ? (strictJson(text) ?? empty) : new Bare(text);
}
