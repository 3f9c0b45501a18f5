import type { Found } from "./found.ts";
import { meaningOf, type Opens } from "./markers.ts";
import type { Outline } from "./outline.ts";

/** A line that names a field. */
interface Label {
  readonly opens: Opens;
  readonly name: string;
  /** Where the line begins, and where its value does. */
  readonly start: number;
  readonly end: number;
}

const maxHead = 100;
const before = /^[\s>*_`\-\u200b-\u200d\ufeff]*/;
/** What is left of a marker: brackets or hashes, on one side at least. */
const rest = /^(?:\[{1,2} *#* *|#+ *\[* *)([\p{L}][\p{L}\p{N} _-]*)(#* *\]{0,2})[*_`]*(:?)[ \t]*/u;
const label = /^([\p{L}][\p{L}\p{N} _-]*):[*_`]*[ \t]*/u;

/**
 * The outputs under what is left of their markers, or under plain labels, if each stands there exactly once. Only for
 * answers without any whole marker.
 */
export function labelsIn(text: string, outline: Outline): Found | undefined {
  return labelled(text, rest, outline) ?? labelled(text, label, outline);
}

function labelled(text: string, form: RegExp, outline: Outline): Found | undefined {
  const labels = linesOf(text, form, outline);
  const values = new Map<string, unknown>();
  for (const [i, { opens, name, end }] of labels.entries()) {
    if (opens !== "output") continue;
    if (values.has(name)) return undefined;
    const next = labels[i + 1];
    const value = text.slice(end, next?.start).trim();
    if (value === "" && next === undefined) return undefined;
    values.set(name, value);
  }
  return values.size === 0 ? undefined : { kind: "text", values, hasOthers: false, endsText: false };
}

function linesOf(text: string, form: RegExp, outline: Outline): readonly Label[] {
  const labels: Label[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const lineEnd = newline === -1 ? text.length : newline;
    const line = text.slice(start, Math.min(lineEnd, start + maxHead));
    const decoration = before.exec(line)![0].length;
    const match = form.exec(line.slice(decoration));
    const meaning = match === null ? undefined : meaningOf(match[1]!.trim(), outline);
    if (match !== null && meaning!.opens !== "other" && mayFollow(match, line.slice(decoration))) {
      labels.push({ ...meaning!, start, end: start + decoration + match[0].length });
    }
    start = lineEnd + 1;
  }
  return labels;
}

/** Behind an open heading (`## answer`) the line must end, or the name is a word of a sentence. */
function mayFollow([all, , closing, colon]: RegExpExecArray, line: string): boolean {
  return closing === undefined || closing !== "" || colon !== "" || line.slice(all.length).trim() === "";
}
