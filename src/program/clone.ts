import { isModule } from "./own.ts";

/** Copies of what was met on the way, while one clone is made: shared parts stay shared, and cycles end. */
let copies: Map<object, object> | undefined;

/** A module whose fields, containers and modules inside are copies; everything else is shared. */
export function cloneOf<M extends object>(module: M): M {
  const outermost = copies === undefined;
  copies ??= new Map();
  try {
    const copy = Object.create(Object.getPrototypeOf(module)) as M;
    copies.set(module, copy);
    copyFields(module, copy, copies);
    return copy;
  } finally {
    if (outermost) copies = undefined;
  }
}

/** Every own field, symbols and getters included. */
function copyFields(from: object, to: object, known: Map<object, object>): void {
  for (const name of Reflect.ownKeys(from)) {
    const descriptor = Object.getOwnPropertyDescriptor(from, name)!;
    if ("value" in descriptor) descriptor.value = copyOf(descriptor.value, known);
    Object.defineProperty(to, name, descriptor);
  }
}

function copyOf(value: unknown, known: Map<object, object>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const copy = known.get(value);
  if (copy !== undefined) return copy;
  if (isModule(value)) {
    // The module's own clone, which its class may have overridden.
    const made = (value as unknown as { clone(): object }).clone();
    known.set(value, made);
    return made;
  }
  const made = copyContainer(value, known);
  if (!Object.isFrozen(value)) return made;
  // Of what is frozen only a container of modules needs a copy: nothing else in it can change.
  if (isCopied(value, made)) return Object.freeze(made);
  known.set(value, value);
  return value;
}

/** A container's copy, or what is none as it is. */
function copyContainer(value: object, known: Map<object, object>): object {
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    known.set(value, list);
    for (const member of value) list.push(copyOf(member, known));
    return list;
  }
  if (value instanceof Map) {
    const map = new Map();
    known.set(value, map);
    for (const [key, member] of value) map.set(key, copyOf(member, known));
    return map;
  }
  if (value instanceof Set) {
    const set = new Set();
    known.set(value, set);
    for (const member of value) set.add(copyOf(member, known));
    return set;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const object = Object.create(prototype);
  known.set(value, object);
  copyFields(value, object, known);
  return object;
}

/** Whether a member of a container was copied, and not shared. */
function isCopied(value: object, copy: object): boolean {
  if (value instanceof Map || value instanceof Set) return true;
  return Reflect.ownKeys(value).some((name) => Reflect.get(value, name) !== Reflect.get(copy, name));
}
