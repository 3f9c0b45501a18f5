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
  return outputs.every(({ name, required }) => {
    const value = found.values.get(name);
    return value === undefined ? !required : !(value instanceof Broken);
  });
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

/** Whether nothing but blanks and fences is left of a text. */
export function isRest(text: string): boolean {
  return /^[\s`~]*$/.test(text);
}
