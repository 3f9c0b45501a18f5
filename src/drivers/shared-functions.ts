import { canonical } from "../core/json.ts";
import type { Driver } from "./driver.ts";
import { type FunctionDriverOptions, functionDriver } from "./driver-lm.ts";

/** A function driver with the name of its lane. */
export interface SharedFunctions {
  readonly driver: Driver;
  /** Calls of one lane are paced together: those of one model, or of one nameless request function. */
  readonly lane: string;
  /** Who answers: the model by its name, or these very functions. */
  readonly identity: string;
}

interface Home {
  readonly number: number;
  readonly byOutput: WeakMap<object, Map<string, SharedFunctions>>;
}

const known = new WeakMap<object, Home>();
let functions = 0;
let drivers = 0;

/**
 * The driver of two functions, the same one whenever the same functions come again: an agent a row that wraps the
 * same backend each time shares one set of places and limits, as agents of any provider do.
 */
export function sharedFunctions<Raw>(options: FunctionDriverOptions<Raw>): SharedFunctions {
  const { requestFn, outputFn, model, ...rest } = options;
  const driver = functionDriver(options);
  const { number, byOutput } = homeOf(requestFn);
  const byRest = byOutput.get(outputFn) ?? new Map<string, SharedFunctions>();
  byOutput.set(outputFn, byRest);
  const key = canonical({ model, ...rest });
  const shared = byRest.get(key) ?? {
    driver,
    lane: model === undefined ? `function ${number}` : `model ${model}`,
    identity: model === undefined ? `functions ${++drivers}` : `model ${model}`,
  };
  byRest.set(key, shared);
  return shared;
}

function homeOf(requestFn: object): Home {
  const home = known.get(requestFn) ?? { number: ++functions, byOutput: new WeakMap() };
  known.set(requestFn, home);
  return home;
}
