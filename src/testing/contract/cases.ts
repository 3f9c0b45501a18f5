import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { getEventListeners } from "node:events";
import { type Call, newRecord } from "../../core/call.ts";
import { TrunklineError } from "../../core/errors.ts";
import { silent } from "../../core/log.ts";
import type { Part } from "../../core/message.ts";
import { type ChatRequest, type Input, makeRequest, type Sampling } from "../../core/request.ts";
import type { Driver, DriverOptions } from "../../drivers/driver.ts";
import { guard } from "../../drivers/guard.ts";
import { FakeClock } from "../fake-clock.ts";
import { checkCompletion, checkFinish, checkUsage } from "./completion.ts";

/**
 * What the backend behind a driver does.
 * - `"answers"`: it answers well, with a text of at least a few words, as a stream where one is asked for.
 * - `"waits"`: it takes the request and never says anything.
 * - `"stalls"`: it streams at least one delta and then says nothing more.
 * - `"fails"`: it refuses every request.
 */
export type Situation = "answers" | "waits" | "stalls" | "fails";

/** A driver before its backend, and what the suite may know of it. */
export interface DriverUnderTest {
  readonly driver: Driver;
  /** The model to ask for. Default "test-model". */
  readonly model?: string;
  /** Settles when the backend has seen the work of every aborted call stop. */
  readonly stopped?: () => Promise<unknown>;
  readonly close?: () => Promise<unknown>;
}

/** A driver behind its guard, as programs meet it. */
class Bench {
  readonly under: DriverUnderTest;
  readonly #call: Call;

  constructor(under: DriverUnderTest) {
    this.under = under;
    // A clock that stands still: a driver that does not hear its signal is not saved by a deadline.
    this.#call = guard(under.driver, { clock: new FakeClock(), logger: () => silent });
  }

  request(input: Input = "Say a few words.", sampling: Sampling = {}): ChatRequest {
    return makeRequest(this.under.model ?? "test-model", input, sampling, {});
  }

  ask(options: Partial<DriverOptions> = {}, request = this.request()) {
    return this.#call(request, { ...endless, record: newRecord(0), ...options });
  }

  /** Past the guard, which hands a signal of its own to drivers from outside. */
  askBare(options: Partial<DriverOptions>) {
    return this.under.driver.chat(this.request(), { ...endless, record: newRecord(0), ...options });
  }
}

const never = Number.POSITIVE_INFINITY;

const endless: Omit<DriverOptions, "record"> = {
  deadlineAt: never,
  timeout: never,
  firstByteTimeout: never,
  idleTimeout: never,
  queueTimeout: never,
  maxQueue: never,
  maxRetries: 0,
  abandonAfter: never,
  priority: "interactive",
  fairnessKey: "contract",
  prefixSharing: false,
  watch: {},
};

interface Case {
  readonly title: string;
  readonly situation: Situation;
  readonly run: (bench: Bench) => Promise<void>;
}

