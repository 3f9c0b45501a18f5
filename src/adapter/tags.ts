import { template } from "./broken.ts";
import { addValue, type Found, isComplete, isRest, merged } from "./found.ts";
import type { Outline } from "./outline.ts";
import { withoutFence } from "./scalars.ts";
import { isTemplate } from "./template.ts";
import { decodeXml } from "./xml-text.ts";

/** A tag of an output. */
interface Tag {
  readonly name: string;
  readonly kind: "open" | "close" | "empty";
  readonly start: number;
  readonly end: number;
}

/** What one pair of tags holds, still encoded. */
interface Piece {
  readonly name: string;
  readonly text: string;
  readonly end: number;
  /** Whether its end tag is there. */
  readonly closed: boolean;
}

const anyTag = /<\s*(\/?)\s*([\p{ID_Start}_][\p{ID_Continue}.-]*)(\s[^<>]*?|\s*)(\/?)>/gu;

/** The outputs in tags of their names. Of several whole sets of them the last counts. */
export function tagsIn(text: string, outline: Outline): Found | undefined {
  const own = withoutFence(text.trim());
  const found = elementsOf(own, outline);
  if (found !== undefined || !own.includes("&lt;")) return found;
  return elementsOf(decodeXml(own), outline);
}

function elementsOf(text: string, outline: Outline): Found | undefined {
  const pieces = piecesIn(text, tagsOf(text, outline));
  if (pieces.length === 0) return undefined;
  const last = pieces.at(-1)!;
  const sets = setsOf(pieces, outline);
  const found = (values: ReadonlyMap<string, unknown>): Found => {
    return { kind: "text", values, hasOthers: false, endsText: last.closed && isRest(text, last.end) };
  };
  const set = found(sets.at(-1)!);
  return isComplete(set, outline) ? set : found(merged(sets));
}

function tagsOf(text: string, { names }: Outline): readonly Tag[] {
  const tags: Tag[] = [];
  for (const match of text.matchAll(anyTag)) {
    const [all, slash, word, , empty] = match;
    const name = names.find(word!);
    if (name === undefined) continue;
    const kind = slash === "/" ? "close" : empty === "/" ? "empty" : "open";
    tags.push({ name, kind, start: match.index, end: match.index + all.length });
  }
  return tags;
}

function piecesIn(text: string, tags: readonly Tag[]): readonly Piece[] {
  const partners = partnersOf(tags);
  const pieces: Piece[] = [];
  for (let i = 0; i < tags.length; i++) {
    const { name, kind, end } = tags[i]!;
    if (kind === "empty") pieces.push({ name, text: "", end, closed: true });
    // An answer that goes on after a prefill begins inside its first field.
    if (kind === "close" && i === 0)
      pieces.push({ name, text: text.slice(0, tags[0]!.start), end, closed: true });
    if (kind !== "open") continue;
    const partner = partners[i];
    if (partner === undefined) {
      const next = tags[i + 1];
      const inside = withoutStrayEnd(text.slice(end, next?.start));
      // A start tag alone: nothing was answered.
      if (inside.trim() !== "") {
        pieces.push({ name, text: inside, end: next?.start ?? text.length, closed: false });
      }
      continue;
    }
    i = lastEnd(tags, partners, partner);
    pieces.push({ name, text: text.slice(end, tags[i]!.start), end: tags[i]!.end, closed: true });
  }
  return pieces;
}

/** For each start tag its end tag and the other way round, those of its own name inside it passed over. */
function partnersOf(tags: readonly Tag[]): readonly (number | undefined)[] {
  const partners: (number | undefined)[] = new Array(tags.length).fill(undefined);
  const open = new Map<string, number[]>();
  for (const [i, { name, kind }] of tags.entries()) {
    if (kind === "open") {
      const stack = open.get(name);
      if (stack === undefined) open.set(name, [i]);
      else stack.push(i);
    } else if (kind === "close") {
      const start = open.get(name)?.pop();
      if (start === undefined) continue;
      partners[start] = i;
      partners[i] = start;
    }
  }
  return partners;
}

/** A second end tag without a start belongs to the content: then the last of them is the field's. */
function lastEnd(tags: readonly Tag[], partners: readonly (number | undefined)[], end: number): number {
  let last = end;
  for (;;) {
    const next = tags[last + 1];
    const isStray =
      next?.kind === "close" && next.name === tags[end]!.name && partners[last + 1] === undefined;
    if (!isStray) return last;
    last++;
  }
}

/** A value whose end tag is missing ends with the element around it, or at what is left of its end tag. */
function withoutStrayEnd(inside: string): string {
  const open = new Map<string, number>();
  for (const { index, 1: slash, 2: name, 4: empty } of inside.matchAll(anyTag)) {
    const depth = open.get(name!) ?? 0;
    if (slash !== "/") open.set(name!, depth + (empty === "/" ? 0 : 1));
    else if (depth === 0) return inside.slice(0, index);
    else open.set(name!, depth - 1);
  }
  return inside.replace(/<\/?[\w.-]{0,64}$/, "");
}

/** Sets of fields: a new one begins where the first field of a whole one, its end tags included, comes again. */
function setsOf(pieces: readonly Piece[], outline: Outline): readonly ReadonlyMap<string, unknown>[] {
  const sets: Map<string, unknown>[] = [new Map()];
  let mayEnd = true;
  for (const { name, text, closed } of pieces) {
    const own = decodeXml(text).trim();
    const isList = outline.outputs.find((output) => output.name === name)?.view.kind === "array";
    const value = isTemplate(name, own) ? template : isList ? itemsIn(own) : own;
    const set = sets.at(-1)!;
    const [first] = set.keys();
    const before = set.get(name);
    const isAgain = name === first && mayEnd && !Array.isArray(before) && !Array.isArray(value);
    if (areItems(before) && areItems(value)) before.push(...value);
    else if (isAgain && isWhole(set, outline)) sets.push(new Map([[name, value]]));
    else addValue(set, name, value);
    mayEnd = closed;
  }
  return sets;
}

/** What a tag of a list holds: the whole list in a form of its own, one item where the tag comes once for each, or nothing. */
function itemsIn(text: string): string | string[] {
  if (text === "") return [];
  return /^[[<`-]|^\d+[.)]/.test(text) ? text : [text];
}

function areItems(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0;
}

function isWhole(values: ReadonlyMap<string, unknown>, outline: Outline): boolean {
  return isComplete({ kind: "text", values, hasOthers: false, endsText: false }, outline);
}
