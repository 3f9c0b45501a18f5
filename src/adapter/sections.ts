import { template } from "./broken.ts";
import { addValue, type Found, isComplete, isRest, merged } from "./found.ts";
import { type Marker, markersIn } from "./markers.ts";
import type { Outline } from "./outline.ts";

/** A run of sections up to a marker of the end. */
interface Block {
  readonly values: Map<string, unknown>;
  end?: number;
}

/**
 * The outputs under their markers; nothing where no output has one. Of whole blocks the last counts, but none behind
 * an input's marker: there the model asks itself the next question.
 */
export function sectionsIn(text: string, outline: Outline): Found | undefined {
  const all = markersIn(text, outline);
  if (!all.some(({ opens }) => opens === "output")) return undefined;
  const hasOthers = all.some(({ opens }) => opens === "other");
  const found = ({ values, end }: Block): Found => {
    return { kind: "text", values, hasOthers, endsText: end !== undefined && isRest(text.slice(end)) };
  };
  const isWhole = (block: Block): boolean => isComplete(found(block), outline);
  const blocks = blocksOf(counting(all, text), text, isWhole);
  return found(blocks.findLast(isWhole) ?? { values: merged(blocks.map(({ values }) => values)) });
}

/** Markers that begin a line, and inside a line those of names that have none there. */
function counting(markers: readonly Marker[], text: string): readonly Marker[] {
  if (markers.every(({ prefix }) => prefix !== undefined)) return markers;
  const beginLines = new Set(markers.filter(({ prefix }) => prefix !== undefined).map(({ name }) => name));
  return markers.filter(({ prefix, name, opens, end }) => {
    if (prefix !== undefined) return true;
    if (beginLines.has(name)) return false;
    return opens === "output" || (opens === "end" && /^[ \t\r]*(?:\n|$)/.test(text.slice(end, end + 40)));
  });
}

function blocksOf(markers: readonly Marker[], text: string, isWhole: (block: Block) => boolean): Block[] {
  const isFenced = fenceBefore.test(text.slice(0, markers[0]?.start).slice(-maxFence));
  const blocks: Block[] = [];
  let block: Block = { values: new Map() };
  let hasWhole = false;
  for (const [i, marker] of markers.entries()) {
    if (marker.opens === "input" && (hasWhole || isWhole(block))) break;
    if (marker.opens === "output") addSection(block, marker, text, markers[i + 1], isFenced);
    if (marker.opens !== "end") continue;
    block.end = marker.end;
    blocks.push(block);
    hasWhole ||= isWhole(block);
    block = { values: new Map() };
  }
  return [...blocks, block];
}

const fenceBefore = /(?:^|\n)[ \t]*(?:```|~~~)[\w-]*\s*$/;
const maxFence = 40;

function addSection(
  { values }: Block,
  marker: Marker,
  text: string,
  next: Marker | undefined,
  isFenced: boolean,
): void {
  const content = contentOf(marker, text, next);
  // The text ends at the marker: nothing was answered.
  if (content === "" && next === undefined) return;
  const value = isFenced && next === undefined ? withoutClosing(content) : content;
  addValue(values, marker.name, isTemplate(marker.name, value) ? template : value);
}

/** The fence around the whole answer ends behind the last section. */
function withoutClosing(content: string): string {
  const fences = content.match(/^[ \t]*(?:```|~~~)/gm)?.length ?? 0;
  return fences % 2 === 1 ? content.replace(/\s*(?:```|~~~)$/, "") : content;
}

/** What stands before a marker stands before each line: the sign of a quote, or blanks. */
function contentOf({ end, prefix = "" }: Marker, text: string, next: Marker | undefined): string {
  const content = text.slice(end, next?.start);
  const blanks = /^[ \t]*/.exec(prefix)![0].length;
  if (prefix.includes(">")) return content.replace(/^[ \t]*>[ \t]?/gm, "").trim();
  return (blanks === 0 ? content : content.replace(new RegExp(`^[ \\t]{1,${blanks}}`, "gm"), "")).trim();
}

/** Whether a text is the place of a value in the prompt's form, and no value. */
function isTemplate(name: string, text: string): boolean {
  return text.startsWith(`{${name}}`) && /^(?:\s*#.*)?$/s.test(text.slice(name.length + 2));
}
