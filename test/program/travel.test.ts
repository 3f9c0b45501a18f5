import { afterEach, describe, expect, test } from "vitest";
import { cache, context, Module, Predict, type RunInit } from "../../src/index.ts";
import { processClock } from "../../src/lm/process.ts";
import { gate, scriptedLM } from "../../src/testing/index.ts";

afterEach(() => cache.clear());

class Inner extends Module {
  ask = new Predict("question -> answer");
  forward(inputs: { question: string }) {
    return this.ask.call(inputs);
  }
}

/** Two levels, and two calls side by side in the inner one. */
class Outer extends Module {
  inner = new Inner();
  async forward({ question }: { question: string }) {
    const answers = await Promise.all(["a", "b"].map((end) => this.inner.call({ question: question + end })));
    return answers.map(({ answer }) => answer);
  }
}

const answering = () => scriptedLM(() => ({ answer: "yes" }), { cache: true });

/** One way to run a program with an init. */
type Way = (program: Outer, init: RunInit) => Promise<unknown>;

const ways: readonly (readonly [string, Way])[] = [
  ["call", (program, init) => program.call({ question: "?" }, init)],
  ["run", (program, init) => program.run({ question: "?" }, init)],
  ["stream", (program, init) => program.stream({ question: "?" }, init).prediction],
  ["batch", async (program, init) => unwrap(await program.batch([{ question: "?" }], init))],
  [
    "each",
    async (program, init) => {
      for await (const row of program.each([{ question: "?" }], init)) unwrap([row]);
    },
  ],
  [
    "context",
    (program, { lm, ...init }) => context({ ...init, lm: lm! }, () => program.call({ question: "?" })),
  ],
];

function unwrap(rows: readonly { readonly error?: Error | undefined }[]): void {
  for (const { error } of rows) if (error) throw error;
}

describe.each(ways)("%s", (_, way) => {
  test("its rolloutId, temperature and cache reach every call inside", async () => {
    const lm = answering();
    await way(new Outer(), { lm });
    await way(new Outer(), { lm });
    expect(lm.calls.length).toBe(2);
    await way(new Outer(), { lm, rolloutId: "other" });
    expect(lm.calls.length).toBe(4);
    await way(new Outer(), { lm, cache: false });
    expect(lm.calls.length).toBe(6);
    await way(new Outer(), { lm, temperature: 0.7 });
    expect(lm.calls.slice(6).map(({ request }) => request.temperature)).toEqual([0.7, 0.7]);
  });

  test("its signal aborts every call inside", async () => {
    const never = gate();
    const lm = scriptedLM(() => ["[[ ## answer ## ]]\n", never]);
    const controller = new AbortController();
    const run = way(new Outer(), { lm, signal: controller.signal });
    const outcome = expect(run).rejects.toMatchObject({ code: "aborted" });
    await lm.saw((calls) => calls.length === 2);
    controller.abort();
    await outcome;
    await lm.saw((calls) => calls.every(({ state }) => state === "aborted"));
  });

  test("its deadline is an instant that every call inside has", async () => {
    const lm = answering();
    const before = processClock().now();
    await way(new Outer(), { lm, deadline: 60_000 });
    const after = processClock().now();
    for (const { options } of lm.calls) {
      expect(options.deadlineAt).toBeGreaterThanOrEqual(before + 60_000);
      expect(options.deadlineAt).toBeLessThanOrEqual(after + 60_000);
    }
    expect(new Set(lm.calls.map(({ options }) => options.deadlineAt)).size).toBe(1);
  });
});

