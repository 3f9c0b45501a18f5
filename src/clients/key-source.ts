import { show } from "../core/check.ts";
import type { Clock } from "../core/clock.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import { outside } from "../core/outside.ts";
import { type KeyFunction, readKey } from "./keys.ts";

/** A key function that has not answered by then is given up, so that the next attempt asks anew. */
const longestWait = 30_000;

/**
 * The key of a Client that rotates its key. The function is called for each attempt; attempts that ask while it
 * runs share its answer. It runs in no caller's async context, because its answer belongs to all of them.
 */
export class KeySource {
  readonly #fn: KeyFunction;
  readonly #clock: Clock;
  #running: Promise<string> | undefined;
  /** The run that a refused key started; nobody who was refused shares a run from before. */
  #refreshing: Promise<string> | undefined;
  #newest: { readonly run: number; readonly key: string } | undefined;
  #runs = 0;

  constructor(fn: KeyFunction, clock: Clock) {
    this.#fn = fn;
    this.#clock = clock;
  }

  current(): Promise<string> {
    if (this.#refreshing !== undefined) return this.#refreshing;
    this.#running ??= this.#run(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /**
   * A key that is not `stale`, after the provider refused that one. Everybody who was refused the same key shares
   * one further run; who comes later gets what it brought. The answer is `stale` itself when there is no newer.
   */
  refresh(stale: string): Promise<string> {
    if (this.#refreshing !== undefined) return this.#refreshing;
    if (this.#newest !== undefined && this.#newest.key !== stale) return Promise.resolve(this.#newest.key);
    this.#refreshing = this.#run(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  #run(done: () => void): Promise<string> {
    const run = ++this.#runs;
    return new Promise<string>((resolve, reject) => {
      let over = false;
      const settle = (finish: () => void): void => {
        if (over) return;
        over = true;
        timer.cancel();
        done();
        finish();
      };
      const timer = this.#clock.after(longestWait, () =>
        settle(() => reject(failed(`did not answer within ${longestWait / 1_000} s`))),
      );
      outside(async () => this.#fn()).then(
        (value) => settle(() => resolve(this.#accept(run, value))),
        (error) => settle(() => reject(isTrunklineError(error) ? error : failed("failed", error))),
      );
    });
  }

  async #accept(run: number, value: unknown): Promise<string> {
    const key = readAnswer(value);
    // A slow run that started earlier must not bring an older key back.
    if (this.#newest === undefined || run > this.#newest.run) this.#newest = { run, key };
    return key;
  }
}

/** The answer of a key function, or an error that shows nothing of it. */
function readAnswer(value: unknown): string {
  if (typeof value !== "string") {
    throw new TrunklineError("config", `apiKey: the function must bring a string, it brought ${show(value)}`);
  }
  if (value.trim() === "") throw new TrunklineError("config", "apiKey: the function brought an empty key");
  return readKey("apiKey: what the function brought", value);
}

/** Nothing was sent, and the next attempt may well get a key. */
function failed(how: string, cause?: unknown): TrunklineError {
  return new TrunklineError("auth", `apiKey: the function ${how}`, { cause, retryable: true, sent: false });
}
