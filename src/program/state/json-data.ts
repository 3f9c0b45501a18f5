import { kindOf, step } from "../../signature/check-value.ts";
import { wrongState } from "./wrong.ts";

/** An object of plain JSON data. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Deeper than any honest value; a guard against cycles. */
const maxDepth = 100;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A deep, frozen copy of a value as JSON will hold it, or an error with the place of what JSON cannot. What knows
 * its own JSON form (a Date, a URL) is taken in that.
 */
export function jsonCopy(value: unknown, place: string): unknown {
  return copyOf(value, place, 0);
}

function copyOf(value: unknown, place: string, depth: number): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)) {
    return value;
  }
  if (depth > maxDepth) throw wrongState(`${place}: nested more than ${maxDepth} levels deep, or a cycle`);
  if (Array.isArray(value)) {
    return Object.freeze(value.map((item, i) => copyOf(item, `${place}[${i}]`, depth + 1)));
  }
  if (!isObject(value)) throw notJson(place, value);
  if (typeof value.toJSON === "function") return copyOf(value.toJSON(), place, depth + 1);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw notJson(place, value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.freeze(
    Object.fromEntries(
      members.map(([name, member]) => [name, copyOf(member, place + step(name), depth + 1)]),
    ),
  );
}

function notJson(place: string, value: unknown): Error {
  return wrongState(`${place}: expected plain JSON data, got ${kindOf(value)}`);
}
