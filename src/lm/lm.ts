import { AsyncLocalStorage } from "node:async_hooks";
import { type CallOptions, type Delta, newRecord } from "../core/call.ts";
import { checkOptions } from "../core/check.ts";
import type { Completion } from "../core/completion.ts";
import { TrunklineError } from "../core/errors.ts";
import { type Input, makeRequest, type Sampling, samplingChecks } from "../core/request.ts";
import { Target, type TargetOptions, targetChecks, trunk } from "../trunk.ts";
import { type BatchResult, batch } from "./batch.ts";
import {
  type Behaviour,
  behaviourChecks,
  type CallInit,
  callChecks,
  type Defaults,
  fillBehaviour,
} from "./options.ts";
import { type RowsOptions, rowsChecks, type Source } from "./rows.ts";
import { currentScope, type Scope } from "./scope.ts";
import { CompletionStream } from "./stream.ts";

/** What `new LM` takes: the identity of its Client, the defaults of each call, and how calls behave. */
export interface LMOptions extends TargetOptions, Sampling, Behaviour {}

/** What `lm.batch` takes: how the rows run, and what each call says. */
export interface BatchOptions extends RowsOptions, Omit<CallInit, "onDelta" | "signal"> {}

const optionChecks = { ...behaviourChecks, ...targetChecks, ...samplingChecks };
const samplingNames = Object.keys(samplingChecks) as (keyof Sampling)[];
const noScope: Scope = Object.freeze({});

/** A call that says nothing of its own. */
const plainCall: CallInit = Object.freeze({});

/**
 * A language model, as a program holds it. Cheap: it owns no connection, and a thousand of them with one
 * configuration share one Client and its sockets. Construction is synchronous and opens nothing.
 *
 * ```ts
 * const lm = new LM("openai/gpt-4o-mini", { temperature: 0 });
 * const answer = await lm.call("Say hi.");
 * console.log(answer.text, answer.usage.totalTokens);
 * ```
 */
export class LM {
  readonly #target: Target;
  readonly #sampling: Sampling;
  readonly #defaults: Defaults;

  constructor(model: string, options?: LMOptions);
  /** For subclasses that bring a target of their own. */
  constructor(target: Target, options: Sampling & Behaviour);
  constructor(model: string | Target, options: LMOptions = {}) {
    this.#target = model instanceof Target ? model : targetOf(model, options);
    this.#sampling = samplingOf(options);
    this.#defaults = fillBehaviour(options, this.#target.times);
  }

  /** The name it was made with, such as "openai/gpt-4o-mini". */
  get model(): string {
    return this.#target.name;
  }

  /** Whether `clients.close()` came after it was made; its calls then fail with `closed`. */
  get closed(): boolean {
    return this.#target.closed;
  }

  /**
   * Asks once and brings the whole answer.
   *
   * ```ts
   * await lm.call([{ role: "user", content: "Say hi." }], { temperature: 1, deadline: 5_000 });
   * ```
   */
  async call(input: Input, init: CallInit = plainCall): Promise<Completion> {
    if (init !== plainCall) checkOptions("call", init, callChecks);
    const scope = currentScope() ?? noScope;
    return this.#send(input, init, scope, scope.signals);
  }

  /**
   * Asks once and yields the answer while it is written. Nothing is sent before the first `next()` or the first
   * look at `completion`; leaving the loop early aborts the call.
   *
   * ```ts
   * const stream = lm.stream("Tell me a story.");
   * for await (const delta of stream) process.stdout.write(delta.text);
   * console.log((await stream.completion).usage);
   * ```
   */
  stream(input: Input, init: Omit<CallInit, "onDelta"> = plainCall): CompletionStream {
    checkOptions("stream", init, callChecks);
    return new CompletionStream(async (onDelta, left) => {
      const scope = currentScope() ?? noScope;
      return this.#send(input, { ...init, onDelta }, scope, [left, ...(scope.signals ?? [])]);
    });
  }

