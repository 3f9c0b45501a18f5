import { thrownText } from "../core/thrown.ts";
import { processLogger } from "./process.ts";

/** How far a run over rows has come. */
export interface Progress {
  /** Rows that have their result or their error. */
  readonly done: number;
  /** How many of those have an error. */
  readonly failed: number;
  readonly running: number;
  /** Known when the source knows its length, or has ended. */
  readonly total?: number;
  /** On the last report of a run, however it ended. */
  readonly ended?: true;
}

export type ProgressListener = (progress: Progress) => void;

/** A listener that cannot fail the run that it hears of: its first failure is a line in the log, later ones are silent. */
export function isolated(listener: ProgressListener): ProgressListener {
  let reported = false;
  const report = (error: unknown): void => {
    if (reported) return;
    reported = true;
    try {
      processLogger().warn(`trunkline: an onProgress listener failed: ${thrownText(error)}`);
    } catch {}
  };
  return (progress) => {
    try {
      const returned: unknown = listener(progress);
      if (returned instanceof Promise) returned.catch(report);
    } catch (error) {
      report(error);
    }
  };
}
