import { behindSpace, isMark } from "./json-marks.ts";
import { JsonReader } from "./json-reader.ts";
import { closersOf, keyAt } from "./json-string.ts";
import type { View } from "./view.ts";

/** An object or list in a text. */
export interface Group<T> {
  readonly value: T;
  readonly end: number;
}

/** How often a text may be gone over in vain. */
const maxPasses = 8;

/**
 * What `take` accepts of the objects (and `lists`) in a text, in order, none inside another. What is read in vain is
 * paid from a budget, so that the time is linear in the text whatever it holds.
 */
export function groupsIn<T>(
  text: string,
  view: View,
  opens: "object" | "list",
  take: (value: unknown) => T | undefined,
): readonly Group<T>[] {
  const groups: Group<T>[] = [];
  let budget = maxPasses * text.length + 1_000;
  for (let at = 0; at < text.length && budget > 0; at++) {
    if (!mayBegin(text, at, opens)) continue;
    const reader = new JsonReader(text, at);
    const value = take(opens === "object" ? reader.object(view) : reader.list(view));
    const isLink = opens === "list" && text[reader.at] === "(";
    if (value === undefined || isLink) {
      budget -= reader.at - at;
      continue;
    }
    groups.push({ value, end: reader.at });
    at = Math.max(at, reader.at - 1);
  }
  return groups;
}

/** `word [1]`, `Yes. [source]`: brackets in a sentence are no list. */
function isBehindWord(text: string, at: number): boolean {
  let i = at - 1;
  while (text[i] === " " || text[i] === "\t") i--;
  return i >= 0 && /[\p{L}\p{N}).,;!?%]/u.test(text[i]!);
}

function mayBegin(text: string, at: number, opens: "object" | "list"): boolean {
  if (opens === "list") return isMark(text, at, "opensList") && !isBehindWord(text, at);
  if (!isMark(text, at, "opensObject")) return false;
  const next = behindSpace(text, at + 1);
  if (isMark(text, next, "closesObject") || text[next] === "/" || text[next] === "#") return true;
  return closersOf(text[next]) !== undefined || keyAt(text, next)?.hasColon === true;
}
