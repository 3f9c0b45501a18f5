import { AsyncLocalStorage } from "node:async_hooks";
import type { Delta } from "../core/call.ts";
import type { Completion } from "../core/completion.ts";
import { TrunklineError } from "../core/errors.ts";
import type { Ask } from "./ask.ts";

/** Where a waiter says that it goes. */
export interface Host {
  leave(waiter: Waiter, error: unknown): void;
}

/** One caller who waits for joined work. */
export class Waiter {
  readonly ask: Ask;
  readonly resolve: (answer: Completion | Promise<Completion>) => void;
  readonly reject: (error: unknown) => void;
  /** Has seen a part of the answer; asked anew it would see that part twice. */
  heard = false;
  /** Hears deltas as they come; one who joined late is told first what it has missed. */
  upToDate = true;
  readonly #host: Host;
  #inContext: (<R>(fn: () => R) => R) | undefined;

  constructor(
    host: Host,
    ask: Ask,
    resolve: (answer: Completion | Promise<Completion>) => void,
    reject: (error: unknown) => void,
  ) {
    this.#host = host;
    this.ask = ask;
    this.resolve = resolve;
    this.reject = reject;
    ask.options.signal?.addEventListener("abort", this);
  }

  /** Remembers the caller's async context, for work that may have to be started from another's. */
  keepContext(): void {
    this.#inContext = AsyncLocalStorage.snapshot();
  }

  inContext<R>(fn: () => R): R {
    return this.#inContext === undefined ? fn() : this.#inContext(fn);
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    this.#host.leave(this, this.ask.options.signal!.reason);
  }

  /** It has its outcome, or is about to: nothing is left on its signal. */
  unlink(): void {
    this.ask.options.signal?.removeEventListener("abort", this);
  }

  /** Tells its listener something. One that throws ends its own call and nobody else's. */
  tell(say: (onDelta: (delta: Delta) => void) => void): void {
    const { onDelta } = this.ask.options;
    if (onDelta === undefined) return;
    try {
      say((delta) => {
        this.heard = true;
        onDelta(delta);
      });
    } catch (cause) {
      this.#host.leave(this, new TrunklineError("aborted", "the call's onDelta listener threw", { cause }));
    }
  }
}
