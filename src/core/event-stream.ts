import { AsyncLocalStorage } from "node:async_hooks";
import { TrunklineError } from "./errors.ts";

/** Starts the work behind a stream. It pushes events while it works; its promise brings the whole. */
export type StartEvents<Event, Result> = (push: (event: Event) => void, left: AbortSignal) => Promise<Result>;

/**
 * Work that is watched while it is done: an async iterable of events, and a promise of the result. Nothing starts
 * before the first `next()` or the first look at the result; leaving the loop aborts the work. Events that the
 * reader has not taken yet are merged where `merge` can, never dropped. Subclasses name the result.
 */
export class EventStream<Event, Result> implements AsyncIterableIterator<Event, undefined> {
  readonly #start: StartEvents<Event, Result>;
  readonly #merge: (a: Event, b: Event) => Event | undefined;
  readonly #inContext: <T>(fn: () => T) => T = AsyncLocalStorage.snapshot();
  readonly #controller = new AbortController();
  readonly #waiting: Event[] = [];
  #result: Promise<Result> | undefined;
  #ended = false;
  #last: Promise<unknown> = Promise.resolve();
  #wake: () => void = () => {};

  constructor(
    start: StartEvents<Event, Result>,
    merge: (a: Event, b: Event) => Event | undefined = () => undefined,
  ) {
    this.#start = start;
    this.#merge = merge;
  }

  /** The whole. Asking for it starts the work; it never becomes an unhandled rejection. */
  protected get result(): Promise<Result> {
    if (this.#result === undefined) {
      const { signal } = this.#controller;
      this.#result = this.#inContext(() => this.#start((event) => this.#push(event), signal));
      const end = (): void => {
        this.#ended = true;
        this.#wake();
      };
      this.#result.then(end, end);
    }
    return this.#result;
  }

  /** May be called again before the one before it has settled; the events come in the order of the calls. */
  next(): Promise<IteratorResult<Event, undefined>> {
    const { result: whole } = this;
    const result = this.#last.then(() => this.#next(whole));
    this.#last = result.catch(() => {});
    return result;
  }

  async #next(whole: Promise<Result>): Promise<IteratorResult<Event, undefined>> {
    for (;;) {
      if (this.#waiting.length > 0) return { done: false, value: this.#waiting.shift()! };
      if (this.#controller.signal.aborted) return { done: true, value: undefined };
      if (this.#ended) {
        await whole;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Leaves early: the work is aborted. Called by `break` in a `for await` loop. */
  async return(): Promise<IteratorResult<Event, undefined>> {
    this.#controller.abort();
    this.#waiting.length = 0;
    this.#result ??= Promise.reject(new TrunklineError("aborted", "the stream was left before it started"));
    this.#result.catch(() => {});
    this.#wake();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #push(event: Event): void {
    const last = this.#waiting.at(-1);
    const merged = last && this.#merge(last, event);
    if (merged) this.#waiting[this.#waiting.length - 1] = merged;
    else this.#waiting.push(event);
    this.#wake();
  }
}
