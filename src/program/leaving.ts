import type { Clock } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import { abortError, type Leave, onAbort } from "../core/signals.ts";
import { processClock } from "../lm/process.ts";
import { currentScope, runInScope, type Scope } from "../lm/scope.ts";

/**
 * Calls `leave` when a run around this place is aborted or its deadline passes, at once if that is so already;
 * returns the function that stops it. LM calls hear all this by themselves; tools and queues do by this.
 */
export function onLeave(clock: Clock, leave: Leave, scope: Scope | undefined = currentScope()): () => void {
  const { signals = [], deadlineAt = Number.POSITIVE_INFINITY } = scope ?? {};
  const aborted = signals.find((signal) => signal.aborted);
  if (aborted !== undefined || deadlineAt <= clock.now()) {
    leave(aborted === undefined ? deadlineError() : abortError(aborted));
    return () => {};
  }
  const unlinks = signals.map((signal) => onAbort(signal, leave));
  const timer =
    deadlineAt === Number.POSITIVE_INFINITY
      ? undefined
      : clock.after(deadlineAt - clock.now(), () => leave(deadlineError()));
  return () => {
    timer?.cancel();
    for (const unlink of unlinks) unlink();
  };
}

/** What `fn` comes to, or the error of a run around this place that ends before it: `fn` hears of neither. */
export function unlessLeft<T>(clock: Clock, fn: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let left = false;
    const unlink = onLeave(clock, (error) => {
      left = true;
      reject(error);
    });
    if (left) return;
    fn().then(resolve, reject).finally(unlink);
  });
}

/** What a check of somebody else's comes to. One that takes its time hears `signal`, and the runs around this place. */
export function checkedInTime<T>(checked: T | Promise<T>, signal: AbortSignal | undefined): T | Promise<T> {
  if (!(checked instanceof Promise)) return checked;
  // Nobody may be there any more when it fails.
  checked.catch(() => {});
  const wait = (): Promise<T> => unlessLeft(processClock(), () => checked);
  return signal === undefined ? wait() : runInScope({ signals: [signal] }, wait);
}

function deadlineError(): TrunklineError {
  return new TrunklineError("timeout", "the run's deadline passed", { phase: "total", retryable: false });
}
