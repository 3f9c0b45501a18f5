import type { FieldEvent, FieldReader } from "./adapter.ts";
import { castText } from "./cast.ts";
import { FieldSink } from "./field-sink.ts";
import { settledText, unguard, unguarded } from "./guard.ts";
import { type Marker, markersIn } from "./markers.ts";
import type { Outline } from "./outline.ts";
import { ThoughtFilter } from "./thought-filter.ts";

/** What may still become a line with a marker. */
const partial =
  /^[\s>*#`_\-\u200b-\u200d\ufeff]{0,24}(?:\[(?:\[ *(?:#+ *(?:[\p{ID_Start}][\p{ID_Continue}-]* *(?:#+ *\]?)?)?)?)?)?$/u;
const maxLine = 200;
/** Decoration and a colon may stand behind a marker. */
const maxSuffix = 4;

/** Reads sections while they are written. Only markers that begin a line count here. */
export class ChatFields implements FieldReader {
  readonly #outline: Outline;
  readonly #thoughts: ThoughtFilter;
  readonly #sink: FieldSink;
  /** What is not handled yet. */
  #tail = "";
  #beginsLine = true;
  /** Behind a whole answer an input's marker begins a question of the model's own. */
  #isOver = false;
  #hasEnded = false;

  constructor(outline: Outline) {
    this.#outline = outline;
    this.#thoughts = new ThoughtFilter((name) => outline.names.find(name) !== undefined);
    this.#sink = new FieldSink(outline, {
      settled: settledText,
      decode: (piece) => unguard(piece) as string,
    });
  }

  push(text: string): readonly FieldEvent[] {
    this.#tail += this.#thoughts.pass(text);
    this.#read(false);
    return this.#sink.take();
  }

  end(): readonly FieldEvent[] {
    this.#tail += this.#thoughts.rest();
    this.#read(true);
    this.#close();
    return this.#sink.take();
  }

  #read(isAll: boolean): void {
    while (this.#tail !== "" && !this.#isOver) {
      const newline = this.#tail.indexOf("\n");
      if (this.#beginsLine) {
        const line = newline === -1 ? this.#tail : this.#tail.slice(0, newline);
        const marker = this.#markerOf(line);
        const isSure = isAll || newline !== -1;
        if (marker !== undefined && !isSure && line.length < marker.end + maxSuffix) return;
        if (marker === undefined && !isSure && line.length < maxLine && partial.test(line)) return;
        this.#beginsLine = false;
        if (marker !== undefined) this.#turnTo(marker);
        this.#tail = this.#tail.slice(marker?.end ?? 0);
        continue;
      }
      const end = newline === -1 ? this.#tail.length : newline + 1;
      this.#sink.add(this.#tail.slice(0, end));
      this.#tail = this.#tail.slice(end);
      this.#beginsLine = newline !== -1;
    }
  }

  #markerOf(line: string): Marker | undefined {
    if (!line.includes("[[")) return undefined;
    const [marker] = markersIn(line.slice(0, maxLine), this.#outline);
    return marker?.prefix === undefined ? undefined : marker;
  }

  #turnTo({ opens, name }: Marker): void {
    this.#close();
    if (opens === "output") this.#sink.open(name);
    if (opens === "end") this.#hasEnded = true;
    this.#isOver = opens === "input" && this.#hasEnded;
  }

  #close(): void {
    this.#sink.close((view, text) => unguarded(castText(view, text)));
  }
}
