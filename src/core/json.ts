import { TrunklineError } from "./errors.ts";

/** Deeper than any honest request; a guard against cycles that costs nothing. */
const maxDepth = 200;

/** From this length on a string is written as it is, behind its length: escaping a prompt would cost more than hashing it. */
const longString = 48;

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
  try {
    return encode(value, 0);
  } catch (error) {
    throw error === refused ? refusal(value, "value", 0) : error;
  }
}

/** Thrown on the way down, where nobody has kept note of the way. */
const refused = new Error("no canonical form");

function encode(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return encodeString(value);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (!Number.isFinite(value)) throw refused;
      return Object.is(value, -0) ? "-0" : String(value);
    case "object":
      return value === null ? "null" : encodeObject(value, depth);
    default:
      throw refused;
  }
}

/** As bytes half a surrogate pair would be lost; escaped it is not. */
function encodeString(value: string): string {
  return value.length < longString || !value.isWellFormed()
    ? JSON.stringify(value)
    : `s${value.length}:${value}`;
}

function encodeObject(value: object, depth: number): string {
  if (depth > maxDepth) throw refused;
  if (Array.isArray(value)) return encodeArray(value, depth);
  // Bytes and dates have one obvious form; the letter in front keeps them apart from strings.
  if (value instanceof Uint8Array)
    return `b"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")}"`;
  if (value instanceof Date && !Number.isNaN(value.getTime())) return `d${value.getTime()}`;
  if (!isPlain(value) || Object.getOwnPropertySymbols(value).length > 0) throw refused;
  const members = value as Record<string, unknown>;
  let out = "{";
  for (const name of Object.keys(members).sort()) {
    const member = members[name];
    if (member === undefined) continue;
    out += `${out === "{" ? "" : ","}${JSON.stringify(name)}:${encode(member, depth + 1)}`;
  }
  return `${out}}`;
}

function encodeArray(value: readonly unknown[], depth: number): string {
  let out = "[";
  for (let i = 0; i < value.length; i++) out += (i === 0 ? "" : ",") + encode(value[i], depth + 1);
  return `${out}]`;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The error for a value that was refused: it names the place of what is wrong in it. */
function refusal(value: unknown, path: string, depth: number): TrunklineError {
  if (depth <= maxDepth) {
    for (const [step, member] of membersOf(value)) {
      if (!isEncodable(member, depth + 1)) return refusal(member, path + step, depth + 1);
    }
  }
  return new TrunklineError(
    "config",
    `${path} is ${flawOf(value)}, which has no canonical form; pass plain data`,
  );
}

function isEncodable(value: unknown, depth: number): boolean {
  try {
    encode(value, depth);
    return true;
  } catch {
    return false;
  }
}

function membersOf(value: unknown): [step: string, member: unknown][] {
  if (Array.isArray(value)) return Array.from(value, (member, i) => [`[${i}]`, member]);
  if (typeof value !== "object" || value === null || !isPlain(value)) return [];
  const present = Object.entries(value).filter(([, member]) => member !== undefined);
  return present.map(([name, member]) => [`.${name}`, member]);
}

function flawOf(value: unknown): string {
  if (typeof value === "number" || value === undefined) return String(value);
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  if (Array.isArray(value)) return "a value nested too deeply, or a cycle";
  if (!isPlain(value)) return `an instance of ${Object.getPrototypeOf(value).constructor?.name ?? "a class"}`;
  if (Object.getOwnPropertySymbols(value).length > 0) return "an object with symbol members";
  return "a value nested too deeply, or a cycle";
}
