import { wrongOption } from "../core/check.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import { isText, linesOf, type Text } from "./lines.ts";
import { entryOf, type Times } from "./portable.ts";
import { reasonOf } from "./reason.ts";
import type { Entry } from "./store.ts";

/** A line that `import` could not use. */
export interface RejectedLine {
  readonly line: number;
  readonly reason: string;
}

export interface ImportReport {
  readonly imported: number;
  /** At most the first 1,000. */
  readonly rejected: readonly RejectedLine[];
}

export interface Importer {
  readonly times: Times;
  take(key: string, entry: Entry): void;
  flush(): Promise<void>;
}

const mostTold = 1_000;
const longestLine = 64 * 2 ** 20;
/** Entries between two waits: no faster than the disk can take them. */
const together = 500;

/** Gives every entry of a text to `importer`, and tells of the lines that are none. */
export async function importLines(source: Text, importer: Importer): Promise<ImportReport> {
  if (!isText(source)) throw wrongOption("cache.import", "a text, or its pieces (a stream, a list)", source);
  let imported = 0;
  const rejected: RejectedLine[] = [];
  try {
    for await (const { number, text } of linesOf(source, longestLine)) {
      try {
        if (text === undefined) throw new Error(`it is longer than ${longestLine} characters`);
        importer.take(...entryOf(text, importer.times));
        if (++imported % together === 0) await importer.flush();
      } catch (error) {
        if (rejected.length < mostTold) rejected.push({ line: number, reason: reasonOf(error) });
      }
    }
  } catch (cause) {
    if (isTrunklineError(cause)) throw cause;
    const message = `cache.import: the source failed after ${imported} entries: ${reasonOf(cause)}`;
    throw new TrunklineError("cache", message, { cause });
  }
  await importer.flush();
  return { imported, rejected };
}
