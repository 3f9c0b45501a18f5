import { AsyncLocalStorage } from "node:async_hooks";
import type { Delta } from "../core/call.ts";
import type { Completion } from "../core/completion.ts";
import { TrunklineError } from "../core/errors.ts";

/** Starts the call behind a stream. */
export type StartStream = (onDelta: (delta: Delta) => void, signal: AbortSignal) => Promise<Completion>;

/**
 * An answer while it is written: an async iterable of deltas, and a promise of the whole. Deltas that the reader
 * has not taken yet are merged, never dropped, so what waits is never more than the answer itself.
 */
export class CompletionStream implements AsyncIterableIterator<Delta, undefined> {
  readonly #start: StartStream;
  readonly #inContext: <T>(fn: () => T) => T = AsyncLocalStorage.snapshot();
  readonly #controller = new AbortController();
  readonly #waiting: Delta[] = [];
  #completion: Promise<Completion> | undefined;
  #ended = false;
  #last: Promise<unknown> = Promise.resolve();
  #wake: () => void = () => {};

  constructor(start: StartStream) {
    this.#start = start;
  }

  /** The whole answer. Asking for it starts the call; it never becomes an unhandled rejection. */
  get completion(): Promise<Completion> {
    if (this.#completion === undefined) {
      const { signal } = this.#controller;
      this.#completion = this.#inContext(() => this.#start((delta) => this.#push(delta), signal));
      const end = (): void => {
        this.#ended = true;
        this.#wake();
      };
      this.#completion.then(end, end);
    }
    return this.#completion;
  }

  /** May be called again before the one before it has settled; the pieces come in the order of the calls. */
  next(): Promise<IteratorResult<Delta, undefined>> {
    const { completion } = this;
    const result = this.#last.then(() => this.#next(completion));
    this.#last = result.catch(() => {});
    return result;
  }

  async #next(completion: Promise<Completion>): Promise<IteratorResult<Delta, undefined>> {
    for (;;) {
      const delta = this.#waiting.shift();
      if (delta !== undefined) return { done: false, value: delta };
      if (this.#controller.signal.aborted) return { done: true, value: undefined };
      if (this.#ended) {
        await completion;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Leaves early: the call is aborted. Called by `break` in a `for await` loop. */
  async return(): Promise<IteratorResult<Delta, undefined>> {
    this.#controller.abort();
    this.#waiting.length = 0;
    this.#completion ??= Promise.reject(
      new TrunklineError("aborted", "the stream was left before it started"),
    );
    this.#completion.catch(() => {});
    this.#wake();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #push(delta: Delta): void {
    const last = this.#waiting.at(-1);
    const merged = last && merge(last, delta);
    if (merged) this.#waiting[this.#waiting.length - 1] = merged;
    else this.#waiting.push(delta);
    this.#wake();
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
