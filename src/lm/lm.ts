import { AsyncLocalStorage } from "node:async_hooks";
import { type CacheUse, type CallOptions, type Delta, newRecord } from "../core/call.ts";
import { type Check, checkOptions } from "../core/check.ts";
import type { Completion } from "../core/completion.ts";
import { TrunklineError } from "../core/errors.ts";
import { frozenCopy } from "../core/plain-copy.ts";
import {
  type ChatRequest,
  type Input,
  makeEmbedRequest,
  makeRequest,
  type Sampling,
  samplingChecks,
} from "../core/request.ts";
import { type Abilities, Target, type TargetOptions, targetChecks, trunk } from "../trunk.ts";
import { type BatchResult, batch } from "./batch.ts";
import { type CacheOption, cacheUse, plainUse } from "./cache-use.ts";
import { type Embedding, type EmbedInit, embedInitChecks, joinEmbeddings, slices } from "./embedding.ts";
import { digestOf } from "./kept-rows.ts";
import { type Behaviour, behaviourChecks, type CallInit, callChecks } from "./options.ts";
import { type RowsOptions, rowsChecks, type Source } from "./rows.ts";
import { currentScope, type Scope } from "./scope.ts";
import { CompletionStream } from "./stream.ts";

/** What `new LM` takes: the identity of its Client, the defaults of each call, and how calls behave. */
export interface LMOptions extends TargetOptions, Sampling, Behaviour {
  /**
   * Models to ask, in this order, when this one fails: names, read from the environment as `new LM(name)` would, or
   * LMs. Each has its own Client, lane and cache entries. Of an LM only its model and its Client are taken: the
   * question is asked with this LM's temperature, tools and so on, and its own fallbacks are not asked. Default: none.
   */
  readonly fallbacks?: readonly (string | LM)[];
}

/** What `lm.batch` takes: how the rows run, and what each call says. */
export interface BatchOptions extends RowsOptions, Omit<CallInit, "onDelta" | "signal"> {}

/** An LM's own defaults of its calls. */
type Settings = Sampling & Behaviour;

const settingChecks = { ...behaviourChecks, ...samplingChecks };
export const fallbacks: Check = (value) =>
  Array.isArray(value) && value.every((each) => typeof each === "string" || each instanceof LM)
    ? undefined
    : 'a list of LMs or of names, such as "openai/gpt-4o-mini"';
const optionChecks = { ...settingChecks, ...targetChecks, fallbacks };
const noScope: Scope = Object.freeze({});

