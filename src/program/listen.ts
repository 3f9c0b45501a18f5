import { isDeepStrictEqual } from "node:util";
import type { FieldEvent, FieldReader } from "../adapter/adapter.ts";
import type { Delta } from "../core/call.ts";
import type { FieldValues } from "../signature/check.ts";
import type { Unnamed } from "./events.ts";

/** Turns one answer, while it is written, into events of a predictor's fields. */
export class Listener {
  readonly #reader: FieldReader;
  readonly #emit: (event: Unnamed) => void;
  readonly #shown = new Map<string, unknown>();

  constructor(reader: FieldReader, emit: (event: Unnamed) => void) {
    this.#reader = reader;
    this.#emit = emit;
  }

  /** Of several choices only the first is shown. */
  readonly onDelta = ({ text, choice = 0 }: Delta): void => {
    if (choice === 0 && text !== "") this.#pass(this.#reader.push(text));
  };

  end(): void {
    this.#pass(this.#reader.end());
  }

  /** The last word: values that were read otherwise than they were shown, or not shown at all. */
  settle(values: FieldValues): void {
    for (const [field, value] of Object.entries(values)) {
      if (this.#shown.has(field) && isDeepStrictEqual(this.#shown.get(field), value)) continue;
      this.#emit({ type: "field", field, value });
    }
  }

  #pass(events: readonly FieldEvent[]): void {
    for (const event of events) {
      if (event.type === "field") this.#shown.set(event.field, event.value);
      this.#emit(event);
    }
  }
}
