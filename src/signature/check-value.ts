import { printType } from "./print.ts";
import type { Field, FieldType, PlainKind } from "./types.ts";

/** What is wrong inside a value: the place in it, what the type wants there, and what came. */
export interface Mismatch {
  /** Below the value: empty, or like `.name` and `[2]`. */
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

interface PlainRule {
  readonly expected: string;
  readonly test: (value: unknown) => boolean;
}

/** Objects that are nothing more: of this or another realm, not a Map, Date, Promise or class of somebody's. */
function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

const isMedia =
  (type: "image" | "file") =>
  (value: unknown): boolean =>
    isPlainObject(value) && value.type === type && (value.data === undefined) !== (value.url === undefined);

const plainRules: Readonly<Record<PlainKind, PlainRule>> = {
  string: { expected: "a string", test: (value) => typeof value === "string" },
  number: { expected: "a finite number", test: Number.isFinite },
  int: { expected: "a whole number", test: Number.isInteger },
  boolean: { expected: "true or false", test: (value) => typeof value === "boolean" },
  object: { expected: "an object", test: isPlainObject },
  null: { expected: "null", test: (value) => value === null },
  image: { expected: "an image, as image(...) makes it", test: isMedia("image") },
  file: { expected: "a file, as file(...) makes it", test: isMedia("file") },
  history: {
    expected: "a list of turns, each an object",
    test: (value) => Array.isArray(value) && value.every(isPlainObject),
  },
};

/** The first thing that keeps `value` from being of this type, or nothing. Members nobody named are let be. */
export function mismatch(type: FieldType, value: unknown): Mismatch | undefined {
  switch (type.kind) {
    case "literal":
      return value === type.value ? undefined : wrong(printType(type), value);
    case "array":
      if (!Array.isArray(value)) return wrong(`a list (${shorten(printType(type))})`, value);
      return within(value.entries(), () => type.items);
    case "map":
      if (!isPlainObject(value)) return wrong(`an object (${shorten(printType(type))})`, value);
      return within(Object.entries(value), () => type.values);
    case "union":
      return inUnion(type.members, value);
    case "shape":
      return isPlainObject(value)
        ? inShape(type.members, value)
        : wrong(`an object (${shorten(printType(type))})`, value);
    case "schema":
      // Its library checks it, and perhaps takes its time.
      return undefined;
    default: {
      const { test, expected } = plainRules[type.kind];
      return test(value) ? undefined : wrong(expected, value);
    }
  }
}

function within(
  entries: Iterable<readonly [string | number, unknown]>,
  typeAt: () => FieldType,
): Mismatch | undefined {
  for (const [key, item] of entries) {
    const found = mismatch(typeAt(), item);
    if (found !== undefined) return { ...found, path: `${step(key)}${found.path}` };
  }
  return undefined;
}

function inShape(members: readonly Field[], value: Readonly<Record<string, unknown>>): Mismatch | undefined {
  for (const { name, type, optional } of members) {
    const member = ownMember(value, name);
    if (member === undefined) {
      if (optional) continue;
      return { path: step(name), expected: shorten(printType(type)), got: "nothing" };
    }
    const found = mismatch(type, member);
    if (found !== undefined) return { ...found, path: `${step(name)}${found.path}` };
  }
  return undefined;
}

function inUnion(members: readonly FieldType[], value: unknown): Mismatch | undefined {
  const found = members.map((member) => mismatch(member, value));
  if (found.includes(undefined)) return undefined;
  // `T | null` with a wrong T: its own reason says more than the union's.
  const others = members.flatMap((member, i) => (member.kind === "null" ? [] : [found[i]!]));
  if (others.length === 1 && value !== null) return others[0];
  return wrong(shorten(members.map(printType).join(" | ")), value);
}

/** A member of `value`, but nothing that every object has, like `toString`. */
export function ownMember(value: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(value, name) || !(name in Object.prototype) ? value[name] : undefined;
}

/** A place below a value, as JavaScript writes it. */
export function step(key: PropertyKey): string {
  if (typeof key === "number") return `[${key}]`;
  const name = String(key);
  if (/^\d+$/.test(name)) return `[${name}]`;
  return /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name)
    ? `.${name}`
    : `[${shorten(JSON.stringify(name))}]`;
}

/** What kind of value came. Never the value: it is a prompt or an answer, and neither belongs in an error. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return String(value);
    return Number.isInteger(value) ? "a number" : "a number with a fraction";
  }
  if (value instanceof Promise) return "a Promise (an `await` is missing)";
  if (typeof value !== "object") return `a ${typeof value}`;
  return isPlainObject(value)
    ? "an object"
    : `a ${Object.getPrototypeOf(value).constructor?.name || "class"}`;
}

function wrong(expected: string, value: unknown): Mismatch {
  return { path: "", expected, got: kindOf(value) };
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