describe("what is said twice", () => {
  test("signals combine: each of them aborts", async () => {
    for (const which of [0, 1, 2]) {
      const never = gate();
      const lm = scriptedLM(() => ["[[", never]);
      const controllers = [new AbortController(), new AbortController(), new AbortController()] as const;
      const [first, second, third] = controllers.map(({ signal }) => signal) as [
        AbortSignal,
        AbortSignal,
        AbortSignal,
      ];
      class Own extends Module {
        ask = new Predict("question -> answer");
        forward(inputs: { question: string }) {
          return this.ask.call(inputs, { signal: third });
        }
      }
      const run = context({ signal: first }, () => new Own().call({ question: "?" }, { lm, signal: second }));
      const outcome = expect(run).rejects.toMatchObject({ code: "aborted" });
      await lm.saw((calls) => calls.length === 1);
      controllers[which]!.abort();
      await outcome;
    }
  });

  test.each([
    [1_000, 60_000],
    [60_000, 1_000],
  ])("of deadlines the smaller holds, wherever it was said: %i around %i", async (outer, inner) => {
    const lm = answering();
    const start = processClock().now();
    await context({ deadline: outer }, () => new Outer().call({ question: "?" }, { lm, deadline: inner }));
    await context({ deadline: outer }, () =>
      new Predict("q -> answer").call({ q: "?" }, { lm, deadline: inner }),
    );
    const end = processClock().now();
    for (const { options } of lm.calls) {
      expect(options.deadlineAt - 1_000).toBeGreaterThanOrEqual(start);
      expect(options.deadlineAt - 1_000).toBeLessThanOrEqual(end);
    }
  });

  test("of other values the innermost holds", async () => {
    const lm = answering();
    await context({ temperature: 0.1, rolloutId: "outer" }, () =>
      new Outer().call({ question: "?" }, { lm, temperature: 0.9, rolloutId: "inner" }),
    );
    const seen = lm.calls.map(({ request, options }) => [request.temperature, options.rolloutId]);
    expect(seen).toEqual([
      [0.9, "inner"],
      [0.9, "inner"],
    ]);
  });

  test("a deadline that passed ends a call", async () => {
    const lm = scriptedLM(() => "unreadable");
    const error = await new Predict("question -> answer: int")
      .call({ question: "?" }, { lm, deadline: Number.MIN_VALUE })
      .catch((e) => e);
    expect(error).toMatchObject({ code: "timeout", phase: "total" });
  });
});

describe("iterators keep the context of the place that made them", () => {
  test("each, stream and their first next() somewhere else", async () => {
    const lm = answering();
    const elsewhere = scriptedLM([]);
    const [rows, stream] = context({ lm, rolloutId: "made here" }, () => [
      new Outer().each([{ question: "?" }]),
      new Outer().stream({ question: "!" }),
    ]);
    await context({ lm: elsewhere, rolloutId: "read there" }, async () => {
      for await (const { prediction } of rows) expect(prediction).toEqual(["yes", "yes"]);
      for await (const event of stream)
        if (event.type === "prediction") expect(event.prediction).toEqual(["yes", "yes"]);
    });
    expect(lm.calls.map(({ options }) => options.rolloutId)).toEqual(Array(4).fill("made here"));
    expect(elsewhere.calls).toEqual([]);
  });
});

test("a wrong option of a run says whose it is and what it expects", async () => {
  const program = new Outer();
  await expect(program.call({ question: "?" }, { deadline: -1 })).rejects.toThrow(
    /^Outer\.call: deadline: expected/,
  );
  await expect(program.run({ question: "?" }, { temprature: 1 } as never)).rejects.toThrow(
    /^Outer\.run: unknown option "temprature"; did you mean "temperature"/,
  );
  await expect(program.batch([], { concurrencyy: 1 } as never)).rejects.toThrow(
    /^Outer\.batch: unknown option/,
  );
  expect(() => program.each([], { window: 0 })).toThrow(/^Outer\.each: window: expected/);
  expect(() => program.stream({ question: "?" }, { cache: "maybe" as never })).toThrow(
    /^Outer\.stream: cache/,
  );
});

/** Waits for something that no LM call and no tool tells it of. */
class Stuck extends Module {
  forward(_: { question: string }) {
    return new Promise<never>(() => {});
  }
}

test("a program that waits for something else leaves with its signal, and at its deadline, in rows too", async () => {
  const controller = new AbortController();
  const called = new Stuck().call({ question: "?" }, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(called).rejects.toMatchObject({ code: "aborted" });
  await expect(new Stuck().run({ question: "?" }, { deadline: 1 })).rejects.toMatchObject({
    code: "timeout",
  });
  const [row] = await new Stuck().batch([{ question: "?" }], { deadline: 1 });
  expect(row!.error).toMatchObject({ code: "timeout", phase: "total" });
});
