import { loosely } from "./names.ts";

/** What may stand around a value that stands alone, in pairs. */
const pairs: readonly (readonly [string, string])[] = [
  ["**", "**"],
  ["__", "__"],
  ["`", "`"],
  ['"', '"'],
  ["'", "'"],
  ["\u201c", "\u201d"],
  ["\u2018", "\u2019"],
  ["*", "*"],
];
const maxPeels = 6;

/** The inside of a fence that holds the whole text, or the text. */
export function withoutFence(text: string): string {
  const fence = text.startsWith("```") ? "```" : text.startsWith("~~~") ? "~~~" : undefined;
  if (fence === undefined) return text;
  const end = text.length > 6 && text.endsWith(fence) ? -3 : undefined;
  return text
    .slice(3, end)
    .replace(/^[\w+-]*[ \t]*(?=[\r\n{[])|^[\w+-]+[ \t]*$/, "")
    .trim();
}

/** A value without what models like to put around it: a fence, quotes, bold, backticks, a full stop. */
export function peeled(text: string): string {
  let inner = withoutFence(text.trim());
  for (let i = 0; i < maxPeels; i++) {
    const next = peelOnce(inner);
    if (next === inner) break;
    inner = next;
  }
  return inner;
}

function peelOnce(text: string): string {
  for (const [open, close] of pairs) {
    const isInside =
      text.length > open.length + close.length && text.startsWith(open) && text.endsWith(close);
    if (isInside) return text.slice(open.length, -close.length).trim();
  }
  return /[^.]\.$/.test(text) ? text.slice(0, -1) : text;
}

// `0,500` has a decimal comma: no thousands begin with a zero.
const plainNumber = /^[+-]?(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)?(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The number that a text is, whole. */
export function numberOf(text: string): number | undefined {
  const ascii = text.startsWith("\u2212") ? `-${text.slice(1)}` : text;
  if (!plainNumber.test(ascii) || !/\d/.test(ascii)) return undefined;
  const value = Number(ascii.replaceAll(",", ""));
  return Number.isFinite(value) ? value : undefined;
}

const booleans: Readonly<Record<string, boolean>> = { true: true, yes: true, false: false, no: false };

export function booleanOf(text: string): boolean | undefined {
  return text.length > 5 ? undefined : booleans[text.toLowerCase()];
}

/** Whether a text is a word for nothing. */
export function isNothing(text: string): boolean {
  return /^(?:null|none|undefined)$/i.test(text);
}

/** The choice that a text means: the exact one, else the only one that differs in nothing but looks. */
export function choiceOf<T extends string | number | boolean>(
  choices: readonly T[],
  text: string,
): T | undefined {
  const exact = choices.find((choice) => String(choice) === text);
  if (exact !== undefined) return exact;
  const number = numberOf(text);
  if (number !== undefined) return choices.find((choice) => choice === number);
  const key = loosely(text);
  const near = key === "" ? [] : choices.filter((choice) => isNear(String(choice), text, key));
  return near.length === 1 ? near[0] : undefined;
}

/** Dashes at the end are no looks: `B-` is another grade than `B`. */
function isNear(choice: string, text: string, key: string): boolean {
  return loosely(choice) === key && choice.endsWith("-") === text.endsWith("-");
}
