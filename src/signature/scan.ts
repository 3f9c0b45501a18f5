import { TrunklineError } from "../core/errors.ts";

/** A piece of a signature string and where it begins; quoted text is without its quotes. */
export interface Token {
  readonly kind: "word" | "quoted" | "mark" | "end";
  readonly text: string;
  readonly at: number;
}

/** Far above any honest signature. */
const maxLength = 100_000;

const piece =
  /(?<space>[ \t\r\n]+)|(?<mark>->|[,:?|[\](){}])|'(?<single>[^']*)'|"(?<double>[^"]*)"|(?<word>(?:(?!->)[^ \t\r\n,:?|[\](){}'"])+)/y;

/** Cuts a signature string into its pieces. What stands in quotes is text, whatever it looks like. */
export function scan(text: string): Token[] {
  if (text.length > maxLength) {
    throw new TrunklineError(
      "signature",
      `signature: expected at most ${maxLength} characters, got ${text.length}; long texts belong in the instructions`,
    );
  }
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    piece.lastIndex = at;
    const found = piece.exec(text)?.groups;
    if (found === undefined) throw typo(text, at, `this ${text[at]} is never closed`);
    const quoted = found.single ?? found.double;
    if (quoted !== undefined) tokens.push({ kind: "quoted", text: quoted, at });
    else if (found.mark !== undefined) tokens.push({ kind: "mark", text: found.mark, at });
    else if (found.word !== undefined) tokens.push({ kind: "word", text: found.word, at });
    at = piece.lastIndex;
  }
  tokens.push({ kind: "end", text: "", at: text.trimEnd().length });
  return tokens;
}

const before = 50;
const after = 40;

/** The error of a signature string: what is wrong, and the line it is in with a caret under the place. */
export function typo(text: string, at: number, what: string): TrunklineError {
  const lineStart = text.slice(0, at).lastIndexOf("\n") + 1;
  const lineEnd = text.indexOf("\n", at);
  const from = Math.max(lineStart, at - before);
  const to = Math.min(lineEnd === -1 ? text.length : lineEnd, at + after);
  const head = from > lineStart ? "..." : "";
  const line = `${head}${text.slice(from, to)}`.replace(/\s/g, " ");
  const caret = `${" ".repeat(head.length + at - from)}^`;
  return new TrunklineError("signature", `signature: ${what} (character ${at + 1})\n  ${line}\n  ${caret}`);
}
