import type { Layer } from "./call.ts";
import type { Clock } from "./clock.ts";
import type { Completion } from "./completion.ts";
import { TrunklineError } from "./errors.ts";

/** Settles one caller with an error, at once, while its work winds down. */
export type Leave = (error: TrunklineError) => void;

/** The error a caller sees when its own signal aborted. */
export function abortError(signal: AbortSignal): TrunklineError {
  return new TrunklineError("aborted", "the call was aborted by its signal", { cause: signal.reason });
}

/**
 * Parts the caller from the work. Each call gets one controller of its own; the caller's signal carries one
 * listener until the call settles and is never handed down. An abort, the deadline or a closing client (through
 * `open`) settles the caller at once; the work below ends in its own time and gives back what it holds. Below
 * this layer `signal.reason` is always the TrunklineError that the caller got.
 */
export function caller(clock: Clock, open: Set<Leave>): Layer {
  return (next) => (request, options) => {
    const { signal, deadlineAt } = options;
    if (signal?.aborted) return Promise.reject(abortError(signal));
    const controller = new AbortController();
    return new Promise<Completion>((resolve, reject) => {
      const leave: Leave = (error) => {
        clean();
        reject(error);
        controller.abort(error);
      };
      const onAbort = signal && (() => leave(abortError(signal)));
      const timer =
        deadlineAt === Number.POSITIVE_INFINITY
          ? undefined
          : clock.after(deadlineAt - clock.now(), () =>
              leave(
                new TrunklineError("timeout", "the call's deadline passed", {
                  phase: "total",
                  retryable: false,
                }),
              ),
            );
      const clean = (): void => {
        open.delete(leave);
        timer?.cancel();
        if (onAbort) signal.removeEventListener("abort", onAbort);
      };
      open.add(leave);
      if (onAbort) signal.addEventListener("abort", onAbort);
      next(request, { ...options, signal: controller.signal }).then(
        (answer) => {
          clean();
          resolve(answer);
        },
        (error) => {
          clean();
          reject(error);
        },
      );
    });
  };
}
