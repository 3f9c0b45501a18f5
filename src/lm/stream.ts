import type { Delta } from "../core/call.ts";
import type { Completion } from "../core/completion.ts";
import { EventStream, type StartEvents } from "../core/event-stream.ts";

/** Starts the call behind a stream. */
export type StartStream = StartEvents<Delta, Completion>;

/**
 * An answer while it is written: an async iterable of deltas, and a promise of the whole. Deltas that the reader
 * has not taken yet are merged, never dropped, so what waits is never more than the answer itself.
 */
export class CompletionStream extends EventStream<Delta, Completion> {
  constructor(start: StartStream) {
    super(start, merge);
  }

  /** The whole answer. Asking for it starts the call; it never becomes an unhandled rejection. */
  get completion(): Promise<Completion> {
    return this.result;
  }
}

/** Two deltas as one, where they continue the same piece of the answer. */
function merge(a: Delta, b: Delta): Delta | undefined {
  if ((a.choice ?? 0) !== (b.choice ?? 0)) return undefined;
  const [x, y] = [a.toolCall, b.toolCall];
  if (x === undefined && y === undefined) {
    const reasoning = a.reasoning === undefined ? b.reasoning : a.reasoning + (b.reasoning ?? "");
    return { ...a, text: a.text + b.text, ...(reasoning !== undefined && { reasoning }) };
  }
  if (x === undefined || y === undefined || x.index !== y.index || b.text !== "") return undefined;
  const id = x.id ?? y.id;
  const name = x.name ?? y.name;
  return {
    ...a,
    toolCall: {
      index: x.index,
      ...(id !== undefined && { id }),
      ...(name !== undefined && { name }),
      argumentsText: (x.argumentsText ?? "") + (y.argumentsText ?? ""),
    },
  };
}
