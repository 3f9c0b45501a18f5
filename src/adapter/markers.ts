import type { Outline } from "./outline.ts";

/** What a marker opens: an output, the end of the answer, an input, or something that nobody asked for. */
export type Opens = "output" | "end" | "input" | "other";

/** One marker in an answer. */
export interface Marker {
  readonly opens: Opens;
  readonly name: string;
  /** With the decoration around it. */
  readonly start: number;
  readonly end: number;
  /** The decoration before it in its line; nothing where it stands inside a line. */
  readonly prefix: string | undefined;
}

/** What a name in a marker means. */
export function meaningOf(word: string, outline: Outline): Pick<Marker, "opens" | "name"> {
  const output = outline.names.find(word);
  if (output !== undefined) return { opens: "output", name: output };
  if (word.toLowerCase() === outline.endName) return { opens: "end", name: outline.endName };
  return { opens: outline.inputs.find(word) === undefined ? "other" : "input", name: word };
}

const marker = /\[\[ *#+ *([\p{ID_Start}][\p{ID_Continue}-]*) *(?:#+ *)?\]\]/gu;
const decoration = /^[\s>*#`_\-\u200b-\u200d\ufeff]*$/;
/** No decoration is longer. */
const maxPrefix = 24;

/** The markers of a text, in order. */
export function markersIn(text: string, outline: Outline): readonly Marker[] {
  const markers: Marker[] = [];
  marker.lastIndex = 0;
  for (let match = marker.exec(text); match !== null; match = marker.exec(text)) {
    const { opens, name } = meaningOf(match[1]!, outline);
    const prefix = prefixOf(text, match.index);
    const start = match.index - (prefix?.length ?? 0);
    markers.push({ opens, name, start, end: behindSuffix(text, marker.lastIndex, prefix), prefix });
  }
  return markers;
}

function prefixOf(text: string, at: number): string | undefined {
  if (at === 0 || text[at - 1] === "\n") return "";
  const from = Math.max(0, at - maxPrefix);
  const newline = text.slice(from, at).lastIndexOf("\n");
  if (newline === -1 && from > 0) return undefined;
  const before = text.slice(from + newline + 1, at);
  return decoration.test(before) ? before : undefined;
}

/** Behind the end of the decoration that began before the marker, and a colon. */
function behindSuffix(text: string, at: number, prefix: string | undefined): number {
  if (prefix === "") return text[at] === ":" ? at + 1 : at;
  let end = at;
  for (const sign of ["**", "__", "`"]) {
    if (prefix?.endsWith(sign) && text.startsWith(sign, end)) end += sign.length;
  }
  return text[end] === ":" ? end + 1 : end;
}
