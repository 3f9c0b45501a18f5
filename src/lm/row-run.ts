import { AsyncLocalStorage } from "node:async_hooks";
import type { Priority } from "../core/call.ts";
import { wrongOption } from "../core/check.ts";
import type { Clock } from "../core/clock.ts";
import { type ErrorCode, isTrunklineError, sideOf, TrunklineError } from "../core/errors.ts";
import { abortError, onAbort } from "../core/signals.ts";
import { isolated, type Progress, type ProgressListener } from "./progress.ts";
import { currentScope, processDefaults, runInScope, type Scope } from "./scope.ts";

/** How a run over rows goes. */
export interface RunOptions {
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
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** One row's outcome. */
export type Row<Output> =
  | { readonly index: number; readonly value: Output; readonly error?: undefined }
  | { readonly index: number; readonly value?: undefined; readonly error: unknown };

export type Source<Input> = Iterable<Input> | AsyncIterable<Input>;

/** What one row does. */
export type Work<Input, Output> = (input: Input, index: number) => Promise<Output>;

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

/** One run over rows, as a machine that a loop asks for the next outcome. */
export class RowRun<Input, Output> {
  readonly #clock: Clock;
  readonly #work: Work<Input, Output>;
  readonly #iterator: Iterator<Input> | AsyncIterator<Input>;
  readonly #options: RunOptions;
  readonly #concurrency: number;
  readonly #window: number;
  readonly #controller = new AbortController();
  readonly #inContext: <T>(fn: () => T) => T = AsyncLocalStorage.snapshot();
  readonly #listener: ProgressListener | undefined;
  readonly #scope: Scope;
  readonly #unlinks: readonly (() => void)[];
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
  #total: number | undefined;
  #toldEnd = false;
  #pulling = false;
  #exhausted = false;
  #stopped: { error: unknown } | undefined;
  #lastSuccess: number;
  #wake: () => void = () => {};

  constructor(
    clock: Clock,
    source: Source<Input>,
    work: Work<Input, Output>,
    options: RunOptions,
    priority: Priority,
  ) {
    this.#clock = clock;
    this.#work = work;
    this.#options = options;
    this.#iterator = iteratorOf(source);
    this.#concurrency = options.concurrency ?? processDefaults.asyncMaxWorkers;
    this.#window = options.window ?? 4 * this.#concurrency;
    this.#ordered = options.ordered ?? true;
    this.#total = sizeOf(source);
    this.#scope = { signals: [this.#controller.signal], priority, fairnessKey: {} };
    this.#listener = options.onProgress && isolated(options.onProgress);
    this.#lastSuccess = clock.now();
    // A run inside a row ends with it.
    const around = currentScope()?.signals ?? [];
    const signals = options.signal ? [options.signal, ...around] : around;
    const aborted = signals.find((signal) => signal.aborted);
    if (aborted) this.#stop(abortError(aborted));
    this.#unlinks = aborted ? [] : signals.map((signal) => onAbort(signal, (error) => this.#stop(error)));
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
    for (const unlink of this.#unlinks) unlink();
    if (this.#running > 0) this.#controller.abort();
    if (!this.#toldEnd) this.#report(true);
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

  /** A source, or a failure of which nothing can be told, ends the run with its own error. */
  #guarded<T>(fn: () => T): T | undefined {
    try {
      return fn();
    } catch (error) {
      this.#stop(error);
      return undefined;
    }
  }

  #receive(index: number, step: IteratorResult<Input>): void {
    if (step.done) {
      this.#exhausted = true;
      this.#total ??= index;
    } else if (!this.#stopped) this.#start(index, step.value);
  }

  #start(index: number, input: Input): void {
    this.#running++;
    const work = async (): Promise<Output> => this.#work(input, index);
    this.#inContext(() => runInScope(this.#scope, work)).then(
      (value) => {
        this.#lastSuccess = this.#clock.now();
        this.#finish({ index, value });
      },
      (error) => this.#guarded(() => this.#fail(index, input, error)),
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

  #report(ended = this.#running === 0 && this.#done === this.#total): void {
    this.#toldEnd = ended;
    const listener = this.#listener;
    if (listener === undefined) return;
    const progress: Progress = {
      done: this.#done,
      failed: this.#failed,
      running: ended ? 0 : this.#running,
      ...(this.#total !== undefined && { total: this.#total }),
      ...(ended && { ended }),
    };
    this.#inContext(() => listener(progress));
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
/** The rows of a run, or an error: a text would be one row a letter. */
function iteratorOf<Input>(source: Source<Input>): Iterator<Input> | AsyncIterator<Input> {
  if (typeof source === "object" && source !== null) {
    if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
    if (Symbol.iterator in source) return source[Symbol.iterator]();
  }
  throw wrongOption("rows", "a list, an iterable or an async iterable", source);
}
