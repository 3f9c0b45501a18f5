import { kindOf } from "../signature/check-value.ts";
import type { View } from "./view.ts";

/** What stands where a value should be, but cannot be told. */
export class Broken {
  /** Below the field: empty, or like `.name` and `[2]`. */
  readonly path: string;
  readonly #reason: string;

  /** `reason` goes on from the place, such as " is cut off". */
  constructor(reason: string, path = "") {
    this.#reason = reason;
    this.path = path;
  }

  /** What is wrong, in a sentence that begins with the field's name. The value itself is not in it. */
  messageFor(field: string): string {
    return `${field}${this.path}${this.#reason}`;
  }

  /** The same, seen from one level up. */
  inside(step: string): Broken {
    return new Broken(this.#reason, `${step}${this.path}`);
  }
}

/** A value without quotes, as it was written: a number, a word, several words. */
export class Bare {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export const cutOff = new Broken(" is cut off");
export const twice = new Broken(" is there twice, with different values");
export const several = new Broken(" holds several values, and which is meant cannot be told");
export const elided = new Broken(" has parts left out");
export const tangled = new Broken(" has no end that can be told");
export const tooLarge = new Broken(
  ` is beyond the whole numbers that are exact here (${Number.MAX_SAFE_INTEGER})`,
);
export const infinite = new Broken(" is no finite number");
export const tooDeep = new Broken(" is nested too deeply");
export const empty = new Broken(" has no value");
export const template = new Broken(" is the placeholder of the prompt");

/** Another value than `view` wants. */
export function expected(view: View, value: unknown): Broken {
  return new Broken(
    `: expected ${wordOf(view)}, got ${value instanceof Bare ? bareKind(value) : kindOf(value)}`,
  );
}

function bareKind({ text }: Bare): string {
  if (/^(?:null|true|false)$/i.test(text)) return text.toLowerCase();
  return /^[-+]?\d/.test(text) ? "a number" : "a bare word";
}

const words: Readonly<Partial<Record<View["kind"], string>>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  null: "null",
  array: "a list",
  map: "an object",
  shape: "an object",
};

function wordOf(view: View): string {
  if (view.kind === "literal") return JSON.stringify(view.value);
  if (view.kind !== "union") return words[view.kind] ?? "a value";
  const all = view.members.slice(0, 12).map(wordOf);
  return `${[...new Set(all)].join(" or ")}${view.members.length > 12 ? " or ..." : ""}`;
}
