import { TrunklineError } from "./errors.ts";

/** Deeper than any honest request; a guard against cycles that costs nothing. */
const maxDepth = 200;

/**
 * One text for one value: members sorted at every depth, every type told apart, `undefined` members absent.
 * What has no canonical form (functions, symbols, NaN, class instances, holes, cycles) is refused with its place,
 * because a key that guesses would let two different requests share an answer. Strings are compared by their
 * UTF-16 code units: composed and decomposed letters differ, and so do two different lone surrogates.
 *
 * ```ts
 * canonical({ b: 1, a: [true, undefined] }); // throws: a hole is not a value
 * canonical({ b: 1, a: undefined }) === canonical({ b: 1 });
 * ```
 */
export function canonical(value: unknown): string {
  return encode(value, "value", 0);
}

function encode(value: unknown, path: string, depth: number): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (!Number.isFinite(value)) throw refuse(path, String(value));
      return Object.is(value, -0) ? "-0" : String(value);
    case "object":
      return value === null ? "null" : encodeObject(value, path, depth);
    default:
      throw refuse(path, typeof value === "undefined" ? "undefined" : `a ${typeof value}`);
  }
}

function encodeObject(value: object, path: string, depth: number): string {
  if (depth > maxDepth) throw refuse(path, "a value nested too deeply, or a cycle");
  if (Array.isArray(value)) {
    let out = "[";
    for (let i = 0; i < value.length; i++) {
      out += (i === 0 ? "" : ",") + encode(value[i], `${path}[${i}]`, depth + 1);
    }
    return `${out}]`;
  }
  // Bytes and dates have one obvious form; the letter in front keeps them apart from strings.
  if (value instanceof Uint8Array)
    return `b"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")}"`;
  if (value instanceof Date && !Number.isNaN(value.getTime())) return `d${value.getTime()}`;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw refuse(path, `an instance of ${prototype.constructor?.name ?? "a class"}`);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) throw refuse(path, "an object with symbol members");
  const members = value as Record<string, unknown>;
  let out = "{";
  for (const name of Object.keys(members).sort()) {
    const member = members[name];
    if (member === undefined) continue;
    out += `${out === "{" ? "" : ","}${JSON.stringify(name)}:${encode(member, `${path}.${name}`, depth + 1)}`;
  }
  return `${out}}`;
}

function refuse(path: string, what: string): TrunklineError {
  return new TrunklineError("config", `${path} is ${what}, which has no canonical form; pass plain data`);
}
