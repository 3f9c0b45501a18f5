import { AsyncLocalStorage } from "node:async_hooks";
import { type Check, checks, wrongOption } from "../core/check.ts";
import type { Clock } from "../core/clock.ts";
import { type ErrorCode, isTrunklineError, sideOf, TrunklineError } from "../core/errors.ts";
import { abortError, onAbort } from "../core/signals.ts";
import { processDefaults, runInScope } from "./scope.ts";

/** How far a run over rows has come. */
export interface Progress {
  /** Rows that have their result or their error. */
  readonly done: number;
  /** How many of those have an error. */
  readonly failed: number;
  readonly running: number;
  /** Known when the source knows its length. */
  readonly total?: number;
}

/** Options of a run over rows. */
export interface RowsOptions {
  /** Rows in work at once. Default: `configure({ asyncMaxWorkers })`, 2,000. */
  readonly concurrency?: number;
  /** Results in the order of the rows (default), or as they finish. */
  readonly ordered?: boolean;
  /** Rows in work or finished but not yet taken; a slow consumer slows the source. Default 4 x `concurrency`. */
  readonly window?: number;
  /** The run stops when more rows than this have failed. Default: none. */
  readonly maxErrors?: number;
  /** The run stops when the provider fails and nothing has succeeded for so long, in milliseconds. Default 60,000. */
  readonly outageAfter?: number;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

export const rowsChecks = {
  concurrency: checks.positiveCount,
  ordered: checks.boolean,
  window: checks.positiveCount,
  maxErrors: checks.count,
  outageAfter: checks.duration,
  onProgress: checks.fn,
  signal: checks.signal,
} satisfies Record<keyof RowsOptions, Check>;

/** One row's outcome. */
export type Row<Output> =
  | { readonly index: number; readonly value: Output; readonly error?: undefined }
  | { readonly index: number; readonly value?: undefined; readonly error: unknown };

export type Source<Input> = Iterable<Input> | AsyncIterable<Input>;

/**
 * Works through rows side by side and yields each outcome. A row whose own side fails carries its error and the
 * rest goes on. A failure of the provider's stops the run at once where no later row could escape it; any other
 * puts the row aside, to be tried once more when nothing else is left to do, unless the provider has been failing
 * for `outageAfter`. A stopped run first yields what is finished, then throws.
 */
export function eachRow<Input, Output>(
  clock: Clock,
  source: Source<Input>,
  work: (input: Input, index: number) => Promise<Output>,
  options: RowsOptions = {},
): AsyncGenerator<Row<Output>, void, undefined> {
  // Rows see the context of the place that made the run, not of the one that asks for the first row.
  const inContext = AsyncLocalStorage.snapshot();
  return takeRows(() => inContext(() => new RowRun(clock, source, work, options)));
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

/** The rows of a run, or an error: a text would be one row a letter. */
function iteratorOf<Input>(source: Source<Input>): Iterator<Input> | AsyncIterator<Input> {
  if (typeof source === "object" && source !== null) {
    if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
    if (Symbol.iterator in source) return source[Symbol.iterator]();
  }
  throw wrongOption("rows", "a list, an iterable or an async iterable", source);
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
      const why = `the run was stopped by an error of its own program: ${error instanceof Error ? error.message : error}`;
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

/** A failure that waiting cannot mend and no later row can escape. */
const stopsAtOnce: ReadonlySet<ErrorCode> = new Set([
  "config",
  "auth",
  "permission",
  "not_found",
  "quota",
  "closed",
  "budget",
  "state",
  "cache",
]);

class RowRun<Input, Output> {
  readonly #clock: Clock;
  readonly #work: (input: Input, index: number) => Promise<Output>;
  readonly #iterator: Iterator<Input> | AsyncIterator<Input>;
  readonly #options: RowsOptions;
  readonly #concurrency: number;
  readonly #window: number;
  readonly #total: number | undefined;
  readonly #controller = new AbortController();
  readonly #inContext: <T>(fn: () => T) => T = AsyncLocalStorage.snapshot();
  readonly #fairnessKey = {};
  readonly #unlink: (() => void) | undefined;
  readonly #ordered: boolean;
  #finished = new Map<number, Row<Output>>();
  /** Rows to be tried once more, with their inputs. */
  readonly #aside: { index: number; input: Input }[] = [];
  readonly #triedAgain = new Set<number>();
  #pulled = 0;
  #yielded = 0;
  #running = 0;
  #done = 0;
  #failed = 0;
  #pulling = false;
  #exhausted = false;
  #stopped: { error: unknown } | undefined;
  #lastSuccess: number;
  #wake: () => void = () => {};

  constructor(
    clock: Clock,
    source: Source<Input>,
    work: (input: Input, index: number) => Promise<Output>,
    options: RowsOptions,
  ) {
    this.#clock = clock;
    this.#work = work;
    this.#options = options;
    this.#iterator = iteratorOf(source);
    this.#concurrency = options.concurrency ?? processDefaults.asyncMaxWorkers;
    this.#window = options.window ?? 4 * this.#concurrency;
    this.#ordered = options.ordered ?? true;
    this.#total = sizeOf(source);
    this.#lastSuccess = clock.now();
    const { signal } = options;
    if (signal?.aborted) this.#stop(abortError(signal));
    else if (signal) this.#unlink = onAbort(signal, (error) => this.#stop(error));
  }

  /** The next outcome, or undefined at the end. */
  async next(): Promise<Row<Output> | undefined> {
    for (;;) {
      this.#fill();
      const row = this.#take();
      if (row !== undefined) return row;
      if (this.#stopped) throw this.#stopped.error;
      if (this.#exhausted && this.#running === 0 && this.#aside.length === 0 && !this.#pulling)
        return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Lets go of everything: rows still in work are aborted, the source is told. */
  async end(): Promise<void> {
    this.#unlink?.();
    if (this.#running > 0) this.#controller.abort();
    if (this.#exhausted) return;
    this.#exhausted = true;
    const told = this.#iterator.return?.();
    // A source that still owes its next row answers only after that, perhaps never: it is told, not waited for.
    if (this.#pulling) Promise.resolve(told).catch(() => {});
    else await told;
  }

  #take(): Row<Output> | undefined {
    const index = this.#ordered && !this.#stopped ? this.#yielded : this.#finished.keys().next().value;
    const row = index === undefined ? undefined : this.#finished.get(index);
    if (row === undefined) return undefined;
    this.#finished.delete(row.index);
    this.#yielded++;
    return row;
  }

  /** Starts rows until a bound is reached, then, with nothing else to do, those put aside. */
  #fill(): void {
    while (!this.#stopped && !this.#pulling && !this.#exhausted && this.#hasRoom()) this.#pull();
    if (this.#stopped || this.#running > 0 || this.#pulling) return;
    if (this.#exhausted || !this.#hasRoom()) {
      for (const { index, input } of this.#aside.splice(0, this.#concurrency)) this.#start(index, input);
    }
  }

  #hasRoom(): boolean {
    const held = this.#running + this.#finished.size + this.#aside.length;
    return this.#running < this.#concurrency && held < this.#window;
  }

  #pull(): void {
    const index = this.#pulled++;
    const step = this.#guarded(() => this.#inContext(() => this.#iterator.next()));
    if (step === undefined) return;
    if (!isThenable(step)) {
      this.#receive(index, step);
      return;
    }
    this.#pulling = true;
    step.then(
      (result) => {
        this.#pulling = false;
        this.#receive(index, result);
        this.#wake();
      },
      (error) => {
        this.#pulling = false;
        this.#exhausted = true;
        this.#stop(error);
      },
    );
  }

  /** A source or a listener that throws ends the run with its own error. */
  #guarded<T>(fn: () => T): T | undefined {
    try {
      return fn();
    } catch (error) {
      this.#stop(error);
      return undefined;
    }
  }

  #receive(index: number, step: IteratorResult<Input>): void {
    if (step.done) this.#exhausted = true;
    else if (!this.#stopped) this.#start(index, step.value);
  }

  #start(index: number, input: Input): void {
    this.#running++;
    const scope = {
      signals: [this.#controller.signal],
      priority: "batch",
      fairnessKey: this.#fairnessKey,
    } as const;
    const work = async (): Promise<Output> => this.#work(input, index);
    this.#inContext(() => runInScope(scope, work)).then(
      (value) => {
        this.#lastSuccess = this.#clock.now();
        this.#finish({ index, value });
      },
      (error) => this.#fail(index, input, error),
    );
  }

  #finish(row: Row<Output>): void {
    this.#running--;
    if (this.#controller.signal.aborted) return;
    this.#triedAgain.delete(row.index);
    this.#finished.set(row.index, row);
    this.#done++;
    if (row.error !== undefined) this.#failed++;
    this.#report();
    const { maxErrors } = this.#options;
    if (maxErrors !== undefined && this.#failed > maxErrors) {
      const why = `the run stopped: ${this.#failed} rows failed, more than maxErrors (${maxErrors})`;
      const code = isTrunklineError(row.error) ? row.error.code : "bad_request";
      this.#stop(new TrunklineError(code, why, { cause: row.error }));
    }
    this.#wake();
  }

  #fail(index: number, input: Input, error: unknown): void {
    const ownSide = sideOf(error) !== "provider" || this.#controller.signal.aborted;
    const outage = this.#clock.now() - this.#lastSuccess >= (this.#options.outageAfter ?? 60_000);
    const stops = !ownSide && (outage || stopsAtOnce.has((error as TrunklineError).code));
    if (!stops && (ownSide || this.#triedAgain.has(index))) {
      this.#finish({ index, error });
      return;
    }
    this.#running--;
    if (stops) {
      this.#stop(error);
      return;
    }
    this.#triedAgain.add(index);
    this.#aside.push({ index, input });
    this.#wake();
  }

  /** Nothing new starts; rows in work are aborted; what is finished can still be taken. */
  #stop(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = { error };
    if (this.#ordered) this.#finished = new Map([...this.#finished].sort(([a], [b]) => a - b));
    this.#controller.abort();
    this.#wake();
  }

  #report(): void {
    const progress = { done: this.#done, failed: this.#failed, running: this.#running, total: this.#total };
    const { onProgress } = this.#options;
    const returned: unknown = onProgress && this.#guarded(() => this.#inContext(() => onProgress(progress)));
    if (returned instanceof Promise) returned.catch((error) => this.#stop(error));
  }
}

function isThenable<T>(step: T | PromiseLike<T>): step is PromiseLike<T> {
  return typeof (step as { then?: unknown }).then === "function";
}

function sizeOf(source: object): number | undefined {
  if (Array.isArray(source)) return source.length;
  if (source instanceof Set || source instanceof Map) return source.size;
  return undefined;
}
