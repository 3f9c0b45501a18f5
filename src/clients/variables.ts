import { wrongOption } from "../core/check.ts";
import { env } from "../core/env.ts";

/** The first of some variables that says anything, and what it says. */
export function firstFound(
  variables: readonly string[],
): { readonly name: string; readonly value: string } | undefined {
  for (const name of variables) {
    const value = env(name);
    if (value !== undefined) return { name, value };
  }
  return undefined;
}

/** A variable in seconds, as milliseconds. */
export function seconds(variable: string | undefined): number | undefined {
  return fromVariable(variable, /^\d+(\.\d+)?$/, "seconds above 0", (value) => value > 0, 1_000);
}

/** A variable that holds a whole number. */
export function count(variable: string | undefined): number | undefined {
  return fromVariable(variable, /^\d+$/, "a whole number of 0 or more", Number.isSafeInteger, 1);
}

function fromVariable(
  variable: string | undefined,
  form: RegExp,
  expected: string,
  test: (value: number) => boolean,
  unit: number,
): number | undefined {
  const text = variable && env(variable);
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!form.test(text) || !test(value)) throw wrongOption(variable!, expected, text);
  return value * unit;
}
