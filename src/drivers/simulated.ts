import type { CallOptions } from "../core/call.ts";
import type { Clock, Timer } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { type TimeoutPhase, TrunklineError } from "../core/errors.ts";
import type { ChatRequest } from "../core/request.ts";
import { abortError, type Signal } from "../core/signals.ts";
import { errorFrom } from "../wire/http-error.ts";
import { rateSignals } from "../wire/rate-headers.ts";
import { type Driver, trusted } from "./driver.ts";
import {
  completionOf,
  deltasAt,
  isRefusal,
  type Refusal,
  type SimulatedAnswer,
  stepsOf,
} from "./simulated/answer.ts";
import { SimulatedModel, type SimulatedModelOptions } from "./simulated/model.ts";

export {
  completionOf,
  deltasAt,
  isRefusal,
  type Refusal,
  type SimulatedAnswer,
  type SimulatedChoice,
  stepsOf,
} from "./simulated/answer.ts";
export type { Limits } from "./simulated/limits.ts";
export {
  SimulatedModel,
  type SimulatedModelOptions,
  type SimulatedStats,
  simulatedModel,
} from "./simulated/model.ts";
export type { PrefixCacheOptions } from "./simulated/prefix-cache.ts";
export type { Question } from "./simulated/question.ts";

export interface SimulatedDriverOptions extends SimulatedModelOptions {
  /** Asks this model in place of one of its own, so that several drivers share its limits and cache. */
  readonly model?: SimulatedModel;
}

const name = "simulated";

/**
 * A provider that is not there: answers from a {@link SimulatedModel}, in the time that the clock says, without
 * a socket. For documents, demos and tests.
 *
 * ```ts
 * import { FakeClock, simulatedDriver } from "trunkline/testing";
 *
 * const clock = new FakeClock();
 * const driver = simulatedDriver({ clock, seed: 7, latency: { firstTokenMs: 50, perTokenMs: 5 } });
 * ```
 */
export function simulatedDriver(options: SimulatedDriverOptions): Driver {
  const model = options.model ?? new SimulatedModel(options);
  return trusted({
    name,
    abilities: { images: true, files: true, tools: true, responseFormat: "json_schema", choices: true },
    // It makes up prose, or whatever a schema asks for: only the latter fills a signature.
    prefers: "json",
    chat: (request, callOptions) => ask(model, options.clock, request, callOptions),
  });
}

function ask(
  model: SimulatedModel,
  clock: Clock,
  request: ChatRequest,
  options: CallOptions,
): Promise<Completion> {
  const { signal, watch } = options;
  if (signal?.aborted) return Promise.reject(reasonOf(signal));
  const came = model.ask(request);
  watch.onSent?.();
  if (isRefusal(came)) {
    watch.onFirstByte?.();
    watch.onRate?.(rateSignals(came.headers, { clock }));
    return Promise.reject(errorOf(came, request, clock));
  }
  return new Promise((resolve, reject) => new Run(came, clock, options, resolve, reject).next());
}

function errorOf({ status, headers, error }: Refusal, request: ChatRequest, clock: Clock): TrunklineError {
  const facts = { status, headers, model: request.model, provider: name, clock };
  return errorFrom(facts, JSON.stringify({ error }));
}

/** What a call rejects with once its signal has aborted. */
function reasonOf(signal: Signal): TrunklineError {
  return signal.reason instanceof TrunklineError ? signal.reason : abortError(signal);
}

/** An instant, in milliseconds after the start, at which a deadline ends the call. */
interface Cut {
  readonly atMs: number;
  readonly phase: TimeoutPhase;
}

/** One answer on its way. Its whole course is known from the start, so it needs one timer, deadlines included. */
class Run {
  readonly #answer: SimulatedAnswer;
  readonly #clock: Clock;
  readonly #options: CallOptions;
  readonly #resolve: (completion: Completion) => void;
  readonly #reject: (error: unknown) => void;
  readonly #startedAt: number;
  readonly #length: number;
  readonly #perTokenMs: number;
  readonly #cut: Cut;
  #begun = false;
  #sent = 0;
  #timer: Timer | undefined;

