import { type Cache, type CacheParts, type LineFacts, Cache as TheCache } from "../../src/cache/cache.ts";
import { type Call, type CallOptions, compose, type Delta, newRecord } from "../../src/core/call.ts";
import { caller } from "../../src/core/caller.ts";
import { type Completion, type CompletionDetails, completion } from "../../src/core/completion.ts";
import { type ChatRequest, type Input, makeRequest, type Sampling } from "../../src/core/request.ts";
import type { Leave } from "../../src/core/signals.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

const never = Number.POSITIVE_INFINITY;

/** One piece of work that reached the backend, ended by hand. */
export interface Work {
  readonly request: ChatRequest;
  readonly options: CallOptions;
  answer(text?: string, details?: CompletionDetails): void;
  resolve(answer: Completion): void;
  fail(error: unknown): void;
  say(delta: string | Delta): void;
}

/** What one call has given so far. */
export interface Given {
  readonly promise: Promise<Completion>;
  readonly options: CallOptions;
  readonly abort: (reason?: unknown) => void;
  readonly deltas: Delta[];
  readonly text: () => string;
}

export interface Ask extends Partial<CallOptions> {
  readonly stream?: boolean;
  readonly request?: ChatRequest;
}

/** A Client: its line through `caller` and the cache to the same backend as all others. */
export interface Line {
  readonly call: Call;
  readonly open: Set<Leave>;
}

/** A cache in memory over a backend whose work a test ends by hand. */
export class Rig {
  readonly clock = new FakeClock();
  readonly warnings: string[] = [];
  readonly cache: Cache;
  readonly works: Work[] = [];
  readonly main: Line;

  constructor(parts: Partial<CacheParts> = {}) {
    const logger = { debug() {}, info() {}, warn: (message: string) => this.warnings.push(message) };
    this.cache = new TheCache({
      clock: this.clock,
      logger: () => logger,
      options: { tiers: ["memory"] },
      ...parts,
    });
    this.main = this.line({});
  }

  line(facts: Partial<LineFacts>): Line {
    const open = new Set<Leave>();
    const layers = [
      caller(this.clock, open),
      this.cache.layer({ identity: "openai https://api.test/v1", client: "main#1", open, ...facts }),
    ];
    return { open, call: compose(layers, (request, options) => this.#work(request, options)) };
  }

  #work(request: ChatRequest, options: CallOptions): Promise<Completion> {
    const { promise, resolve, reject } = Promise.withResolvers<Completion>();
    options.record.attempts++;
    options.signal?.addEventListener("abort", () => reject(options.signal!.reason));
    this.works.push({
      request,
      options,
      answer: (text = "An answer.", details = {}) =>
        resolve(completion(text, { inputTokens: 3, outputTokens: 2, model: request.model, ...details })),
      resolve,
      fail: reject,
      say: (delta) => options.onDelta!(typeof delta === "string" ? { text: delta } : delta),
    });
    return promise;
  }

  ask(over: Ask = {}, line = this.main): Given {
    const { stream, request = ask("Say hi."), ...own } = over;
    const controller = new AbortController();
    const deltas: Delta[] = [];
    const options: CallOptions = {
      signal: controller.signal,
      onDelta: stream ? (delta) => deltas.push(delta) : undefined,
      deadlineAt: never,
      timeout: 1000,
      firstByteTimeout: 1000,
      idleTimeout: 1000,
      queueTimeout: never,
      maxQueue: 10,
      maxRetries: 0,
      abandonAfter: 1000,
      priority: "interactive",
      fairnessKey: "",
      prefixSharing: false,
      cache: { mode: "use", scope: "" },
      watch: {},
      record: newRecord(this.clock.now()),
      ...own,
    };
    const promise = line.call(request, options);
    promise.catch(() => {});
    return {
      promise,
      options,
      deltas,
      abort: (reason) => controller.abort(reason),
      text: () => deltas.map(({ text }) => text).join(""),
    };
  }

  /** Asks, has the backend answer if it is reached, and brings the answer. */
  async get(over: Ask = {}, line = this.main, text?: string): Promise<Completion> {
    const before = this.works.length;
    const { promise } = this.ask(over, line);
    await settled();
    for (const work of this.works.slice(before)) work.answer(text);
    return promise;
  }
}

export function ask(input: Input = "Say hi.", sampling: Sampling = {}, model = "m"): ChatRequest {
  return makeRequest(model, input, sampling, {});
}

/** Lets everything that is already resolved run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
