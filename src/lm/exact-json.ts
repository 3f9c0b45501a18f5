import { type ErrorCode, isTrunklineError, TrunklineError } from "../core/errors.ts";

/** Deeper than any honest value; a guard against cycles. */
const maxDepth = 200;

/** The member that marks what JSON has no form for. A value's own member of this name is marked too. */
const mark = "$";

/** Thrown on the way down. */
const inexact = new Error("no exact form");

/**
 * A value as JSON text from which an equal one can be made, or undefined where there is none: JSON alone would turn a
 * Date into a text and NaN into null without a word.
 */
export function exactText(value: unknown): string | undefined {
  try {
    return JSON.stringify(encode(value, 0));
  } catch (error) {
    if (error === inexact) return undefined;
    throw error;
  }
}

function marked(kind: string, value: unknown): unknown {
  return { [mark]: kind, value };
}

function encode(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) ? value : marked("number", numberText(value));
    case "bigint":
      return marked("bigint", String(value));
    case "undefined":
      return marked("undefined", null);
    case "object":
      return value === null ? null : encodeObject(value, depth + 1);
    default:
      throw inexact;
  }
}

const numberText = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

function encodeObject(value: object, depth: number): unknown {
  if (depth > maxDepth) throw inexact;
  const each = (item: unknown): unknown => encode(item, depth);
  if (Array.isArray(value)) {
    if (Object.keys(value).length !== value.length) throw inexact;
    return value.map(each);
  }
  if (value instanceof Uint8Array) return marked("bytes", Buffer.from(value).toString("base64"));
  if (value instanceof Error) return marked("error", encodeError(value, each));
  switch (Object.getPrototypeOf(value)) {
    case Date.prototype:
      return marked("date", each((value as Date).getTime()));
    case Map.prototype:
      return marked("map", Array.from(value as Map<unknown, unknown>, each));
    case Set.prototype:
      return marked("set", Array.from(value as Set<unknown>, each));
    case Object.prototype:
      return encodeMembers(value, each, Object.hasOwn(value, mark) ? "object" : undefined);
    case null:
      return encodeMembers(value, each, "bare");
    default:
      throw inexact;
  }
}

function encodeMembers(value: object, each: (item: unknown) => unknown, kind: string | undefined): unknown {
  if (Object.getOwnPropertySymbols(value).length > 0) throw inexact;
  const members = fromEntries(Object.entries(value).map(([name, member]) => [name, each(member)]));
  return kind === undefined ? members : marked(kind, members);
}

/** With defineProperty, so that a member called __proto__ stays a member. */
function fromEntries(entries: readonly (readonly [string, unknown])[], made: object = {}): object {
  for (const [name, value] of entries) {
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return made;
}

/** What a failure said: its facts without its stack, its cause and the rows of a run inside. */
function encodeError(error: Error, each: (item: unknown) => unknown): unknown {
  const { name, message } = error;
  if (!isTrunklineError(error)) return { name, message };
  const { code, retryable, rows: _, name: __, ...facts } = error;
  return { code, message, details: each({ ...facts, retryable, answer: error.answer }) };
}

function decodeError(error: { code?: ErrorCode; name?: string; message: string; details?: unknown }): Error {
  if (error.code !== undefined)
    return new TrunklineError(error.code, error.message, exactValue(error.details) as object);
  const made = new Error(error.message);
  if (made.name !== error.name) Object.defineProperty(made, "name", { value: error.name });
  return made;
}

/** How each kind of marked value is made again. */
const makers: Readonly<Record<string, (value: never) => unknown>> = {
  number: (value: string) => {
    const number = Number(value);
    return numberText(number) === value ? number : unknownKind("number");
  },
  bigint: (value: string) => BigInt(value),
  undefined: () => undefined,
  bytes: (value: string) => new Uint8Array(Buffer.from(value, "base64")),
  date: (value: unknown) => {
    const time = exactValue(value);
    return typeof time === "number" ? new Date(time) : unknownKind("date");
  },
  map: (value: readonly unknown[]) => new Map(value.map((pair) => exactValue(pair) as [unknown, unknown])),
  set: (value: readonly unknown[]) => new Set(value.map(exactValue)),
  object: (value: object) => decodeMembers(value),
  bare: (value: object) => decodeMembers(value, Object.create(null)),
  error: (value: Parameters<typeof decodeError>[0]) => decodeError(value),
};

/** The value of parsed JSON that `exactText` made, frozen at every depth. Throws where it made no such JSON. */
export function exactValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(exactValue));
  if (!Object.hasOwn(value, mark)) return decodeMembers(value);
  const { [mark]: kind, value: inner } = value as { [mark]: unknown; value: unknown };
  const make = typeof kind === "string" && Object.hasOwn(makers, kind) ? makers[kind] : undefined;
  return make === undefined ? unknownKind(String(kind)) : make(inner as never);
}

function unknownKind(kind: string): never {
  throw new Error(`this is no value of the kind ${kind}`);
}

function decodeMembers(value: object, made?: object): unknown {
  const entries = Object.entries(value).map(([name, member]) => [name, exactValue(member)] as const);
  return Object.freeze(fromEntries(entries, made));
}
