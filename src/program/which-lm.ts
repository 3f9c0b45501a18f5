import { TrunklineError } from "../core/errors.ts";
import { LM } from "../lm/lm.ts";
import { processLogger } from "../lm/process.ts";
import { currentScope, processDefaults } from "../lm/scope.ts";
import { type ModuleLike, nameOf, ownLM } from "./own.ts";
import { named } from "./place.ts";
import { pathIn } from "./predictors.ts";
import { type Enclosing, runScope } from "./run-scope.ts";

/**
 * The LM that answers for `asker`: the call's, else that of a run around which named one, else the asker's own, else
 * that of the nearest module around that has one, else `context`'s, else `configure`'s.
 */
export function lmFor(asker: { readonly [ownLM]?: LM | undefined }, called?: LM): LM {
  const scope = runScope();
  const near = called ?? scope?.lm ?? asker[ownLM] ?? enclosingLM(scope?.enclosing) ?? contextLM();
  if (near !== undefined) return near;
  const lm = processDefaults.lm as LM | undefined;
  if (lm === undefined) throw noLM(asker);
  if (scope?.enclosing !== undefined) reportFall(asker, scope.enclosing);
  return lm;
}

function enclosingLM(from: Enclosing | undefined): LM | undefined {
  for (let each = from; each !== undefined; each = each.outer) {
    const lm = each.module[ownLM];
    if (lm !== undefined) return lm;
  }
  return undefined;
}

const contextLM = (): LM | undefined => currentScope()?.lm as LM | undefined;

function noLM(asker: object): TrunklineError {
  // An agent has no setLM: it is made with its LM.
  const own = "setLM" in asker ? "call setLM(lm) on it" : "give { lm } to its constructor, call setLM(lm)";
  return new TrunklineError(
    "config",
    `${named(asker)} has no LM: ${own} or on the module around it, pass { lm } to the call, or call ` +
      "configure({ lm: getSharedLM() }) once, so that all of the program speaks through the same pooled connections",
  );
}

/** What was reported, by class, so that ten thousand agents of one class say it once. */
const reported = new WeakMap<object, Set<string>>();
const mostReports = 1_000;

/** A predictor fell to the process's LM inside a module that holds an LM in a field: most likely it was forgotten. */
function reportFall(asker: object, enclosing: Enclosing): void {
  for (let each: Enclosing | undefined = enclosing; each !== undefined; each = each.outer) {
    const field = fieldWithLM(each.module);
    if (field === undefined) continue;
    const owner = nameOf(each.module);
    const name = pathIn(each.module, asker) ?? nameOf(asker);
    const names = reported.get(each.module.constructor) ?? new Set();
    reported.set(each.module.constructor, names);
    if (names.has(name) || names.size >= mostReports) return;
    names.add(name);
    processLogger().warn(
      `trunkline: the predictor "${name}" of ${owner} has no LM and falls to the global one, although ${owner} ` +
        `holds an LM in its field "${field}"; call this.setLM(this.${field}) in its constructor`,
    );
    return;
  }
}

function fieldWithLM(module: ModuleLike): string | undefined {
  return Object.keys(module).find(
    (name) => Object.getOwnPropertyDescriptor(module, name)?.value instanceof LM,
  );
}
