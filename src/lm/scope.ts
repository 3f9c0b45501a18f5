import { AsyncLocalStorage } from "node:async_hooks";
import type { Priority } from "../core/call.ts";
import type { Completion } from "../core/completion.ts";
import type { CacheOption } from "./cache-use.ts";

/** How programs write questions and read answers: one of the package's own by name, or any object of that shape. */
export type AdapterSetting = string | { readonly name: string; plan(...given: never[]): unknown };

/** What travels inward through the async context to every call made inside a run or a `context`. */
export interface Scope {
  /** The LM in force; `settings.ts` knows its type. */
  readonly lm?: object;
  /** The signals of all runs around this place, innermost first. */
  readonly signals?: readonly AbortSignal[];
  /** The instant at which everything inside must have ended. */
  readonly deadlineAt?: number;
  readonly temperature?: number;
  readonly cache?: CacheOption;
  readonly rolloutId?: string | number;
  readonly adapter?: AdapterSetting;
  readonly priority?: Priority;
  /** The outermost run's own key: all calls of a run share one fair share of a lane. */
  readonly fairnessKey?: object;
  /** Hears every answer that an LM gives inside: what a run has spent. */
  readonly onAnswer?: (answer: Completion) => void;
}

/** What holds for the whole process until an inner scope says otherwise. */
export interface ProcessDefaults {
  lm?: object;
  adapter?: AdapterSetting;
  /** The default `concurrency` of each run over rows. */
  asyncMaxWorkers: number;
}

const home = globalThis as { [key: symbol]: ProcessDefaults | undefined };
const place = Symbol.for("trunkline.settings.v1");
home[place] ??= { asyncMaxWorkers: 2000 };

/** One object for all copies of the package in this process. */
export const processDefaults: ProcessDefaults = home[place];

const store = new AsyncLocalStorage<Scope>();

/** The scope in force here, if any. */
export function currentScope(): Scope | undefined {
  return store.getStore();
}

/** Runs `fn` inside `inner`, laid over what is in force: the smaller deadline wins, else the innermost value. */
export function runInScope<T>(inner: Scope, fn: () => T): T {
  return store.run(nest(store.getStore(), inner), fn);
}

function nest(outer: Scope | undefined, inner: Scope): Scope {
  if (outer === undefined) return inner;
  const deadlines = [outer.deadlineAt, inner.deadlineAt].filter((at) => at !== undefined);
  return {
    ...outer,
    ...inner,
    ...(deadlines.length > 0 && { deadlineAt: Math.min(...deadlines) }),
    ...(outer.signals && inner.signals && { signals: [...inner.signals, ...outer.signals] }),
    ...(outer.fairnessKey && { fairnessKey: outer.fairnessKey }),
  };
}
