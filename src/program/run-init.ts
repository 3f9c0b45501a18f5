import type { AdapterChoice } from "../adapter/adapters.ts";
import { checkOptions } from "../core/check.ts";
import type { CacheOption } from "../lm/cache-use.ts";
import type { LM } from "../lm/lm.ts";
import { requireLM, scopeChecks } from "../lm/settings.ts";

/** What one run of a program may say. It reaches every call inside. */
export interface RunInit {
  /** Aborts everything inside. */
  readonly signal?: AbortSignal;
  /** Milliseconds for the run, a row each in `batch` and `each`; of nested ones the smaller wins. */
  readonly deadline?: number;
  /** Samples of its own: runs that differ in it never share an answer. It is not sent. */
  readonly rolloutId?: string | number;
  readonly temperature?: number;
  readonly cache?: CacheOption;
  /** How predictors write questions and read answers: "chat", "json", "xml", or an adapter. */
  readonly adapter?: AdapterChoice;
  /** The LM for everything inside, whatever LMs its modules hold. */
  readonly lm?: LM;
}

/** A run that says nothing of its own. */
export const plainRun: RunInit = Object.freeze({});

export const initChecks = { ...scopeChecks, lm: () => undefined };

/** The init, checked; `owner` is the first word of an error. */
export function checkInit(owner: string, init: RunInit): RunInit {
  if (init === plainRun) return init;
  checkOptions(owner, init, initChecks);
  if ("lm" in init) requireLM(`${owner}({ lm })`, init.lm);
  return init;
}
