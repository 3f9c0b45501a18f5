import { type Call, type CallOptions, type Layer, newRecord } from "../../src/core/call.ts";
import type { Completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { ChatRequest } from "../../src/core/request.ts";
import { cacheFaults } from "./cache-mutations.ts";
import { callerOf } from "./question.ts";
import type { ClientSight } from "./sight.ts";
import type { Fault } from "./stack.ts";
import type { World } from "./world.ts";

/** An admission without any judgement: it takes the slots, whatever they say, and goes. */
const reckless = (client: ClientSight): Layer => {
  const { slots } = client;
  return (next) => async (request, options) => {
    for (const each of slots) each.take();
    options.record.attempts++;
    try {
      return await next(request, options);
    } finally {
      for (const each of slots) each.give();
    }
  };
};

/** An admission that keeps the caps and starts what waits in the order of `goesFirst`; it hears no abort. */
function queueing(goesFirst: (a: CallOptions, b: CallOptions) => number, most = Number.POSITIVE_INFINITY) {
  return (client: ClientSight, world: World): Layer => {
    const waiting: { readonly options: CallOptions; readonly go: () => void }[] = [];
    const { slots } = client;
    const pump = (): void => {
      waiting.sort((a, b) => goesFirst(a.options, b.options));
      while (waiting.length > 0 && slots.every((each) => each.free) && slots[0]!.used < most) {
        for (const each of slots) each.take();
        waiting.shift()!.go();
      }
    };
    for (const each of slots) each.onRoom(() => world.turn(pump));
    return (next) => async (request, options) => {
      await new Promise<void>((go) => {
        waiting.push({ options, go });
        world.turn(pump);
      });
      try {
        return await next(request, options);
      } finally {
        for (const each of slots) each.give();
      }
    };
  };
}

const fail = (code: "timeout" | "server_error") => new TrunklineError(code, "made up", { phase: "connect" });

/** Runs `then` with what every attempt failed with. */
const onFailure =
  (
    then: (error: unknown, next: Call, request: ChatRequest, options: CallOptions) => Promise<Completion>,
  ): Layer =>
  (next) =>
  (request, options) =>
    next(request, options).catch((error) => then(error, next, request, options));

const tryAgain: Layer = onFailure((_error, next, request, options) => next(request, options));

const tryForEver: Layer = (next) => {
  const again: Call = (request, options) =>
    next(request, options).catch((error) => {
      if (options.record.attempts > 30) throw error;
      return again(request, options);
    });
  return again;
};

export const faults: readonly Fault[] = [
  ...cacheFaults,
  {
    what: "an admission that does not look at the caps",
    breaks: "slots-cap",
    mutation: { admission: reckless },
  },
  {
    what: "a slot given back when the work starts",
    breaks: "slots-equal-work",
    mutation: {
      belowAdmission: (client) => (next) => async (request, options) => {
        client.slots[0]!.give();
        try {
          return await next(request, options);
        } finally {
          client.slots[0]!.take();
        }
      },
    },
  },
  {
    what: "a call that is forgotten",
    breaks: "settles-once",
    mutation: {
      top: (next) => (request, options) =>
        callerOf(options) === 3 ? new Promise(() => {}) : next(request, options),
    },
  },
  {
    what: "a delta after the end",
    breaks: "settles-once",
    mutation: {
      aboveRetry: (next) => (request, options) =>
        next(request, options).then((answer) => {
          queueMicrotask(() =>
            queueMicrotask(() => queueMicrotask(() => options.onDelta?.({ text: "more" }))),
          );
          return answer;
        }),
    },
  },
  {
    what: "work that goes on for a caller who has left",
    breaks: "nothing-after-leaving",
    mutation: {
      belowRetry: onFailure((_error, next, request, options) =>
        options.signal!.aborted
          ? next(request, {
              ...options,
              signal: new AbortController().signal,
              deadlineAt: Number.POSITIVE_INFINITY,
            })
          : Promise.reject(_error),
      ),
    },
  },
  {
    what: "a second attempt beside the first",
    breaks: "one-at-a-time",
    mutation: {
      belowRetry: (next) => (request, options) => {
        next(request, options).catch(() => {});
        return next(request, options);
      },
    },
  },
  {
    what: "a caller layer that hears no abort",
    breaks: "leaves-at-once",
    mutation: {
      top: (next) => (request, options) =>
        next(request, { ...options, signal: new AbortController().signal }),
    },
  },
  {
    what: "work that nobody ever writes off",
    breaks: "work-ends",
    mutation: {
      belowAdmission: () => (next) => (request, options) =>
        next(request, { ...options, abandonAfter: options.abandonAfter * 10 + 60_000 }),
    },
  },
  {
    what: "an admission that prefers the latest",
    breaks: "rank-kept",
    mutation: { admission: queueing((a, b) => b.record.arrivedAt - a.record.arrivedAt) },
  },
  {
    what: "an admission that forgets queueTimeout",
    breaks: "queue-timeout",
    mutation: { admission: queueing(() => 0, 2) },
  },
  { what: "one attempt too many", breaks: "attempts-bound", mutation: { belowRetry: tryAgain } },
  { what: "a retry after a delta", breaks: "no-retry-after-delta", mutation: { belowRetry: tryAgain } },
  {
    what: "a retry of what cannot succeed",
    breaks: "retry-only-what-may-succeed",
    mutation: { belowRetry: tryAgain },
  },
  {
    what: "a retry before the hint",
    breaks: "hint-kept",
    mutation: { belowRetry: tryAgain, admission: reckless },
  },
  { what: "a lane that goes on through its pause", breaks: "lane-paused", mutation: { admission: reckless } },
  {
    what: "an answer thrown away",
    breaks: "paid-answer-kept",
    mutation: {
      aboveRetry: (next) => (request, options) =>
        next(request, options).then(() => Promise.reject(fail("timeout"))),
    },
  },
  {
    what: "an answer that never comes up",
    breaks: "paid-answer-kept",
    mutation: {
      aboveRetry: (next) => (request, options) => next(request, options).then(() => new Promise(() => {})),
    },
  },
  {
    what: "a delta swallowed",
    breaks: "paid-answer-kept",
    mutation: {
      aboveRetry: (next) => (request, options) => next(request, { ...options, onDelta: undefined }),
    },
  },
  {
    what: "an error dressed up",
    breaks: "errors-explained",
    mutation: { aboveRetry: onFailure(() => Promise.reject(fail("server_error"))) },
  },
  {
    what: "an error of no catalogue",
    breaks: "errors-explained",
    mutation: { aboveRetry: onFailure(() => Promise.reject(new TypeError("oh"))) },
  },
  {
    what: "an admission that forgets maxQueue",
    breaks: "queue-bound",
    mutation: { admission: queueing(() => 0, 1) },
  },
  {
    what: "a refusal where there was room",
    breaks: "queue-bound",
    mutation: {
      belowRetry: (next) => (request, options) =>
        callerOf(options) % 5 === 0
          ? Promise.reject(new TrunklineError("queue_full", "made up"))
          : next(request, options),
    },
  },
  {
    what: "an admission that starts two calls and then sleeps",
    breaks: "no-starvation",
    mutation: { admission: queueing(() => 0, 2) },
  },
  {
    what: "an admission that prefers one key",
    breaks: "fair-between-keys",
    mutation: {
      admission: queueing((a, b) => String(b.fairnessKey).localeCompare(String(a.fairnessKey)), 1),
    },
  },
  {
    what: "retries without a budget",
    breaks: "retry-budget",
    mutation: { belowRetry: tryForEver, admission: reckless },
  },
  {
    what: "a configured rate that is not kept",
    breaks: "configured-rate-kept",
    mutation: { admission: reckless },
  },
  { what: "followers that do not wait", breaks: "prefix-paid-once", mutation: { admission: reckless } },
  {
    what: "a close that never ends",
    breaks: "close-keeps-its-word",
    mutation: { close: () => new Promise(() => {}) },
  },
  {
    what: "a close that says it is done and is not",
    breaks: "close-keeps-its-word",
    mutation: { close: () => Promise.resolve() },
  },
  {
    what: "a gauge that only grows",
    breaks: "counters-add-up",
    mutation: {
      belowAdmission: (client) => (next) => (request, options) => {
        (client.gauges as { queued: number }).queued++;
        return next(request, options);
      },
    },
  },
  {
    what: "a timer left behind",
    breaks: "nothing-left-behind",
    mutation: {
      belowAdmission: (_client, world) => (next) => (request, options) => {
        world.after(3_600_000, () => {});
        return next(request, options);
      },
    },
  },
  {
    what: "a listener left on the caller's signal",
    breaks: "nothing-left-behind",
    mutation: {
      top: (next) => (request, options) => {
        options.signal?.addEventListener("abort", () => {});
        return next(request, options);
      },
    },
  },
  {
    what: "a record that counts nothing",
    breaks: "record-true",
    mutation: {
      aboveRetry: (next) => (request, options) => next(request, { ...options, record: newRecord(0) }),
    },
  },
  {
    what: "a loop that never lets time move",
    breaks: "time-moves",
    mutation: {
      belowAdmission: (_client, world) => {
        const spin = (): void => world.turn(spin);
        return (next) => (request, options) => {
          spin();
          return next(request, options);
        };
      },
    },
  },
  {
    what: "a rejection that nobody hears",
    breaks: "no-stray-errors",
    mutation: {
      aboveRetry: (next) => (request, options) => {
        const answer = next(request, options);
        answer.finally(() => {});
        return answer;
      },
    },
  },
];