/** Everything a driver must hold, by the names that `skip` uses. */
export const cases = {
  plainAnswer: {
    title: "a plain answer is a completion: plain data that survives JSON",
    situation: "answers",
    async run(bench) {
      checkCompletion(await bench.ask());
    },
  },
  usage: {
    title: "usage is counted in whole numbers that add up",
    situation: "answers",
    async run(bench) {
      checkUsage(await bench.ask());
      checkUsage(await bench.ask({ onDelta() {} }));
    },
  },
  finishReason: {
    title: "the finish reason comes in our words and in the provider's",
    situation: "answers",
    async run(bench) {
      checkFinish(await bench.ask());
      checkFinish(await bench.ask({ onDelta() {} }));
    },
  },
  streaming: {
    title: "deltas add up to the answer's text",
    situation: "answers",
    async run(bench) {
      let text = "";
      let settled = false;
      const onDelta: DriverOptions["onDelta"] = (delta) => {
        ok(!settled, "no delta comes after the answer");
        if ((delta.choice ?? 0) === 0) text += delta.text;
      };
      const answer = await bench.ask({ onDelta });
      settled = true;
      checkCompletion(answer);
      ok(text.length > 0, "there is at least one delta with text");
      strictEqual(text, answer.text, "the deltas together are the text");
    },
  },
  parallel: {
    title: "two calls in parallel do not mix",
    situation: "answers",
    async run(bench) {
      const one = async (input: string): Promise<[string, string]> => {
        let text = "";
        const onDelta: DriverOptions["onDelta"] = (delta) => {
          text += delta.text;
        };
        const answer = await bench.ask({ onDelta }, bench.request(input));
        return [text, answer.text];
      };
      const pairs = await Promise.all(["Say a few words.", "Count to ten.", "Name a color."].map(one));
      for (const [streamed, whole] of pairs) strictEqual(streamed, whole, "each call's deltas are its own");
    },
  },
  requestUntouched: {
    title: "the request is read and not changed",
    situation: "answers",
    async run(bench) {
      const request = bench.request([
        { role: "user", content: [{ type: "text", text: "Say a few words." }] },
      ]);
      const before = JSON.stringify(request);
      await bench.ask({}, request);
      strictEqual(JSON.stringify(request), before);
    },
  },
  abortBefore: {
    title: "a call whose signal is aborted sends nothing and rejects with the reason",
    situation: "answers",
    async run(bench) {
      const { reason, signal, abort } = aborter();
      abort();
      let sent = 0;
      await rejects(bench.ask({ signal, watch: { onSent: () => sent++ } }), (error) => error === reason);
      strictEqual(sent, 0, "nothing was sent");
    },
  },
  abortWaiting: {
    title: "an abort while waiting settles the call with the reason and stops the work",
    situation: "waits",
    async run(bench) {
      const { reason, signal, abort } = aborter();
      const pending = bench.ask({ signal });
      const settled = rejects(pending, (error) => error === reason);
      await Promise.race([turn(), settled]);
      abort();
      await settled;
      await bench.under.stopped?.();
    },
  },
  abortStreaming: {
    title: "an abort in the middle of a stream settles the call with the reason and stops the work",
    situation: "stalls",
    async run(bench) {
      const { reason, signal, abort } = aborter();
      let aborted = false;
      const first = Promise.withResolvers<void>();
      const onDelta = (): void => {
        ok(!aborted, "no delta comes after the abort");
        first.resolve();
      };
      const pending = bench.ask({ signal, onDelta });
      const settled = rejects(pending, (error) => error === reason);
      await Promise.race([first.promise, settled]);
      aborted = true;
      abort();
      await settled;
      await bench.under.stopped?.();
    },
  },
  noListenerLeft: {
    title: "no listener stays on the signal after an answer",
    situation: "answers",
    async run(bench) {
      const { signal } = aborter();
      await bench.ask();
      await bench.askBare({ signal });
      await bench.askBare({ signal, onDelta() {} });
      strictEqual(getEventListeners(signal, "abort").length, 0, "listeners left after an answer");
    },
  },
  errors: {
    title: "a failure is a TrunklineError with a code, and leaves no listener",
    situation: "fails",
    async run(bench) {
      const { signal } = aborter();
      for (const onDelta of [undefined, () => {}]) {
        const error = await bench.ask({ onDelta }).then(
          () => undefined,
          (error: unknown) => error,
        );
        ok(error instanceof TrunklineError, `expected a TrunklineError, got ${error}`);
        ok(error.code !== "aborted", "a failure is not an abort");
        await rejects(bench.askBare({ signal, onDelta }));
      }
      strictEqual(getEventListeners(signal, "abort").length, 0, "listeners left after a failure");
    },
  },
  abilities: {
    title: "what the driver cannot carry is refused before anything is sent",
    situation: "answers",
    async run(bench) {
      let sent = 0;
      const watch = { onSent: () => sent++ };
      for (const request of beyond(bench)) {
        await rejects(bench.ask({ watch }, request), (error) => {
          ok(error instanceof TrunklineError);
          deepStrictEqual([error.code, error.sent], ["bad_request", false]);
          return true;
        });
      }
      strictEqual(sent, 0, "nothing was sent");
    },
  },
} as const satisfies Record<string, Case>;

export type DriverCase = keyof typeof cases;

/** Runs one case against a driver made for it. */
export async function runCase(
  name: DriverCase,
  make: (situation: Situation) => Promise<DriverUnderTest>,
): Promise<void> {
  const { situation, run } = cases[name];
  const under = await make(situation);
  try {
    await run(new Bench(under));
  } finally {
    await under.driver.close?.();
    await under.close?.();
  }
}

/** One request for each thing that the driver says it cannot carry. */
function beyond(bench: Bench): ChatRequest[] {
  const { abilities } = bench.under.driver;
  const withPart = (part: Part): ChatRequest => bench.request([{ role: "user", content: [part] }]);
  const data = { data: "aGk=", mediaType: "application/octet-stream" };
  return [
    !abilities.images && withPart({ type: "image", ...data }),
    !abilities.files && withPart({ type: "file", ...data }),
    !abilities.tools && bench.request("Hi.", { tools: [{ name: "look", inputSchema: { type: "object" } }] }),
    !abilities.choices && bench.request("Hi.", { n: 2 }),
    abilities.responseFormat === "text" && bench.request("Hi.", { responseFormat: { type: "json" } }),
    abilities.responseFormat !== "json_schema" &&
      bench.request("Hi.", { responseFormat: { type: "json_schema", schema: { type: "object" } } }),
  ].filter((request) => request !== false);
}

function aborter() {
  const controller = new AbortController();
  const reason = new TrunklineError("aborted", "the suite aborted the call");
  return { reason, signal: controller.signal, abort: () => controller.abort(reason) };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
