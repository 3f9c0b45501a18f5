import { isTrunklineError, TrunklineError } from "./errors.ts";

/** Settles one caller with an error, at once, while its work winds down. */
export type Leave = (error: TrunklineError) => void;

/** The error a caller sees when its own signal aborted. A signal aborted with such an error passes it on. */
export function abortError(signal: AbortSignal): TrunklineError {
  if (isTrunklineError(signal.reason) && signal.reason.code === "aborted") return signal.reason;
  return new TrunklineError("aborted", "the call was aborted by its signal", { cause: signal.reason });
}

interface Hub {
  readonly leaves: Set<Leave>;
  readonly listener: () => void;
}

const hubs = new WeakMap<AbortSignal, Hub>();

/**
 * Calls `leave` when `signal` aborts; returns the function that stops it. However many calls share a signal, it
 * carries one listener of ours, and none once they are done: a listener a call would trip Node's leak warning
 * at a few thousand calls, and removing one would search through all the others.
 */
export function onAbort(signal: AbortSignal, leave: Leave): () => void {
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
