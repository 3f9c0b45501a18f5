import type { Completion } from "../core/completion.ts";
import { currentScope, runInScope } from "../lm/scope.ts";
import { scopeOf } from "../lm/settings.ts";
import type { ModuleLike } from "./own.ts";
import { Recorder } from "./recorder.ts";
import { plainRun, type RunInit } from "./run-init.ts";
import { type RunScope, runScope, withRunScope } from "./run-scope.ts";
import { leaveTrace, type Trace } from "./trace.ts";

/** Runs `fn` under what `init` says, which was checked. */
export function inRun<T>(init: RunInit, fn: () => T): T {
  if (init === plainRun) return fn();
  const { lm } = init;
  const inside = lm === undefined ? fn : () => withRunScope({ ...runScope(), lm }, fn);
  return runInScope(scopeOf(init), inside);
}

/**
 * Runs `fn` with a trace of its own, named by what `root` holds. A run inside a run is in both traces. Where `fn`
 * rejects, `traceOf(error)` gives the trace up to there.
 */
export async function traced<T>(
  fn: () => Promise<T> | T,
  root?: ModuleLike,
): Promise<{ readonly value: T; readonly trace: Trace }> {
  const outer = runScope();
  const recorder = new Recorder(root, outer?.recorder, outer?.parent);
  const heard = currentScope()?.onAnswer;
  const onAnswer = (answer: Completion): void => {
    recorder.answered(answer);
    heard?.(answer);
  };
  const scope: RunScope = { ...outer, recorder };
  try {
    const value = await runInScope({ onAnswer }, () => withRunScope(scope, fn));
    return { value, trace: recorder.trace() };
  } catch (error) {
    throw leaveTrace(error, recorder.trace());
  }
}