const { onDelta: _, ...streamChecks } = callChecks;
const batchChecks = { ...streamChecks, ...rowsChecks };

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
  readonly #settings: Settings;

  constructor(model: string, options?: LMOptions);
  /** For subclasses that bring a target of their own. */
  constructor(target: Target, options: Settings & Pick<LMOptions, "fallbacks">);
  constructor(model: string | Target, options: LMOptions = {}) {
    const target = model instanceof Target ? model : targetOf(model, options);
    const others = options.fallbacks?.map((each) =>
      typeof each === "string" ? targetOf(each) : each.#target,
    );
    this.#target = others?.length ? target.withFallbacks(others) : target;
    this.#settings = settingsOf(options);
  }

  /** The name it was made with, such as "openai/gpt-4o-mini". */
  get model(): string {
    return this.#target.name;
  }

  /** Names the model and the endpoint that answers for it: equal for LMs that ask the same. */
  get identity(): string {
    return this.#target.identity;
  }

  /** What it can carry; with fallbacks, what all of them can. */
  get abilities(): Abilities {
    return this.#target.abilities;
  }

  /** The adapter that suits it best, where its driver says so. */
  get prefers(): string | undefined {
    return this.#target.prefers;
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
  call(input: Input, init: CallInit = plainCall): Promise<Completion> {
    try {
      if (init !== plainCall) checkOptions("call", init, callChecks);
      const scope = currentScope() ?? noScope;
      return this.#send(input, init, scope, scope.signals);
    } catch (error) {
      return Promise.reject(error);
    }
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
    checkOptions("stream", init, streamChecks);
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
    checkOptions("batch", options, batchChecks);
    const names = Object.keys(options) as (keyof BatchOptions)[];
    const ofCalls = Object.fromEntries(
      names.filter((name) => !(name in rowsChecks)).map((name) => [name, options[name]]),
    );
    // What decides of an answer beside the question, so that rows kept in a file are those of this batch.
    const identity = () => ({
      run: "lm.batch",
      model: this.model,
      settings: digestOf(samplingOf({ ...this.#settings, ...currentScope(), ...ofCalls })),
    });
    return batch(this.#target.clock, inputs, (input) => this.call(input, ofCalls), options, identity);
  }

  /**
   * The vectors of many texts, one each, in order: through the same cache, retries and admission as any call.
   *
   * ```ts
   * const { vectors } = await lm.embed(["one", "two"]);
   * console.log(vectors.length, vectors[0]!.length);
   * ```
   */
  async embed(texts: readonly string[], init: EmbedInit = plainCall): Promise<Embedding> {
    if (init !== plainCall) checkOptions("embed", init, embedInitChecks);
    const { dimensions, extra, ...calls } = init;
    const scope = currentScope() ?? noScope;
    const { model, embedTexts } = this.#target;
    const parts = slices(texts, embedTexts).map((some) => {
      const request = makeEmbedRequest(model, some, { dimensions, extra });
      return this.#ask(request, calls, scope, scope.signals);
    });
    return joinEmbeddings(await Promise.all(parts));
  }

  #send(
    input: Input,
    init: CallInit,
    scope: Scope,
    outerSignals: readonly AbortSignal[] | undefined,
  ): Promise<Completion> {
    const sampling =
      scope.temperature !== undefined && init.temperature === undefined
        ? { ...init, temperature: scope.temperature }
        : init;
    const request = makeRequest(this.#target.model, input, sampling, this.#settings);
    return this.#ask(request, init, scope, outerSignals);
  }

  #ask(
    request: ChatRequest,
    init: CallInit,
    scope: Scope,
    outerSignals: readonly AbortSignal[] | undefined,
  ): Promise<Completion> {
    const { clock, config } = this.#target;
    const own = this.#settings;
    const now = clock.now();
    const deadlineAt = now + (init.deadline ?? own.deadline ?? Number.POSITIVE_INFINITY);
    const listener = init.onDelta && listenerOf(init.onDelta);
    const options: CallOptions = {
      signal: init.signal,
      outerSignals: listener ? [listener.signal, ...(outerSignals ?? [])] : outerSignals,
      onDelta: listener?.onDelta,
      deadlineAt: Math.min(deadlineAt, scope.deadlineAt ?? Number.POSITIVE_INFINITY),
      timeout: init.timeout ?? config.timeout,
      // A timeout of the call's own replaces what the configuration says of its parts, too.
      firstByteTimeout: init.firstByteTimeout ?? init.timeout ?? config.firstByteTimeout,
      idleTimeout: init.idleTimeout ?? init.timeout ?? config.idleTimeout,
      queueTimeout: init.queueTimeout ?? own.queueTimeout ?? Number.POSITIVE_INFINITY,
      maxQueue: init.maxQueue ?? own.maxQueue ?? 100_000,
      maxRetries: init.maxRetries ?? config.maxRetries,
      abandonAfter: init.abandonAfter ?? own.abandonAfter ?? 30_000,
      priority: init.priority ?? own.priority ?? scope.priority ?? "interactive",
      fairnessKey: init.fairnessKey ?? own.fairnessKey ?? scope.fairnessKey ?? "",
      headers: init.headers,
      cache: useOf(init.cache, scope.cache, own.cache),
      rolloutId: init.rolloutId ?? scope.rolloutId,
      prefixSharing: init.prefixSharing ?? own.prefixSharing ?? "auto",
      price: init.price ?? own.price,
      watch: {},
      record: newRecord(now),
    };
    const answer = this.#target.call(request, options);
    const { onAnswer } = scope;
    if (onAnswer === undefined) return answer;
    return answer.then((completion) => {
      onAnswer(completion);
      return completion;
    });
  }
}

/** What of the settings of a call changes its answer. */
function samplingOf(settings: object): Record<string, unknown> {
  const entries = Object.entries(settings);
  return Object.fromEntries(
    entries.filter(([name]) => name === "rolloutId" || Object.hasOwn(samplingChecks, name)),
  );
}

function targetOf(model: string, options: LMOptions = {}): Target {
  checkOptions("LM", options, optionChecks);
  return trunk().target(model, options);
}

const noSettings: Settings = Object.freeze({});

/** The given defaults of calls, copied. What a Client's configuration holds is not among them. */
function settingsOf(options: LMOptions): Settings {
  let settings: Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || Object.hasOwn(targetChecks, name) || !Object.hasOwn(settingChecks, name))
      continue;
    settings ??= {};
    settings[name] = name === "cache" ? snapshot(value) : frozenCopy(value, name);
  }
  return settings === undefined ? noSettings : Object.freeze(settings);
}

/** A cache option as it is now; a scope made by `cache.scope` is more than plain data. */
function snapshot(cache: unknown): unknown {
  return typeof cache === "object" ? Object.freeze({ ...cache }) : cache;
}

function useOf(...options: readonly (CacheOption | undefined)[]): CacheUse {
  return options.every((option) => option === undefined) ? plainUse : cacheUse(...options);
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
  const end = (cause: unknown): void =>
    controller.abort(
      new TrunklineError("aborted", "the call was aborted because its onDelta listener failed", { cause }),
    );
  return {
    signal: controller.signal,
    onDelta(delta) {
      if (controller.signal.aborted) return;
      try {
        const returned: unknown = inContext(onDelta, delta);
        // A listener may be an async function; what it rejects with must not end the process.
        if (returned instanceof Promise) returned.catch(end);
      } catch (cause) {
        end(cause);
      }
    },
  };
}
