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
    for (const name of Reflect.ownKeys(module)) {
      const descriptor = Object.getOwnPropertyDescriptor(module, name)!;
      if ("value" in descriptor) descriptor.value = copyOf(descriptor.value, copies);
      Object.defineProperty(copy, name, descriptor);
    }
    return copy;
  } finally {
    if (outermost) copies = undefined;
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
  // What is frozen cannot change, and holds modules only in programs that were made to surprise.
  if (Object.isFrozen(value)) return value;
  if (Array.isArray(value)) {
    return fill(value, [] as unknown[], known, (to) => {
      for (const member of value) to.push(copyOf(member, known));
    });
  }
  if (value instanceof Map) {
    return fill(value, new Map(), known, (to) => {
      for (const [key, member] of value) to.set(key, copyOf(member, known));
    });
  }
  if (value instanceof Set) {
    return fill(value, new Set(), known, (to) => {
      for (const member of value) to.add(copyOf(member, known));
    });
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return fill(value, Object.create(prototype) as Record<string, unknown>, known, (to) => {
    for (const [name, member] of Object.entries(value)) to[name] = copyOf(member, known);
  });
}

function fill<T extends object>(value: object, to: T, known: Map<object, object>, put: (to: T) => void): T {
  known.set(value, to);
  put(to);
  return to;
}
