import { checkOptions, checks, show, wrongOption } from "../core/check.ts";
import { systemClock } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import { type CacheOption, cacheCheck, rolloutCheck } from "./cache-use.ts";
import { LM } from "./lm.ts";
import { currentScope, processDefaults, runInScope } from "./scope.ts";

/** What `configure` sets for the whole process. */
export interface Settings {
  /** The LM for whatever names none. */
  readonly lm?: LM;
  /** The default `concurrency` of each run over rows. Default 2,000. */
  readonly asyncMaxWorkers?: number;
}

/** What `context` lays over the process's settings, for everything called inside. */
export interface ContextSettings {
  readonly lm?: LM;
  readonly signal?: AbortSignal;
  /** Milliseconds for everything inside; of nested ones the smaller wins. */
  readonly deadline?: number;
  readonly temperature?: number;
  readonly cache?: CacheOption;
  readonly rolloutId?: string | number;
}

/**
 * Sets process-wide defaults. May be called again at any time: the last one wins, for calls made from then on.
 *
 * ```ts
 * configure({ lm: getSharedLM(), asyncMaxWorkers: 2000 });
 * ```
 */
export function configure(settings: Settings): void {
  if (settings === undefined) throw wrongOption("configure", "an object of settings", settings);
  checkOptions("configure", settings, { lm: () => undefined, asyncMaxWorkers: checks.positiveCount });
  if ("lm" in settings) processDefaults.lm = requireLM("configure({ lm })", settings.lm);
  if (settings.asyncMaxWorkers !== undefined) processDefaults.asyncMaxWorkers = settings.asyncMaxWorkers;
}

/**
 * Runs `fn` with settings of its own. They follow the async context, so parallel contexts never mix, and there is
 * no owner: any code may open one, anywhere.
 *
 * ```ts
 * const answer = await context({ lm: other, deadline: 10_000 }, () => currentLM().call("Say hi."));
 * ```
 */
export function context<T>(settings: ContextSettings, fn: () => T): T {
  if (settings === undefined) throw wrongOption("context", "an object of settings", settings);
  if (typeof fn !== "function") throw wrongOption("context: its second argument", "a function", fn);
  checkOptions("context", settings, {
    lm: () => undefined,
    signal: checks.signal,
    deadline: checks.duration,
    temperature: checks.finite,
    cache: cacheCheck,
    rolloutId: rolloutCheck,
  });
  const { signal, deadline, temperature, cache, rolloutId } = settings;
  const lm = "lm" in settings ? requireLM("context({ lm })", settings.lm) : undefined;
  const scope = {
    ...(lm && { lm }),
    ...(signal && { signals: [signal] }),
    ...(deadline !== undefined && { deadlineAt: systemClock.now() + deadline }),
    ...(temperature !== undefined && { temperature }),
    ...(cache !== undefined && { cache }),
    ...(rolloutId !== undefined && { rolloutId }),
  };
  return runInScope(scope, fn);
}

/** The LM in force here: the innermost `context`'s, else `configure`'s. */
export function currentLM(): LM {
  const lm = currentScope()?.lm ?? processDefaults.lm;
  if (lm === undefined) {
    throw new TrunklineError(
      "config",
      "no LM is set here; call configure({ lm: getSharedLM() }) once, or pass one",
    );
  }
  return lm as LM;
}

/** `lm` itself, or an error that says what to pass and why. */
export function requireLM(owner: string, lm: unknown): LM {
  if (lm instanceof LM) return lm;
  throw new TrunklineError(
    "config",
    `${owner} needs an LM, got ${show(lm)}; pass getSharedLM() or one \`new LM(...)\` that the program shares, ` +
      "so that all of it speaks through the same pooled connections",
  );
}
