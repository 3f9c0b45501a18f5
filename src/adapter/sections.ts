import { template } from "./broken.ts";
import { addValue, type Found, isComplete, isRest, merged } from "./found.ts";
import { type Marker, markersIn } from "./markers.ts";
import type { Outline } from "./outline.ts";
import { isTemplate } from "./template.ts";

/** A run of sections up to a marker of the end. */
interface Block extends Found {
  readonly values: Map<string, unknown>;
  isWhole: boolean;
  endsText: boolean;
}

/**
 * The outputs under their markers; nothing where no output has one. Of whole blocks the last counts, but none behind
 * an input's marker: there the model asks itself the next question.
 */
export function sectionsIn(text: string, outline: Outline): Found | undefined {
  const all = markersIn(text, outline);
  if (!all.some(isOutput)) return undefined;
  const blocks = blocksOf(counting(all, text), text, outline);
  const last = blocks.findLast((block) => block.isWhole);
  const values = last === undefined ? merged(blocks.map((block) => block.values)) : last.values;
  return { kind: "text", values, hasOthers: all.some(isOther), endsText: last?.endsText ?? false };
}

const isOutput = ({ opens }: Marker): boolean => opens === "output";
const isOther = ({ opens }: Marker): boolean => opens === "other";

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

function blocksOf(markers: readonly Marker[], text: string, outline: Outline): Block[] {
  const first = markers[0]!.start;
  const isFenced = first > 0 && fenceBefore.test(text.slice(Math.max(0, first - maxFence), first));
  const blocks: Block[] = [];
  let block = newBlock();
  let hasWhole = false;
  for (let i = 0; i < markers.length; i++) {
    const marker = markers[i]!;
    if (marker.opens === "input" && (hasWhole || isComplete(block, outline))) break;
    if (marker.opens === "output") addSection(block, marker, text, markers[i + 1], isFenced);
    if (marker.opens !== "end") continue;
    block.endsText = isRest(text, marker.end);
    block.isWhole = isComplete(block, outline);
    hasWhole ||= block.isWhole;
    blocks.push(block);
    block = newBlock();
  }
  if (block.values.size === 0) return blocks;
  block.isWhole = isComplete(block, outline);
  return [...blocks, block];
}

function newBlock(): Block {
  return { kind: "text", values: new Map(), hasOthers: false, endsText: false, isWhole: false };
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
  if (prefix === "") return content.trim();
  const blanks = /^[ \t]*/.exec(prefix)![0].length;
  if (prefix.includes(">")) return content.replace(/^[ \t]*>[ \t]?/gm, "").trim();
  return (blanks === 0 ? content : content.replace(new RegExp(`^[ \\t]{1,${blanks}}`, "gm"), "")).trim();
}
