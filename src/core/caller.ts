import type { Layer } from "./call.ts";
import type { Clock } from "./clock.ts";
import type { Completion } from "./completion.ts";
import { TrunklineError } from "./errors.ts";
import { abortError, CallSignal, type Leave, onAbort } from "./signals.ts";

/**
 * Parts the caller from the work. Each call gets one signal of its own; a caller's signal carries one
 * listener until the call settles and is never handed down. An abort, the deadline or a closing client (through
 * `open`) settles the caller at once; the work below ends in its own time and gives back what it holds. Below
 * this layer `signal.reason` is always the TrunklineError that the caller got.
 */
export function caller(clock: Clock, open: Set<Leave>): Layer {
  return (next) => (request, options) => {
    const { signal, outerSignals, deadlineAt } = options;
    const aborted = signal?.aborted ? signal : outerSignals?.find((outer) => outer.aborted);
    if (aborted) return Promise.reject(abortError(aborted));
    if (deadlineAt <= clock.now()) return Promise.reject(deadlineError());
    const own = new CallSignal();
    return new Promise<Completion>((resolve, reject) => {
      const leave: Leave = (error) => {
        clean();
        reject(error);
        own.abort(error);
      };
      const unlink = signal && onAbort(signal, leave);
      const unlinkOuter = outerSignals?.map((outer) => onAbort(outer, leave));
      const timer =
        deadlineAt === Number.POSITIVE_INFINITY
          ? undefined
          : clock.after(deadlineAt - clock.now(), () => leave(deadlineError()));
      const clean = (): void => {
        open.delete(leave);
        timer?.cancel();
        unlink?.();
        if (unlinkOuter) for (const each of unlinkOuter) each();
      };
      open.add(leave);
      try {
        next(request, { ...options, signal: own, outerSignals: undefined }).then(
          (answer) => {
            clean();
            resolve(answer);
          },
          (error) => {
            clean();
            reject(error);
          },
        );
      } catch (error) {
        clean();
        reject(error);
      }
    });
  };
}

function deadlineError(): TrunklineError {
  return new TrunklineError("timeout", "the call's deadline passed", { phase: "total", retryable: false });
}
