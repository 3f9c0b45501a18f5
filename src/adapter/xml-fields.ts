import type { FieldEvent, FieldReader } from "./adapter.ts";
import { castText } from "./cast.ts";
import { FieldSink } from "./field-sink.ts";
import type { Outline } from "./outline.ts";
import { ThoughtFilter } from "./thought-filter.ts";
import { decodeXml } from "./xml-text.ts";

const tag = /<\s*(\/?)\s*([\p{ID_Start}_][\p{ID_Continue}.-]*)(?:\s[^<>]*?)?(\/?)>/gu;
/** What may still become a tag. */
const partial = /<(?:\s*\/?\s*(?:[\p{ID_Start}_][\p{ID_Continue}.-]*(?:\s[^<>]*)?)?)$/u;
const maxTag = 200;

/** Reads tags while they are written. */
export class XmlFields implements FieldReader {
  readonly #outline: Outline;
  readonly #thoughts: ThoughtFilter;
  readonly #sink: FieldSink;
  #tail = "";
  /** The open field, and how many elements of its name are open inside it. */
  #name: string | undefined;
  #depth = 0;
  /** Whether the open field holds a sign that encoded text has not. */
  #isRaw = false;

  constructor(outline: Outline) {
    this.#outline = outline;
    this.#thoughts = new ThoughtFilter((name) => outline.names.find(name) !== undefined);
    this.#sink = new FieldSink(outline, { settled, decode: (piece) => this.#decode(piece) });
  }

  push(text: string): readonly FieldEvent[] {
    this.#read(this.#thoughts.pass(text), false);
    return this.#sink.take();
  }

  end(): readonly FieldEvent[] {
    this.#read(this.#thoughts.rest(), true);
    this.#close();
    return this.#sink.take();
  }

  #read(text: string, isAll: boolean): void {
    this.#tail += text;
    let from = 0;
    for (const match of this.#tail.matchAll(tag)) {
      const [all, slash, word, empty] = match;
      const name = this.#outline.names.find(word!);
      const isOwn = name !== undefined && (this.#name === undefined || this.#name === name);
      if (!isOwn || (this.#name !== undefined && empty === "/")) continue;
      if (!this.#changes(name, slash === "/")) continue;
      this.#sink.add(this.#tail.slice(from, match.index));
      from = match.index + all.length;
      if (slash !== "/") this.#open(name);
      if (slash === "/" || empty === "/") this.#close();
    }
    const held = isAll ? undefined : partial.exec(this.#tail.slice(from).slice(-maxTag))?.[0].length;
    const end = this.#tail.length - (held ?? 0);
    this.#sink.add(
      isAll ? this.#tail.slice(from, end).replace(/<\/?[\w.-]{0,64}$/, "") : this.#tail.slice(from, end),
    );
    this.#tail = this.#tail.slice(end);
  }

  /** Whether a tag opens or ends a field; one inside its own kind does neither. */
  #changes(name: string, isEnd: boolean): boolean {
    if (this.#name === undefined) return !isEnd;
    this.#depth += isEnd ? -1 : 1;
    return this.#name === name && this.#depth < 0;
  }

  #open(name: string): void {
    this.#name = name;
    this.#depth = 0;
    this.#isRaw = false;
    this.#sink.open(name);
  }

  #close(): void {
    this.#name = undefined;
    this.#sink.close((view, text) => castText(view, decodeXml(text).trim()));
  }

  #decode(piece: string): string {
    this.#isRaw ||= piece.includes("<") || (decodeXml(piece) === piece && piece.includes("&"));
    return this.#isRaw ? piece : decodeXml(piece);
  }
}

/** Up to where no entity may begin. */
function settled(text: string): number {
  return text.length - (/&[#\w]{0,9}$/.exec(text.slice(-10))?.[0].length ?? 0);
}
