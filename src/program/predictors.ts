import type { Demo } from "../adapter/adapter.ts";
import type { Sampling } from "../core/request.ts";
import type { LM } from "../lm/lm.ts";
import type { Signature } from "../signature/signature.ts";
import { isModule, type ModuleLike, ownLM, predictorMark } from "./own.ts";

/** A predictor of any signature: what tuning and saving need of it. */
export interface Predictor {
  signature: Signature<unknown, unknown>;
  get demos(): readonly Demo[];
  /** Rows typed by an interface are no `Demo` for the compiler, so that any objects may be given. */
  set demos(demos: readonly object[]);
  config: Sampling;
  readonly lm: LM | undefined;
}

export function isPredictor(value: unknown): value is Predictor & ModuleLike {
  return isModule(value) && predictorMark in value;
}

/** A module found in a program, and its way there. */
export interface Found {
  /** As DSPy writes it: `judge.predict`, `steps[0]`, `tools['a']`; empty for the root. */
  readonly path: string;
  readonly module: ModuleLike;
  /** Its own LM, else that of the nearest module that holds it. */
  readonly lm: LM | undefined;
}

/**
 * Every module of a program, the root first: in fields in their order, in lists, sets, maps and plain objects, and
 * in modules inside. Each once, under its first path. Predictors are leaves, unless one is the root.
 */
export function* modulesOf(root: ModuleLike): Generator<Found, void, undefined> {
  yield* walkModule({ path: "", module: root, lm: root[ownLM] }, new Set());
}

function* walkModule(found: Found, seen: Set<object>): Generator<Found, void, undefined> {
  const { path, module, lm } = found;
  if (seen.has(module)) return;
  seen.add(module);
  yield found;
  if (isPredictor(module) && path !== "") return;
  for (const [name, value] of fieldsOf(module)) {
    yield* walkValue(value, path === "" ? name : `${path}.${name}`, lm, seen);
  }
}

function* walkValue(
  value: unknown,
  path: string,
  outerLM: LM | undefined,
  seen: Set<object>,
): Generator<Found, void, undefined> {
  if (typeof value !== "object" || value === null) return;
  if (isModule(value)) {
    yield* walkModule({ path, module: value, lm: value[ownLM] ?? outerLM }, seen);
    return;
  }
  const members = membersOf(value);
  if (members === undefined || seen.has(value)) return;
  seen.add(value);
  for (const [step, member] of members) yield* walkValue(member, path + step, outerLM, seen);
}

/** What a container holds, each with its step of the path; undefined for what is none. */
function membersOf(value: object): Iterable<readonly [string, unknown]> | undefined {
  if (Array.isArray(value) || value instanceof Set) return listed(value);
  if (value instanceof Map) return keyed(value);
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? keyed(fieldsOf(value)) : undefined;
}

function* listed(values: Iterable<unknown>): Generator<readonly [string, unknown]> {
  let index = 0;
  for (const value of values) yield [`[${index++}]`, value];
}

function* keyed(entries: Iterable<readonly [unknown, unknown]>): Generator<readonly [string, unknown]> {
  for (const [key, value] of entries) yield [`['${String(key)}']`, value];
}

/** Fields that hold a value; a getter might do anything. */
function* fieldsOf(owner: object): Generator<readonly [string, unknown]> {
  for (const name of Object.keys(owner)) {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    if (descriptor !== undefined && "value" in descriptor) yield [name, descriptor.value];
  }
}

/**
 * The predictors of a program with their names; one that is the root itself is called `self`. Those that came after
 * `setLM` get the LM that it remembered.
 */
export function namedPredictorsOf(root: ModuleLike): [name: string, predictor: Predictor & ModuleLike][] {
  const named: [string, Predictor & ModuleLike][] = [];
  for (const { path, module, lm } of modulesOf(root)) {
    if (!isPredictor(module)) continue;
    if (lm !== undefined) module[ownLM] ??= lm;
    named.push([path === "" ? "self" : path, module]);
  }
  return named;
}

/** The path of a module inside another, if it is found there. */
export function pathIn(root: ModuleLike, wanted: object): string | undefined {
  for (const { path, module } of modulesOf(root)) if (module === wanted) return path;
  return undefined;
}
