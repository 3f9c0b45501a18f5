import { Broken, twice } from "./broken.ts";
import type { Outline } from "./outline.ts";

/** What was found of the outputs in an answer, before it is cast to their types. */
export interface Found {
  /** Whether the values are texts, or what JSON holds. */
  readonly kind: "text" | "json";
  /** By the outputs' own names. Values may be `Broken`; a list of texts stands for a tag that was repeated. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Whether names were there that nobody asked for. */
  readonly hasOthers: boolean;
  /** Whether its end was marked, and nothing stands behind it. */
  readonly endsText: boolean;
  /** Reads the same more carefully, with every digit as it was written. */
  readonly again?: () => Found | undefined;
}

/** Whether every required output is there. */
export function isComplete(found: Found | undefined, { outputs }: Outline): found is Found {
  if (found === undefined || found.values.size === 0) return false;
  for (const { name, required } of outputs) {
    const value = found.values.get(name);
    if (value === undefined ? required : value instanceof Broken) return false;
  }
  return true;
}

/** What several parts of an answer hold together, none of them whole by itself. */
export function merged(parts: readonly ReadonlyMap<string, unknown>[]): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const part of parts) for (const [name, value] of part) addValue(values, name, value);
  return values;
}

/** Puts a value beside those that are there; another one of the same name makes both worthless. */
export function addValue(values: Map<string, unknown>, name: string, value: unknown): void {
  values.set(name, values.has(name) ? sameOf(values.get(name), value) : value);
}

/** One of two values of one name, if they are equal. */
export function sameOf(first: unknown, second: unknown): unknown {
  return first === second || JSON.stringify(first) === JSON.stringify(second) ? first : twice;
}

/** Whether nothing but blanks and fences stands behind a place in a text. */
export function isRest(text: string, from: number): boolean {
  return from === text.length || /^[\s`~]*$/.test(text.slice(from));
}
