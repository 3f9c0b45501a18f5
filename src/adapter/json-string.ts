import { cutOff, tangled } from "./broken.ts";
import { behindSpace, isMark } from "./json-marks.ts";
import type { Names } from "./names.ts";

/** Where a value stands: what may follow it. */
export interface Place {
  readonly in: "object" | "list";
  /** The names that the object around it waits for. */
  readonly names: Names;
  /** Those that were read already. */
  readonly seen: ReadonlySet<string>;
  /** One slip is there already, so that a text with quotes in it is one too many. */
  readonly slipped?: boolean;
}

/** A value, and where it ends. */
export interface Read {
  readonly value: unknown;
  readonly end: number;
}

/** The quotes that open a text, and those that may close it. */
const closers: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  "`": "`",
  "\u201c": '\u201d\u201c"',
  "\u201d": '\u201d"',
  "\u2018": "\u2019\u2018'",
  "\u2019": "\u2019'",
};

/** What closes a text that opens with this sign; nothing where it is no quote. */
export function closersOf(char: string | undefined): string | undefined {
  return char === undefined ? undefined : closers[char];
}

/** A name in quotes, by what closes it. */
const quotedKeys: ReadonlyMap<string, RegExp> = new Map(
  Object.values(closers).map((closing) => [
    closing,
    new RegExp(`^.((?:\\\\.|[^\\\\${closing}\\n])*)[${closing}]`, "s"),
  ]),
);

/** Names longer than this are no names. */
const maxKey = 120;

/**
 * Reads the text whose opening quote is at `start`. A quote ends it where what follows can only be the rest of the
 * object or list around it.
 */
export function readString(text: string, start: number, place: Place): Read {
  const quote = text[start]!;
  if (text.startsWith(quote.repeat(3), start)) return tripleQuoted(text, start, quote.repeat(3));
  const closing = closers[quote]!;
  let value = "";
  let inner = 0;
  let curly = 0;
  let from = start + 1;
  for (let i = from; i < text.length; ) {
    const char = text[i]!;
    if (char === "\\") {
      const sign = escaped(text, i);
      value += text.slice(from, i) + sign.text;
      from = i = sign.end;
    } else if (closing.includes(char)) {
      if (endsAt(text, i + 1, place, inner > 0)) {
        const isClear = inner === 0 || mayHoldQuotes(text.slice(start, i), inner, place);
        return { value: isClear ? value + text.slice(from, i) : tangled, end: i + 1 };
      }
      // Two items without a comma, or a text with quotes in it.
      if (place.in === "list" && closersOf(text[behindSpace(text, i + 1)]) !== undefined) {
        return { value: tangled, end: i + 1 };
      }
      inner++;
      i++;
    } else if (char === "\u201c") {
      curly++;
      i++;
    } else if (char === "\u201d") {
      // A straight quote opened, a curly one closes, unless it belongs to a curly one in between.
      if (curly === 0 && endsAt(text, i + 1, place, true))
        return { value: value + text.slice(from, i), end: i + 1 };
      curly = Math.max(0, curly - 1);
      i++;
    } else if (char === "\n" && forgotQuote(text, i, place)) {
      const own = (value + text.slice(from, i)).trimEnd();
      return { value: inner > 0 ? tangled : own.endsWith(",") ? own.slice(0, -1) : own, end: i };
    } else i++;
  }
  return { value: cutOff, end: text.length };
}

/**
 * Whether quotes in a text can be its own. Not where one stands before a colon, as behind a name: then a lost quote
 * made one text of several members. Nor where two stand side by side, as between two texts, or where its own quote
 * seems to be doubled. In a list they must stand around
 * words, in pairs, or they part items.
 */
