import { type Check, checkOptions, checks, show, wrongOption } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import { type CacheOption, cacheCheck, rolloutCheck } from "./cache-use.ts";
import { LM } from "./lm.ts";
import { processClock } from "./process.ts";
import { type AdapterSetting, currentScope, processDefaults, runInScope, type Scope } from "./scope.ts";

/** What `configure` sets for the whole process. */
export interface Settings {
  /** The LM for whatever names none. */
  readonly lm?: LM;
  /** The default `concurrency` of each run over rows. Default 2,000. */
  readonly asyncMaxWorkers?: number;
  /** How predictors write questions and read answers: "chat" (the default), "json", "xml", or one of your own. */
  readonly adapter?: AdapterSetting;
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
  readonly adapter?: AdapterSetting;
}

/** The names of the adapters; the room of adapters lies beside this one, and a test holds the lists equal. */
const adapterNames = ["chat", "json", "xml"];

const adapter: Check = (value) => {
  const { name, plan } = Object(value) as { name?: unknown; plan?: unknown };
  const own = typeof name === "string" && typeof plan === "function";
  if (own || adapterNames.includes(value as string)) return undefined;
  return `${adapterNames.map((each) => `"${each}"`).join(", ")} or an adapter { name, plan(signature, demos) }`;
};

/**
 * Sets process-wide defaults. May be called again at any time: the last one wins, for calls made from then on.
 *
 * ```ts
 * configure({ lm: getSharedLM(), asyncMaxWorkers: 2000 });
 * ```
 */
export function configure(settings: Settings): void {
  if (settings === undefined) throw wrongOption("configure", "an object of settings", settings);
  checkOptions("configure", settings, {
    lm: () => undefined,
    asyncMaxWorkers: checks.positiveCount,
    adapter,
  });
  if ("lm" in settings) processDefaults.lm = requireLM("configure({ lm })", settings.lm);
  if (settings.asyncMaxWorkers !== undefined) processDefaults.asyncMaxWorkers = settings.asyncMaxWorkers;
  if (settings.adapter !== undefined) processDefaults.adapter = settings.adapter;
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
  checkOptions("context", settings, { ...scopeChecks, lm: () => undefined });
  const lm = "lm" in settings ? requireLM("context({ lm })", settings.lm) : undefined;
  return runInScope({ ...scopeOf(settings), ...(lm && { lm }) }, fn);
}

/** What settings say of everything inside, the LM left out; its members are checked. */
export function scopeOf(settings: Omit<ContextSettings, "lm">): Scope {
  const { signal, deadline, temperature, cache, rolloutId, adapter } = settings;
  return {
    ...(signal && { signals: [signal] }),
    ...(deadline !== undefined && { deadlineAt: processClock().now() + deadline }),
    ...(temperature !== undefined && { temperature }),
    ...(cache !== undefined && { cache }),
    ...(rolloutId !== undefined && { rolloutId }),
    ...(adapter !== undefined && { adapter }),
  };
}

/** The checks of what `scopeOf` reads. */
export const scopeChecks = {
  signal: checks.signal,
  deadline: checks.duration,
  temperature: checks.finite,
  cache: cacheCheck,
  rolloutId: rolloutCheck,
  adapter,
} satisfies Record<keyof Omit<ContextSettings, "lm">, Check>;

/** The adapter in force here: the innermost `context`'s, else `configure`'s, if any. */
export function currentAdapter(): AdapterSetting | undefined {
  return currentScope()?.adapter ?? processDefaults.adapter;
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
