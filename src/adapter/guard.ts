import { Broken } from "./broken.ts";

/**
 * A marker of the chat form begins with two brackets, spaces and `#`. Content that looks like one is written with one
 * backslash more before its `#`, and read with one less. So no input, demo or earlier turn can open a field, not even
 * where an answer repeats it word for word.
 */
const opening = /\[\[ *(?=\\*#)/g;
const guarded = /(\[\[ *)\\(?=\\*#)/g;
/** The same where a backslash is written as two, as JSON does. */
const openingInJson = /\[\[ *(?=(?:\\\\)*#)/g;

export function guard(text: string): string {
  return text.includes("[[") ? text.replace(opening, "$&\\") : text;
}

export function guardJson(json: string): string {
  return json.includes("[[") ? json.replace(openingInJson, "$&\\\\") : json;
}

/** Whether an answer may repeat something guarded. */
export function mayBeGuarded(answer: string): boolean {
  return answer.includes("\\#");
}

/** A value without what `guard` put into its texts. */
export function unguard(value: unknown): unknown {
  if (typeof value === "string") return value.replace(guarded, "$1");
  if (Array.isArray(value)) return value.map(unguard);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name.replace(guarded, "$1"), unguard(member)]),
  );
}

/** The same for what may be no value at all. */
export function unguarded(value: unknown): unknown {
  return value instanceof Broken ? value : unguard(value);
}

/** How much of a text that is still being written can be unguarded already. */
export function settledText(text: string): number {
  return text.length - (/\[(?:\[ {0,64}\\{0,64})?$/.exec(text.slice(-136))?.[0].length ?? 0);
}

/** What every wire and every provider's JSON reader takes: no half of a surrogate pair, no NUL. */
export function sendable(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes("\0") ? whole.replaceAll("\0", "\ufffd") : whole;
}
