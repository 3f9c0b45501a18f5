import { type Fault, wrong } from "./check.ts";

/** Deeper than any honest request; a guard against cycles. */
const maxDepth = 100;

/** What `frozenCopy` made: nobody can change it, so one copy serves every request it is in. */
const copies = new WeakSet<object>();

/**
 * A deep, frozen copy of plain data, or an error with the place of what is none: it would be lost or changed on
 * its way into JSON without a word. Bytes are shared: copying every image would double the memory of a batch.
 */
export function frozenCopy<T>(value: T, place: string, fault: Fault = "config"): T {
  if (typeof value === "object" && value !== null && copies.has(value)) return value;
  const copy = copyOf(value, place, fault, 0);
  if (typeof copy === "object" && copy !== null) copies.add(copy);
  return copy;
}

function copyOf<T>(value: T, place: string, fault: Fault, depth: number): T {
  if (typeof value !== "object" || value === null) {
    if (isPlain(value)) return value;
    throw wrong(fault, shorten(place), "plain data", value);
  }
  if (value instanceof Uint8Array) return value;
  if (depth > maxDepth)
    throw wrong(fault, shorten(place), `plain data at most ${maxDepth} levels deep, without cycles`, value);
  if (Array.isArray(value)) {
    return Object.freeze(value.map((item, i) => copyOf(item, `${place}[${i}]`, fault, depth + 1))) as T;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw wrong(fault, shorten(place), "plain data", value);
  const copy: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const own = copyOf(member, `${place}.${name}`, fault, depth + 1);
    // defineProperty, so that a member called __proto__ stays a member.
    if (name === "__proto__") Object.defineProperty(copy, name, { value: own, enumerable: true });
    else copy[name] = own;
  }
  return Object.freeze(copy) as T;
}

/** Whether JSON has this value as it is; an undefined member is an absent one. */
function isPlain(value: unknown): boolean {
  return (
    value === null ||
    value === undefined ||
    typeof value === "string" ||
    typeof value === "boolean" ||
    Number.isFinite(value)
  );
}

function shorten(place: string): string {
  return place.length > 80 ? `${place.slice(0, 80)}...` : place;
}
