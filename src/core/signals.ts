import { isTrunklineError, TrunklineError } from "./errors.ts";

/** Whoever hears a signal: a function, or an object of which one more closure would be wasted. */
export type AbortListener = (() => void) | { handleEvent(): void };

/** As much of an `AbortSignal` as the layers of a call need; every AbortSignal is one. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: AbortListener, options?: { readonly once?: boolean }): void;
  removeEventListener(type: "abort", listener: AbortListener): void;
}

/**
 * The signal and the controller of one call, in one small object: an `AbortController` with its events costs a call
 * more than all of its queueing. Each listener is told once. Drivers from outside get a real one (drivers/work.ts).
 */
export class CallSignal implements Signal {
  aborted = false;
  reason: unknown = undefined;
  #listeners: AbortListener[] | undefined;

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const listeners = this.#listeners;
    // A listener may remove those that come after it.
    for (let each = listeners?.shift(); each !== undefined; each = listeners?.shift()) {
      if (typeof each === "function") each();
      else each.handleEvent();
    }
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_type: "abort", listener: AbortListener): void {
    if (this.aborted || this.#listeners?.includes(listener)) return;
    this.#listeners ??= [];
    this.#listeners.push(listener);
  }

  removeEventListener(_type: "abort", listener: AbortListener): void {
    const at = this.#listeners?.indexOf(listener) ?? -1;
    if (at !== -1) this.#listeners!.splice(at, 1);
  }
}

/** Settles one caller with an error, at once, while its work winds down. */
export type Leave = (error: TrunklineError) => void;

/** The error a caller sees when its own signal aborted. A signal aborted with such an error passes it on. */
export function abortError(signal: Signal): TrunklineError {
  if (isTrunklineError(signal.reason) && signal.reason.code === "aborted") return signal.reason;
  return new TrunklineError("aborted", "the call was aborted by its signal", { cause: signal.reason });
}

interface Hub {
  readonly leaves: Set<Leave>;
  readonly listener: () => void;
}

const hubs = new WeakMap<Signal, Hub>();

/**
 * Calls `leave` when `signal` aborts; returns the function that stops it. However many calls share a signal, it
 * carries one listener of ours, and none once they are done: a listener a call would trip Node's leak warning
 * at a few thousand calls, and removing one would search through all the others.
 */
export function onAbort(signal: Signal, leave: Leave): () => void {
  let hub = hubs.get(signal);
  if (hub === undefined) {
    const leaves = new Set<Leave>();
    const listener = (): void => {
      hubs.delete(signal);
      const error = abortError(signal);
      for (const each of leaves) each(error);
    };
    hub = { leaves, listener };
    hubs.set(signal, hub);
    signal.addEventListener("abort", listener, { once: true });
  }
  const { leaves, listener } = hub;
  leaves.add(leave);
  return () => {
    if (!leaves.delete(leave) || leaves.size > 0) return;
    if (hubs.get(signal)?.leaves === leaves) hubs.delete(signal);
    signal.removeEventListener("abort", listener);
  };
}
