import type { FieldEvent, FieldReader } from "../adapter/adapter.ts";
import type { Delta } from "../core/call.ts";
import type { ProgramEvent } from "./events.ts";

/** Turns the deltas of one answer into events of a predictor's fields. Of several choices only the first is shown. */
export function listen(
  reader: FieldReader,
  predictor: string,
  emit: (event: ProgramEvent) => void,
): { readonly onDelta: (delta: Delta) => void; readonly end: () => void } {
  const pass = (events: readonly FieldEvent[]): void => {
    for (const event of events) emit({ ...event, predictor });
  };
  return {
    onDelta: ({ text, choice = 0 }) => {
      if (choice === 0 && text !== "") pass(reader.push(text));
    },
    end: () => pass(reader.end()),
  };
}