function mayHoldQuotes(text: string, inner: number, place: Place): boolean {
  if (place.slipped || /["'\u201d]\s*:|"\s*[+\s]\s*"/.test(text)) return false;
  const quote = text[0]!;
  if (inner % 2 === 1 && (text.slice(1).trim().startsWith(quote) || text.trimEnd().endsWith(quote)))
    return false;
  return place.in === "object" || quotesWords.test(text.slice(1).replaceAll(quote, '"'));
}

const quotesWords = /^[^"]*(?:(?<=^|[\s(])"[^"\s,][^"]*"(?=[\s.,;!?)]|$)[^"]*)*$/;

function tripleQuoted(text: string, start: number, mark: string): Read {
  const end = text.indexOf(mark, start + 3);
  if (end === -1) return { value: cutOff, end: text.length };
  return { value: text.slice(start + 3, end).trim(), end: end + 3 };
}

/** Whether a text can end before `at`. `dirty`: quotes inside it were passed already, so only what is known will do. */
function endsAt(text: string, at: number, place: Place, dirty: boolean): boolean {
  const i = behindSpace(text, at);
  const char = text[i];
  if (char === undefined || text.startsWith("//", i) || text.startsWith("/*", i)) return true;
  if (isMark(text, i, "closes")) return closesThere(text, i, place, dirty);
  const next = behindSpace(text, i + 1);
  if (place.in === "list") {
    if (isMark(text, i, "comma")) return startsItem(text, next);
    return closersOf(char) !== undefined && text.slice(at, i).includes("\n");
  }
  if (isMark(text, i, "comma")) {
    if (next === text.length || isMark(text, next, "closes") || text.startsWith("//", next)) return true;
    return startsMember(text, next, place, dirty);
  }
  // A forgotten comma.
  return closersOf(char) !== undefined && i > at && startsMember(text, i, place, dirty);
}

/** A closing sign behind a quote ends the text, unless more of the text follows it. */
function closesThere(text: string, at: number, { in: around }: Place, dirty: boolean): boolean {
  const isOwn = isMark(text, at, around === "object" ? "closesObject" : "closesList");
  if (!isOwn && dirty) return false;
  const next = behindSpace(text, at + 1);
  return closersOf(text[next]) === undefined || next > at + 1;
}

function startsItem(text: string, at: number): boolean {
  return at === text.length || /["'`\u201c\u2018\d{[\]}.\-tfnTFN\uff3d]/.test(text[at]!);
}

/** Whether a member of the object begins here. */
export function startsMember(text: string, at: number, { names }: Place, dirty: boolean): boolean {
  const key = keyAt(text, at);
  // The text may be cut inside the next name.
  if (key === undefined)
    return !dirty && text.length - at < maxKey && /^["']?\w*$/.test(text.slice(at, at + maxKey));
  if (!key.hasColon) return false;
  return !dirty || names.find(key.name) !== undefined;
}

/** Whether the next line begins a member that is waited for: then the quote before the line's end was forgotten. */
function forgotQuote(text: string, at: number, { in: around, names, seen }: Place): boolean {
  if (around === "list") return false;
  const next = behindSpace(text, at);
  if (closersOf(text[next]) === undefined) return false;
  const key = keyAt(text, next);
  if (key === undefined || !key.hasColon) return false;
  const name = names.find(key.name);
  return name !== undefined && !seen.has(name);
}

/** The name of a member that begins at `at`, and where it ends. */
export function keyAt(
  text: string,
  at: number,
): { readonly name: string; readonly end: number; readonly hasColon: boolean } | undefined {
  const piece = text.slice(at, at + maxKey);
  const quote = closersOf(piece[0]);
  const found =
    quote === undefined
      ? /^([\p{ID_Start}_$][\p{ID_Continue}$\\.-]*)["'`\u201d\u2019]?/u.exec(piece)
      : quotedKeys.get(quote)!.exec(piece);
  if (found === null) return undefined;
  const end = at + found[0].length;
  const name = found[1]!.includes("\\") ? withoutEscapes(found[1]!) : found[1]!;
  return { name, end, hasColon: isMark(text, behindSpace(text, end), "colon") };
}

function withoutEscapes(text: string): string {
  let value = "";
  for (let i = 0; i < text.length; ) {
    if (text[i] === "\\") {
      const sign = escaped(text, i);
      value += sign.text;
      i = sign.end;
    } else value += text[i++];
  }
  return value;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };
const controls: Readonly<Record<string, string>> = { b: "\b", f: "\f" };

/** What the backslash at `at` and the sign behind it mean, and where that ends. */
export function escaped(text: string, at: number): { readonly text: string; readonly end: number } {
  const next = text[at + 1] ?? "";
  if (next === "u") {
    const hex = /^[\da-fA-F]{4}$/.exec(text.slice(at + 2, at + 6))?.[0];
    if (hex !== undefined) return { text: String.fromCharCode(Number.parseInt(hex, 16)), end: at + 6 };
  }
  const end = at + 1 + next.length;
  const known = escapes[next];
  if (known !== undefined) return { text: known, end };
  const control = controls[next];
  // `\frac` and `\beta` are formulas whose backslash should have been two.
  if (control !== undefined && !/\p{L}/u.test(text[at + 2] ?? "")) return { text: control, end };
  // One that JSON does not know: before a letter or digit it was meant, before a sign it is a slip.
  return { text: /[\p{L}\p{N}]/u.test(next) ? `\\${next}` : next, end };
}
