const opening = /^\s*(?:<(think|thinking|thought|reasoning)>|\[(THINK)\])/i;
/** What may still become the tag above. */
const maxOpening = 24;

/** Keeps back thoughts that begin an answer while it is written. */
export class ThoughtFilter {
  readonly #isField: (name: string) => boolean;
  #held: string | undefined = "";
  #end: string | undefined;

  constructor(isField: (name: string) => boolean) {
    this.#isField = isField;
  }

  /** What of the text is answer. */
  pass(piece: string): string {
    if (this.#held === undefined) return piece;
    this.#held += piece;
    if (this.#end === undefined) {
      const match = opening.exec(this.#held);
      if (match === null) return this.#mayOpen() ? "" : this.#all();
      const name = match[1] ?? match[2]!;
      if (this.#isField(name)) return this.#all();
      this.#end = match[1] === undefined ? `[/${name}]` : `</${name}>`;
    }
    const at = this.#held.indexOf(this.#end);
    if (at !== -1) {
      this.#held = this.#held.slice(at + this.#end.length);
      return this.#all();
    }
    // The end may be cut; nothing else of the thoughts is needed.
    this.#held = this.#held.slice(-this.#end.length);
    return "";
  }

  /** What is left when the text ends. */
  rest(): string {
    return this.#end === undefined ? this.#all() : "";
  }

  #mayOpen(): boolean {
    const start = this.#held!.trimStart();
    return start.length < maxOpening && /^(?:<[a-z]*|\[[A-Z]*)?$/i.test(start);
  }

  #all(): string {
    const text = this.#held ?? "";
    this.#held = undefined;
    return text;
  }
}
