import type { FieldEvent } from "./adapter.ts";
import { Broken } from "./broken.ts";
import type { Outline } from "./outline.ts";
import { takesText, type View } from "./view.ts";

/** How the text of a field becomes what a reader is told. */
export interface SinkStyle {
  /** How much of a text means the same whatever comes behind it. */
  readonly settled: (text: string) => number;
  /** A piece of text as it is meant. */
  readonly decode: (piece: string) => string;
}

/** Takes the text of fields as it comes, cut anywhere, and tells what can be told of it already. */
export class FieldSink {
  readonly #style: SinkStyle;
  readonly #views: ReadonlyMap<string, View>;
  readonly #texts = new Map<string, string>();
  readonly #events: FieldEvent[] = [];
  #field: string | undefined;
  /** Whether blanks around the text are no part of it. */
  #trims = true;
  #text = "";
  /** What is not told yet. */
  #held = "";

  constructor({ outputs }: Outline, style: SinkStyle) {
    this.#views = new Map(outputs.map(({ name, view }) => [name, view]));
    this.#style = style;
  }

  open(field: string, trims = true): void {
    this.#field = field;
    this.#trims = trims;
    this.#text = "";
    this.#held = "";
  }

  add(piece: string): void {
    if (this.#field === undefined || piece === "") return;
    this.#text += piece;
    // A field that comes again is told as a whole, at its end.
    if (this.#texts.has(this.#field)) return;
    this.#held += piece;
    this.#tell(false);
  }

  /** Ends the open field. */
  close(cast: (view: View, text: string) => unknown): void {
    const field = this.#field;
    if (field === undefined) return;
    this.#tell(true);
    this.#field = undefined;
    const text = this.#trims ? this.#text.trim() : this.#text;
    if (this.#texts.get(field) === text) return;
    this.#texts.set(field, text);
    const value = cast(this.#views.get(field)!, text);
    if (!(value instanceof Broken)) this.#events.push({ type: "field", field, value });
  }

  /** Forgets the open field: it was none. */
  drop(): void {
    this.#field = undefined;
  }

  /** What there is to tell since the last time. */
  take(): readonly FieldEvent[] {
    return this.#events.splice(0);
  }

  #tell(isAll: boolean): void {
    const { settled, decode } = this.#style;
    if (this.#trims && this.#held.length === this.#text.length) {
      this.#text = this.#text.trimStart();
      this.#held = this.#text;
    }
    const text = this.#trims ? this.#held.trimEnd() : this.#held;
    const end = isAll ? text.length : withoutHalf(text, Math.min(settled(text), text.length));
    if (end === 0) return;
    const field = this.#field!;
    const piece = text.slice(0, end);
    // What is no text is told as it is written, and decoded as a whole.
    const isText = takesText(this.#views.get(field)!);
    this.#events.push({ type: "delta", field, text: wellFormed(isText ? decode(piece) : piece) });
    this.#held = this.#held.slice(end);
  }
}

function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed();
}

/** A cut that parts no pair of surrogates. */
function withoutHalf(text: string, end: number): number {
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}
