import { AsyncLocalStorage } from "node:async_hooks";
import type { Priority } from "../core/call.ts";
import { type Check, checks } from "../core/check.ts";
import type { Clock } from "../core/clock.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import { thrownText } from "../core/thrown.ts";
import { type Identity, type KeptRows, keepRows } from "./kept-rows.ts";
import { type Row, RowRun, type RunOptions, type Source, type Work } from "./row-run.ts";

export type { Progress } from "./progress.ts";
export type { Row, Source, Work } from "./row-run.ts";

/** Options of a run over rows. */
export interface RowsOptions extends RunOptions {
  /**
   * A file that keeps each finished row as a line of JSON. A run that finds its rows there does not do them again.
   * Default: none.
   */
  readonly resultsFile?: string;
}

/** What the code that starts a run knows of it, and its caller does not say. */
export interface RunFacts<Input = never> {
  /** Default "batch". */
  readonly priority?: Priority;
  /** What must be the same for rows in a results file to be those of this run. */
  readonly identity?: () => Identity;
  /** Hears of each row that is begun, or found in the results file. */
  readonly onRow?: (input: Input, index: number) => void;
}

export const rowsChecks = {
  concurrency: checks.positiveCount,
  ordered: checks.boolean,
  window: checks.positiveCount,
  maxErrors: checks.count,
  outageAfter: checks.duration,
  onProgress: checks.fn,
  signal: checks.signal,
  resultsFile: (value) => (typeof value === "string" && value !== "" ? undefined : "the path of a file"),
} satisfies Record<keyof RowsOptions, Check>;

/**
 * Works through rows side by side and yields each outcome. A row whose own side fails carries its error and the
 * rest goes on. A failure of the provider's stops the run at once where no later row could escape it; any other
 * puts the row aside, to be tried once more when nothing else is left to do, unless the provider has been failing
 * for `outageAfter`. A stopped run first yields what is finished, then throws.
 */
export function eachRow<Input, Output>(
  clock: Clock,
  source: Source<Input>,
  work: Work<Input, Output>,
  options: RowsOptions = {},
  { priority = "batch", identity, onRow }: RunFacts<Input> = {},
): AsyncGenerator<Row<Output>, void, undefined> {
  // Rows see the context of the place that made the run, not of the one that asks for the first row.
  const inContext = AsyncLocalStorage.snapshot();
  const { resultsFile } = options;
  const start = (does: Work<Input, Output>) => {
    const heard: Work<Input, Output> = (input, index) => {
      onRow?.(input, index);
      return does(input, index);
    };
    return inContext(() => new RowRun(clock, source, onRow ? heard : does, options, priority));
  };
  if (resultsFile === undefined) return takeRows(() => start(work));
  return inFile(
    () => inContext(() => keepRows({ clock, path: resultsFile, identity: identity?.() ?? {}, source, work })),
    start,
  );
}

async function* inFile<Input, Output>(
  open: () => Promise<KeptRows<Input, Output>>,
  start: (work: Work<Input, Output>) => RowRun<Input, Output>,
): AsyncGenerator<Row<Output>, void, undefined> {
  const kept = await open();
  try {
    yield* takeRows(() => start(kept.work));
  } finally {
    await kept.close();
  }
}

async function* takeRows<Input, Output>(
  start: () => RowRun<Input, Output>,
): AsyncGenerator<Row<Output>, void, undefined> {
  const run = start();
  try {
    for (let row = await run.next(); row !== undefined; row = await run.next()) yield row;
  } finally {
    await run.end();
  }
}

/** `eachRow`, collected. */
export function collectRows<Input, Output>(
  ...run: Parameters<typeof eachRow<Input, Output>>
): Promise<Row<Output>[]> {
  return collected(eachRow(...run));
}

/** The rows of a run. A stopped run rejects with the cause's code, and the finished rows in `rows`. */
export async function collected<R>(run: AsyncIterable<R>): Promise<R[]> {
  const rows: R[] = [];
  try {
    for await (const row of run) rows.push(row);
  } catch (error) {
    if (!isTrunklineError(error)) {
      const why = `the run was stopped by a failure outside its rows: ${thrownText(error)}`;
      throw new TrunklineError("bad_request", why, { cause: error, rows, done: rows.length });
    }
    throw new TrunklineError(error.code, `${error.message} (${rows.length} rows were finished)`, {
      ...error,
      cause: error.cause ?? error,
      rows,
      done: rows.length,
    });
  }
  return rows;
}
