import type { Call, CallOptions, Layer } from "../../src/core/call.ts";
import type { Completion } from "../../src/core/completion.ts";
import { CallSignal } from "../../src/core/signals.ts";
import { requestKey } from "./question.ts";
import type { Fault } from "./stack.ts";

type Ask = (...given: Parameters<Call>) => Promise<Completion>;

/** A cache of another make, for those calls that want one. */
const made =
  (make: (next: Call) => Ask): ((real: Layer) => Layer) =>
  () =>
  (next) => {
    const ask = make(next);
    return (request, options) =>
      options.cache === undefined ? next(request, options) : ask(request, options);
  };

/** The real cache, told something else than its caller said. */
const told =
  (say: (options: CallOptions) => CallOptions): ((real: Layer) => Layer) =>
  (real) =>
  (next) => {
    const cached = real(next);
    return (request, options) => cached(request, options.cache === undefined ? options : say(options));
  };

/** What every tutorial shows: a map of promises. What is in it stays as long as `keeps` says. */
const map = (keeps: "all" | "answers" | "nothing", share: (options: CallOptions) => CallOptions = (o) => o) =>
  made((next) => {
    const known = new Map<string, Promise<Completion>>();
    return (request, options) => {
      const key = requestKey(request, options);
      const found = known.get(key);
      if (found !== undefined) return found;
      const answer = next(request, share(options));
      known.set(key, answer);
      const forget = (): void => {
        known.delete(key);
      };
      answer.then(keeps === "nothing" ? forget : () => {}, keeps === "all" ? () => {} : forget);
      return answer;
    };
  });

export const cacheFaults: readonly Fault[] = [
  {
    what: "a cache that joins nobody",
    breaks: "one-send-a-question",
    mutation: { cache: made((next) => next) },
  },
  {
    what: "a cache that never looks",
    breaks: "paid-once-while-stored",
    mutation: { cache: told((options) => ({ ...options, cache: { ...options.cache!, mode: "refresh" } })) },
  },
  {
    what: "a cache that keeps nothing",
    breaks: "paid-once-while-stored",
    mutation: { cacheOptions: (options) => ({ ...options, memoryBytes: 0, tiers: ["memory"] }) },
  },
  {
    what: "a key without the scope",
    breaks: "answers-keep-apart",
    mutation: { cache: told((options) => ({ ...options, cache: { ...options.cache!, scope: "" } })) },
  },
  {
    what: "a key without the rollout",
    breaks: "answers-keep-apart",
    mutation: { cache: told(({ rolloutId: _, ...options }) => options) },
  },
  {
    what: "a key without the model",
    breaks: "answers-keep-apart",
    mutation: {
      // All clients have one table, as one process has.
      cache: (real) => (next) => {
        const models = new WeakMap<object, string>();
        const cached = real((request, options) =>
          next({ ...request, model: models.get(options.headers!) ?? request.model }, options),
        );
        return (request, options) => {
          models.set(options.headers!, request.model);
          return cached({ ...request, model: "any" }, options);
        };
      },
    },
  },
  { what: "a cache that is never cleared", breaks: "forgotten-is-gone", mutation: { cache: map("answers") } },
  {
    what: "a cache that forgets the time to live",
    breaks: "forgotten-is-gone",
    mutation: {
      cache: told(({ cache, ...options }) => ({
        ...options,
        cache: { mode: cache!.mode, scope: cache!.scope },
      })),
    },
  },
  { what: "a remembered failure", breaks: "failures-forgotten", mutation: { cache: map("all") } },
  {
    what: "a stored answer that is asked for all the same",
    breaks: "a-hit-costs-nothing",
    mutation: {
      cache: (real) => (next) => {
        const cached = real(next);
        return async (request, options) => {
          const answer = await cached(request, options);
          if (answer.cacheHit) await next(request, options).catch(() => {});
          return answer;
        };
      },
    },
  },
  {
    what: "joined work that ends with its first caller",
    breaks: "leavers-leave-alone",
    mutation: { cache: map("nothing") },
  },
  {
    what: "joined work that nothing ends",
    breaks: "leavers-leave-alone",
    mutation: { cache: map("nothing", (options) => ({ ...options, signal: new CallSignal() })) },
  },
  {
    what: "joined work that keeps the deadline and priority of its beginning",
    breaks: "joined-work-serves-all",
    mutation: { aboveRetry: (next) => (request, options) => next(request, { ...options }) },
  },
  { what: "a chain of one model", breaks: "an-outage-costs-no-call", mutation: { fallbacks: () => [] } },
  {
    what: "a memory without its bound",
    breaks: "memory-bound",
    mutation: {
      cacheOptions: (options) => ({ ...options, memoryBytes: options.memoryBytes! * 50, tiers: ["memory"] }),
    },
  },
];
