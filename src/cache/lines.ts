import { wrongOption } from "../core/check.ts";

/** Text in pieces cut anywhere, or all of it at once. */
export type Text = string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

export function isText(value: unknown): value is Text {
  if (typeof value === "string") return true;
  const { [Symbol.iterator]: all, [Symbol.asyncIterator]: each } = Object(value);
  return typeof all === "function" || typeof each === "function";
}

/** A line of a text; `undefined` in place of one too long to hold. */
export interface Line {
  readonly number: number;
  readonly text: string | undefined;
}

/** The lines of a text, numbered from 1. Empty ones are left out, and so are the pieces of one that is too long. */
export async function* linesOf(source: Text, longest: number): AsyncGenerator<Line> {
  const decoder = new TextDecoder();
  let rest: string | undefined = "";
  let number = 1;
  for await (const piece of typeof source === "string" || source instanceof Uint8Array ? [source] : source) {
    if (typeof piece !== "string" && !(piece instanceof Uint8Array))
      throw wrongOption("cache.import", "pieces that are texts or bytes", piece);
    const lines = (typeof piece === "string" ? piece : decoder.decode(piece, { stream: true })).split("\n");
    const last = lines.pop()!;
    for (const line of lines) {
      yield* lineOf(number++, rest === undefined ? undefined : rest + line);
      rest = "";
    }
    if (rest !== undefined) rest = rest.length + last.length > longest ? undefined : rest + last;
  }
  yield* lineOf(number, rest === undefined ? undefined : rest + decoder.decode());
}

function* lineOf(number: number, text: string | undefined): Generator<Line> {
  if (text?.trim() !== "") yield { number, text };
}
