import type { CallOptions, Delta } from "../core/call.ts";
import type { Clock, Timer } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { isTrunklineError, type TimeoutPhase, TrunklineError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { ChatRequest } from "../core/request.ts";
import { abortError, type Signal } from "../core/signals.ts";
import { deliver } from "../wire/deltas.ts";
import { checkVectors, plainCompletion } from "./check-completion.ts";
import { plainDelta } from "./check-delta.ts";
import type { Driver, DriverOptions } from "./driver.ts";
import { ownError } from "./foreign-error.ts";

export interface GuardParts {
  readonly clock: Clock;
  readonly logger: () => Logger;
  /** Where calls that were written off are counted. */
  readonly counters?: { abandoned: number };
}

/** What the works of one driver share. */
export interface Post extends GuardParts {
  readonly driver: Driver;
  readonly trusted: boolean;
  /** Whether the one warning about abandoned work was given. */
  warned: boolean;
}

/** What a call rejects with once its signal has aborted. */
export function reasonOf(signal: Signal): TrunklineError {
  return isTrunklineError(signal.reason) ? signal.reason : abortError(signal);
}

function deadlineDuringStart(): TrunklineError {
  return new TrunklineError("timeout", "the call's deadline passed while its driver started", {
    phase: "total",
    retryable: false,
    sent: false,
  });
}

/** One call in the hands of a driver. */
export class Work {
  readonly #post: Post;
  readonly #request: ChatRequest;
  readonly #options: CallOptions;
  readonly #resolve: (completion: Completion) => void;
  readonly #reject: (error: unknown) => void;
  /** Aborts an outside driver, at its deadline or with the call; our own hear the call's signal. */
  #controller: AbortController | undefined;
  #timer: Timer | undefined;
  /** Why the driver should stop, once it was told to. */
  #stopped: TrunklineError | undefined;
  /** Why a delta was not taken: it was none, or its listener threw. The answer it belongs to is not delivered. */
  #refused: TrunklineError | undefined;
  #began = false;
  /** The first byte was reported. */
  #answering = false;
  /** A delta was handed on. */
  #told = false;
  #settled = false;

  constructor(
    post: Post,
    request: ChatRequest,
    options: CallOptions,
    resolve: (completion: Completion) => void,
    reject: (error: unknown) => void,
  ) {
    this.#post = post;
    this.#request = request;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    options.signal?.addEventListener("abort", this);
  }

  /** Runs when the driver has started; a start that takes longer than the attempt may is given up by this call. */
  runAfter(started: Promise<void>): void {
    const { timeout } = this.#options;
    this.#timer = this.#post.clock.after(timeout, () =>
      this.#stop(this.#late(`start within ${timeout} ms`, "connect")),
    );
    started.then(() => {
      this.#timer?.cancel();
      // The start may have outlasted the call, whose own timer may be late as well.
      if (this.#post.clock.now() > this.#options.deadlineAt) this.fail(deadlineDuringStart());
      else this.run();
    }, this.fail);
  }

  run(): void {
    if (this.#settled) return;
    this.#began = true;
    const { driver, trusted } = this.#post;
    try {
      const options = trusted ? this.#forOurs() : this.#forOutside();
      const request = this.#request;
      const answer =
        request.embed === undefined ? driver.chat(request, options) : driver.embed!(request, options);
      // An outside driver may have returned anything; its shape is looked at when it is there.
      (trusted ? answer : Promise.resolve(answer)).then(this.#done, this.fail);
    } catch (error) {
      this.fail(error);
    }
  }

  /** What our own drivers get: the call's options, with a listener that hears nothing too late. */
  #forOurs(): DriverOptions {
    const options = this.#options as DriverOptions;
    return options.onDelta === undefined ? options : { ...options, onDelta: (delta) => this.#hear(delta) };
  }

  /** What outside drivers get: a signal that keeps the deadline too, and no part in what the layers above count. */
  #forOutside(): DriverOptions {
    const options = this.#options;
    this.#controller = new AbortController();
    const { timeout } = options;
    this.#timer = this.#post.clock.after(timeout, () =>
      this.#stop(this.#late(`answer within ${timeout} ms`, "total")),
    );
    const { watch } = options;
    watch.onSent?.();
    return {
      ...options,
      signal: this.#controller.signal,
      onDelta: options.onDelta && ((delta) => this.#hear(delta)),
      watch: { onRate: (signals) => watch.onRate?.(signals), onFirstByte: () => this.#firstByte() },
    };
  }

  #firstByte(): void {
    if (this.#answering || this.#settled) return;
    this.#answering = true;
    this.#options.watch.onFirstByte?.();
  }

  #hear(came: Delta): void {
    // A deadline that passed unheard may still bring an answer; a caller that has left hears nothing.
    if (this.#settled || this.#refused !== undefined || this.#options.signal?.aborted) return;
    const delta = this.#post.trusted ? came : this.#checked(came);
    if (delta === undefined) return;
    this.#told = true;
    if (!this.#post.trusted) this.#firstByte();
    try {
      this.#options.onDelta!(delta);
    } catch (error) {
      this.#refuse(new TrunklineError("aborted", "the call's onDelta listener threw", { cause: error }));
    }
  }

  #checked(came: unknown): Delta | undefined {
    try {
      return plainDelta(came, this.#post.driver.name);
    } catch (error) {
      this.#refuse(error as TrunklineError);
    }
  }

  /**
   * Ends the call with `error`, whatever the driver makes of it. Ours hand it to whoever reads the answer; an outside
   * driver may be in a callback, where a throw would reach nobody who expects one, so it is told to stop instead.
   */
  #refuse(error: TrunklineError): void {
    this.#refused = error;
    if (this.#post.trusted) throw error;
    this.#stop(error);
  }

  readonly #done = (came: Completion): void => {
    if (this.#settled) return;
    if (this.#refused !== undefined) {
      this.fail(this.#refused);
      return;
    }
    try {
      const answer = this.#post.trusted ? came : this.#checkedAnswer(came);
      if (this.#request.embed !== undefined) checkVectors(answer, this.#request, this.#post.driver.name);
      this.#end();
      this.#resolve(answer);
    } catch (error) {
      this.fail(error);
    }
  };

  #checkedAnswer(came: unknown): Completion {
    const answer = plainCompletion(came, this.#post.driver.name);
    // Whoever asked for a stream gets one, even of a single piece.
    if (this.#options.onDelta !== undefined && !this.#told) deliver(answer, (delta) => this.#hear(delta));
    if (this.#refused !== undefined) throw this.#refused;
    return answer;
  }

  readonly fail = (came: unknown): void => {
    if (this.#settled) return;
    this.#end();
    this.#reject(this.#errorOf(came));
  };

  #errorOf(came: unknown): unknown {
    if (this.#refused !== undefined) return this.#refused;
    // A driver that was told to stop says so in many words; ours are the reason.
    return this.#stopped ?? ownError(came, this.#post.driver.name, this.#request);
  }

  /** The call's signal aborted. */
  handleEvent(): void {
    this.#stop(reasonOf(this.#options.signal!));
  }

  #stop(reason: TrunklineError): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = reason;
    // While the driver is starting it does nothing for this call yet.
    if (!this.#began) {
      this.fail(reason);
      return;
    }
    this.#timer?.cancel();
    this.#timer = this.#post.clock.after(this.#options.abandonAfter, () => this.#abandon(reason));
    this.#controller?.abort(reason);
  }

  #abandon(reason: TrunklineError): void {
    const { driver, counters, logger } = this.#post;
    if (counters !== undefined) counters.abandoned++;
    if (!this.#post.warned) {
      this.#post.warned = true;
      logger().warn(
        `trunkline: ${driver.name} did not end ${this.#options.abandonAfter} ms after its call was aborted; the call ` +
          "was written off. Pass `signal` on to whatever the driver waits for. Later cases are only counted.",
      );
    }
    this.#end();
    this.#reject(reason);
  }

  #late(what: string, phase: TimeoutPhase): TrunklineError {
    const { driver } = this.#post;
    return new TrunklineError("timeout", `${driver.name} did not ${what}`, {
      phase,
      provider: driver.name,
      model: this.#request.model,
      ...(phase === "connect" && { sent: false }),
    });
  }

  #end(): void {
    this.#settled = true;
    this.#timer?.cancel();
    this.#options.signal?.removeEventListener("abort", this);
  }
}