  /**
   * Asks many times, side by side, and brings every outcome in order. A prompt whose own side fails has its
   * `error`; a failure of the provider's that no later prompt could escape stops the batch.
   *
   * ```ts
   * const rows = await lm.batch(["one", "two"], { onProgress: ({ done, total }) => console.log(done, total) });
   * for (const row of rows) console.log(row.index, row.completion?.text ?? row.error);
   * ```
   */
  async batch(inputs: Source<Input>, options: BatchOptions = {}): Promise<BatchResult[]> {
    checkOptions("batch", options, { ...callChecks, ...rowsChecks });
    const names = Object.keys(options) as (keyof BatchOptions)[];
    const ofCalls = Object.fromEntries(
      names.filter((name) => !(name in rowsChecks)).map((name) => [name, options[name]]),
    );
    return batch(this.#target.clock, inputs, (input) => this.call(input, ofCalls), options);
  }

  #send(
    input: Input,
    init: CallInit,
    scope: Scope,
    outerSignals: readonly AbortSignal[] | undefined,
  ): Promise<Completion> {
    const { model, clock } = this.#target;
    const sampling =
      scope.temperature !== undefined && init.temperature === undefined
        ? { ...init, temperature: scope.temperature }
        : init;
    const request = makeRequest(model, input, sampling, this.#sampling);
    const now = clock.now();
    const defaults = this.#defaults;
    const deadlineAt = Math.min(
      now + (init.deadline ?? defaults.deadline),
      scope.deadlineAt ?? Number.POSITIVE_INFINITY,
    );
    const timeout = init.timeout ?? defaults.timeout;
    const listener = init.onDelta && listenerOf(init.onDelta);
    const options: CallOptions = {
      signal: init.signal,
      outerSignals: listener ? [listener.signal, ...(outerSignals ?? [])] : outerSignals,
      onDelta: listener?.onDelta,
      deadlineAt,
      timeout,
      firstByteTimeout: init.firstByteTimeout ?? init.timeout ?? defaults.firstByteTimeout,
      idleTimeout: init.idleTimeout ?? init.timeout ?? defaults.idleTimeout,
      queueTimeout: init.queueTimeout ?? defaults.queueTimeout,
      maxQueue: init.maxQueue ?? defaults.maxQueue,
      maxRetries: init.maxRetries ?? defaults.maxRetries,
      abandonAfter: init.abandonAfter ?? defaults.abandonAfter,
      priority: init.priority ?? defaults.priority ?? scope.priority ?? "interactive",
      fairnessKey: init.fairnessKey ?? defaults.fairnessKey ?? scope.fairnessKey ?? "",
      headers: init.headers,
      prefixSharing: init.prefixSharing ?? defaults.prefixSharing,
      price: init.price ?? defaults.price,
      watch: {},
      record: newRecord(now),
    };
    return this.#target.call(request, options);
  }
}

function targetOf(model: string, options: LMOptions): Target {
  checkOptions("LM", options, optionChecks);
  return trunk().target(model, options);
}

function samplingOf(options: Sampling): Sampling {
  const sampling: Record<string, unknown> = {};
  for (const name of samplingNames) if (options[name] !== undefined) sampling[name] = options[name];
  return Object.freeze(sampling);
}

/**
 * A caller's delta listener, bound to the caller's async context: deltas arrive in the context of a pooled socket.
 * One that throws ends its own call; it must not reach the socket's code.
 */
function listenerOf(onDelta: (delta: Delta) => void): {
  onDelta: (delta: Delta) => void;
  signal: AbortSignal;
} {
  const controller = new AbortController();
  const inContext = AsyncLocalStorage.snapshot();
  return {
    signal: controller.signal,
    onDelta(delta) {
      if (controller.signal.aborted) return;
      try {
        inContext(onDelta, delta);
      } catch (cause) {
        controller.abort(
          new TrunklineError("aborted", "the call was aborted because its onDelta listener threw", { cause }),
        );
      }
    },
  };
}
