import { canonical } from "../core/json.ts";
import type { Driver } from "./driver.ts";
import { type FunctionDriverOptions, functionDriver } from "./driver-lm.ts";

/** A function driver with the name of its lane. */
export interface SharedFunctions {
  readonly driver: Driver;
  /** Calls of one lane are paced together: those of one model, or of one nameless request function. */
  readonly lane: string;
}

type ByOutput = WeakMap<object, Map<string, SharedFunctions>>;

const known = new WeakMap<object, { readonly number: number; readonly byOutput: ByOutput }>();
let functions = 0;

/**
 * The driver of two functions, the same one whenever the same functions come again: an agent a row that wraps the
 * same backend each time shares one set of places and limits, as agents of any provider do.
 */
export function sharedFunctions<Raw>(options: FunctionDriverOptions<Raw>): SharedFunctions {
  const { requestFn, outputFn, model, ...rest } = options;
  const driver = functionDriver(options);
  let home = known.get(requestFn);
  if (home === undefined) known.set(requestFn, (home = { number: ++functions, byOutput: new WeakMap() }));
  let byRest = home.byOutput.get(outputFn);
  if (byRest === undefined) home.byOutput.set(outputFn, (byRest = new Map()));
  const key = canonical({ model, ...rest });
  let shared = byRest.get(key);
  if (shared === undefined) {
    shared = { driver, lane: model === undefined ? `function ${home.number}` : `model ${model}` };
    byRest.set(key, shared);
  }
  return shared;
}
