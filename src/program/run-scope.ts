import { AsyncLocalStorage } from "node:async_hooks";
import type { Demo } from "../adapter/adapter.ts";
import type { LM } from "../lm/lm.ts";
import type { FieldValues } from "../signature/check.ts";
import type { Signature } from "../signature/signature.ts";
import type { Unnamed } from "./events.ts";
import type { ModuleLike } from "./own.ts";
import type { Recorder } from "./recorder.ts";

/** The modules whose calls run around a place, innermost first. */
export interface Enclosing {
  readonly module: ModuleLike;
  readonly outer: Enclosing | undefined;
}

/** What is laid over a predictor while a run lasts; what is absent stays the predictor's own. */
export interface Overlay {
  readonly signature?: Signature<unknown, unknown>;
  readonly demos?: readonly Demo[];
  /** Laid over the call's inputs before they are checked. */
  readonly inputs?: FieldValues;
}

/** The state of a program's run that follows the async context; signal, deadline and the like are in `lm/scope.ts`. */
export interface RunScope {
  readonly enclosing?: Enclosing | undefined;
  /** The LM that a call named for everything inside. */
  readonly lm?: LM;
  readonly overlay?: (predictor: object) => Overlay | undefined;
  readonly recorder?: Recorder;
  /** The id of the module's call around here, in the recorder. */
  readonly parent?: number;
  /** Hears what the stream around shows, and which module says it. */
  readonly emit?: (by: object, event: Unnamed) => void;
}

const store = new AsyncLocalStorage<RunScope>();

/** The scope in force here, if any. */
export function runScope(): RunScope | undefined {
  return store.getStore();
}

/** Runs `fn` in exactly this scope. */
export function withRunScope<T>(scope: RunScope, fn: () => T): T {
  return store.run(scope, fn);
}