  constructor(
    answer: SimulatedAnswer,
    clock: Clock,
    options: CallOptions,
    resolve: (completion: Completion) => void,
    reject: (error: unknown) => void,
  ) {
    this.#answer = answer;
    this.#clock = clock;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#startedAt = clock.now();
    this.#length = stepsOf(answer);
    const steps = this.#length - 1;
    this.#perTokenMs = steps <= 0 ? 0 : (answer.totalMs - answer.firstTokenMs) / steps;
    this.#cut = firstCut(answer, this.#perTokenMs, options);
    options.signal?.addEventListener("abort", this);
  }

  /** The call's signal aborted. */
  handleEvent(): void {
    this.#fail(reasonOf(this.#options.signal!));
  }

  /** Waits for whatever comes next. */
  next(): void {
    const { firstTokenMs, totalMs } = this.#answer;
    const streaming = this.#options.onDelta !== undefined;
    const due = !this.#begun
      ? firstTokenMs
      : streaming
        ? firstTokenMs + this.#sent * this.#perTokenMs
        : totalMs;
    const wait = this.#startedAt + Math.min(due, this.#cut.atMs) - this.#clock.now();
    this.#timer = this.#clock.after(wait, () => this.#step(due));
  }

  #step(due: number): void {
    if (due > this.#cut.atMs) {
      this.#fail(this.#late(this.#cut.phase));
      return;
    }
    const streaming = this.#options.onDelta !== undefined;
    if (!this.#begun) {
      this.#begun = true;
      this.#answer.begin();
      if (streaming) this.#firstByte();
    }
    try {
      if (streaming) this.#deliver();
    } catch (error) {
      this.#fail(error);
    }
    const ended = streaming ? this.#sent >= this.#length : this.#elapsed() >= this.#answer.totalMs;
    if (this.#timer === undefined) return;
    if (ended) this.#finish(streaming);
    else this.next();
  }

  #finish(streaming: boolean): void {
    if (!streaming) this.#firstByte();
    this.#clean();
    this.#resolve(completionOf(this.#answer));
  }

  #elapsed(): number {
    // A hair of tolerance: sums of fractions may fall just short of the instant they stand for.
    return this.#clock.now() - this.#startedAt + 1e-6;
  }

  #firstByte(): void {
    const { watch } = this.#options;
    watch.onFirstByte?.();
    watch.onRate?.(rateSignals(this.#answer.headers, { clock: this.#clock }));
  }

  /** Hands out every token that is due. */
  #deliver(): void {
    const { firstTokenMs } = this.#answer;
    const progress = (this.#elapsed() - firstTokenMs) / this.#perTokenMs;
    const due = this.#perTokenMs === 0 ? this.#length : Math.min(this.#length, Math.floor(progress) + 1);
    for (; this.#sent < due && this.#timer !== undefined; this.#sent++) {
      for (const delta of deltasAt(this.#answer, this.#sent)) this.#options.onDelta!(delta);
    }
  }

  #late(phase: TimeoutPhase): TrunklineError {
    const { timeout, firstByteTimeout, idleTimeout } = this.#options;
    const limit = phase === "first_byte" ? firstByteTimeout : phase === "idle" ? idleTimeout : timeout;
    return new TrunklineError("timeout", `${name}: no answer within ${limit} ms (${phase})`, {
      phase,
      provider: name,
      model: this.#answer.model,
      retryable: this.#sent === 0,
    });
  }

  #fail(error: unknown): void {
    this.#clean();
    this.#reject(error);
  }

  #clean(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#options.signal?.removeEventListener("abort", this);
  }
}

/** The first deadline that this answer will miss; at Infinity when it misses none. */
function firstCut(answer: SimulatedAnswer, perTokenMs: number, options: CallOptions): Cut {
  const { firstTokenMs, totalMs } = answer;
  const streaming = options.onDelta !== undefined;
  const cuts: Cut[] = [{ atMs: Number.POSITIVE_INFINITY, phase: "total" }];
  if ((streaming ? firstTokenMs : totalMs) > options.firstByteTimeout) {
    cuts.push({ atMs: options.firstByteTimeout, phase: "first_byte" });
  }
  if (streaming && perTokenMs > options.idleTimeout) {
    cuts.push({ atMs: firstTokenMs + options.idleTimeout, phase: "idle" });
  }
  if (totalMs > options.timeout) cuts.push({ atMs: options.timeout, phase: "total" });
  return cuts.reduce((first, cut) => (cut.atMs < first.atMs ? cut : first));
}
