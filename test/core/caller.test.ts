import { getEventListeners } from "node:events";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { type Call, type CallOptions, newRecord } from "../../src/core/call.ts";
import { caller } from "../../src/core/caller.ts";
import { type Completion, completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { makeRequest } from "../../src/core/request.ts";
import type { Leave } from "../../src/core/signals.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

const request = makeRequest("m", "Say hi.", {}, {});
const answer = completion("hi");

let clock: FakeClock;
let open: Set<Leave>;
/** The work below: what it was given, and how it is ended by hand. */
let work: { options: CallOptions; resolve(value: Completion): void; reject(error: unknown): void }[];
let call: Call;

beforeEach(() => {
  clock = new FakeClock();
  open = new Set();
  work = [];
  call = caller(
    clock,
    open,
  )((_, options) => {
    const { promise, resolve, reject } = Promise.withResolvers<Completion>();
    work.push({ options, resolve, reject });
    return promise;
  });
});

function options(over: Partial<CallOptions> = {}): CallOptions {
  return {
    deadlineAt: Number.POSITIVE_INFINITY,
    timeout: 1000,
    firstByteTimeout: 1000,
    idleTimeout: 1000,
    queueTimeout: 1000,
    maxQueue: 10,
    maxRetries: 0,
    abandonAfter: 1000,
    priority: "interactive",
    fairnessKey: "",
    prefixSharing: false,
    watch: {},
    record: newRecord(clock.now()),
    ...over,
  };
}

const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

function nothingLeft(...signals: AbortSignal[]): void {
  expect(open.size).toBe(0);
  expect(clock.pending).toBe(0);
  for (const signal of signals) expect(listeners(signal)).toBe(0);
}

describe("caller", () => {
  test("an answer and a failure pass through, and nothing is left", async () => {
    const { signal } = new AbortController();
    const good = call(request, options({ signal, deadlineAt: 500 }));
    work[0]!.resolve(answer);
    expect(await good).toBe(answer);
    const bad = call(request, options({ signal, deadlineAt: 500 }));
    const error = new TrunklineError("server_error", "down");
    work[1]!.reject(error);
    await expect(bad).rejects.toBe(error);
    nothingLeft(signal);
  });

  test("N12: the caller's signal is never handed down; 3,000 calls leave no listener on it", async () => {
    const { signal } = new AbortController();
    const calls = Array.from({ length: 3000 }, () => call(request, options({ signal })));
    expect(listeners(signal)).toBe(1);
    expect(work.every(({ options }) => options.signal !== undefined && options.signal !== signal)).toBe(true);
    for (const each of work) each.resolve(answer);
    await Promise.all(calls);
    nothingLeft(signal);
  });

  test("an abort settles the caller at once and is the work's reason; the work ends in its own time", async () => {
    const controller = new AbortController();
    const left = call(request, options({ signal: controller.signal, deadlineAt: 500 }));
    const reason = new Error("enough");
    controller.abort(reason);
    const error = await left.catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "aborted", cause: reason });
    expect(work[0]!.options.signal!.reason).toBe(error);
    nothingLeft(controller.signal);
    work[0]!.resolve(answer);
    await expect(left).rejects.toBe(error);
  });

  test("the work's failure after its caller left is nobody's unhandled rejection", async () => {
    const controller = new AbortController();
    const left = call(request, options({ signal: controller.signal }));
    controller.abort();
    await expect(left).rejects.toMatchObject({ code: "aborted" });
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", note);
    work[0]!.reject(new Error("too late"));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  test("a signal that has aborted already starts no work, whichever it is", async () => {
    const aborted = AbortSignal.abort("before");
    await expect(call(request, options({ signal: aborted }))).rejects.toMatchObject({ cause: "before" });
    const outerSignals = [new AbortController().signal, aborted];
    await expect(call(request, options({ outerSignals }))).rejects.toMatchObject({ cause: "before" });
    expect(work).toEqual([]);
    nothingLeft(outerSignals[0]!);
  });

  test("signals of enclosing runs are heard like the caller's own, and do not travel further down", async () => {
    const own = new AbortController();
    const inner = new AbortController();
    const outer = new AbortController();
    const outerSignals = [inner.signal, outer.signal];
    const left = call(request, options({ signal: own.signal, outerSignals }));
    expect(work[0]!.options.outerSignals).toBeUndefined();
    outer.abort("the run ended");
    await expect(left).rejects.toMatchObject({ code: "aborted", cause: "the run ended" });
    nothingLeft(own.signal, inner.signal, outer.signal);
  });

  test("the deadline ends the call as a timeout of the whole, which is not tried again", async () => {
    const late = call(request, options({ deadlineAt: 500 }));
    late.catch(() => {});
    await clock.advance(499);
    expect(work[0]!.options.signal!.aborted).toBe(false);
    await clock.advance(1);
    const error = await late.catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "timeout", phase: "total", retryable: false });
    expect(work[0]!.options.signal!.reason).toBe(error);
    nothingLeft();
  });

  test("a deadline that has passed already starts no work", async () => {
    await clock.advance(1000);
    for (const deadlineAt of [999, 1000]) {
      await expect(call(request, options({ deadlineAt }))).rejects.toMatchObject({
        code: "timeout",
        phase: "total",
      });
    }
    expect(work).toEqual([]);
    nothingLeft();
  });

  test("Z1: a closing client settles every call that is open", async () => {
    const calls = [call(request, options()), call(request, options({ deadlineAt: 500 }))];
    const settled = Promise.allSettled(calls);
    const closed = new TrunklineError("closed", "the client was closed");
    for (const leave of open) leave(closed);
    expect(await settled).toEqual(calls.map(() => ({ status: "rejected", reason: closed })));
    expect(work.every(({ options }) => options.signal!.reason === closed)).toBe(true);
    nothingLeft();
  });

  test("work that throws before it returns a promise leaves nothing behind either", async () => {
    const { signal } = new AbortController();
    const bug = new Error("bug");
    const broken = caller(
      clock,
      open,
    )(() => {
      throw bug;
    });
    await expect(broken(request, options({ signal, deadlineAt: 500 }))).rejects.toBe(bug);
    nothingLeft(signal);
  });

  test("whatever happens in whatever order, a call settles once, by what came first, and leaves nothing", async () => {
    const event = fc.constantFrom("answer", "failure", "abort", "outer abort", "deadline", "close");
    const expected = {
      answer: "ok",
      failure: "server_error",
      abort: "aborted",
      "outer abort": "aborted",
    } as const;
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 5 }), async (events) => {
        clock = new FakeClock();
        open = new Set();
        const own = new AbortController();
        const outer = new AbortController();
        const { promise, resolve, reject } = Promise.withResolvers<Completion>();
        const one = caller(clock, open)(() => promise);
        let settled = 0;
        const result = one(
          request,
          options({ signal: own.signal, outerSignals: [outer.signal], deadlineAt: 100 }),
        ).then(
          () => "ok",
          (error) => error.code,
        );
        result.then(() => settled++);
        for (const each of events) {
          if (each === "answer") resolve(answer);
          if (each === "failure") reject(new TrunklineError("server_error", "down"));
          if (each === "abort") own.abort();
          if (each === "outer abort") outer.abort();
          if (each === "deadline") await clock.advance(100);
          if (each === "close") for (const leave of open) leave(new TrunklineError("closed", "closed"));
          await new Promise((done) => setImmediate(done));
        }
        const first = events[0]!;
        const code = first === "deadline" ? "timeout" : first === "close" ? "closed" : expected[first];
        expect(await result).toBe(code);
        expect(settled).toBe(1);
        nothingLeft(own.signal, outer.signal);
      }),
      { numRuns: 200 },
    );
  });
});
