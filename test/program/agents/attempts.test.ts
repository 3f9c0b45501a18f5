import { getEventListeners } from "node:events";
import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import { clients, configure, context, type LM, TrunklineError } from "../../../src/index.ts";
import { processDefaults } from "../../../src/lm/scope.ts";
import { BestOfN } from "../../../src/program/best-of.ts";
import { Module } from "../../../src/program/module.ts";
import { Predict } from "../../../src/program/predict.ts";
import { Refine } from "../../../src/program/refine.ts";
import { scriptedLM } from "../../../src/testing/scripted-lm.ts";

const answers = (...texts: string[]) => scriptedLM(texts.map((answer) => ({ answer })));
const length = (_: unknown, { answer }: { readonly answer: string }) => answer.length;
const samples = (lm: ReturnType<typeof scriptedLM>) =>
  lm.calls.map(({ request, options }) => [request.temperature, options.rolloutId]);

afterEach(async () => {
  delete processDefaults.lm;
  await clients.close({ mode: "abort" });
});

describe.each([
  ["BestOfN", BestOfN],
  ["Refine", Refine],
] as const)("%s", (name, Kind) => {
  const make = (options: object, source = "question -> answer") =>
    new Kind(new Predict(source as "question -> answer"), { n: 3, reward: length, ...options } as never);

  test("gives the best of n attempts, of equal ones the first; stops at the threshold", async () => {
    const lm = answers("a", "ccc", "bb");
    const best = await make({}).call({ question: "?" }, { lm });
    expectTypeOf(best.answer).toEqualTypeOf<string>();
    expect(best).toEqual({ answer: "ccc" });
    expect(lm.calls).toHaveLength(3);
    expect(await make({}).call({ question: "?" }, { lm: answers("aa", "bb", "c") })).toEqual({
      answer: "aa",
    });
    const early = answers("a", "bb", "ccc");
    expect(await make({ threshold: 2 }).call({ question: "?" }, { lm: early })).toEqual({ answer: "bb" });
    expect(early.calls).toHaveLength(2);
  });

  test("P23: attempt 0 is the plain call; later ones have temperature 1 and a rollout id of name and number", async () => {
    const lm = answers("a", "b", "c");
    await make({}).call({ question: "?" }, { lm });
    expect(samples(lm)).toEqual([
      [undefined, undefined],
      [1, `${name}/1`],
      [1, `${name}/2`],
    ]);
    const inside = answers("a", "b", "c");
    await make({}).call({ question: "?" }, { lm: inside, rolloutId: 7, temperature: 0.3 });
    expect(samples(inside)).toEqual([
      [0.3, 7],
      [0.3, `7/${name}/1`],
      [0.3, `7/${name}/2`],
    ]);
    const own = answers("a", "b", "c");
    const warm = new Kind(new Predict("question -> answer", { temperature: 0.5 }), { n: 2, reward: () => 0 });
    await warm.call({ question: "?" }, { lm: own });
    expect(samples(own).map(([temperature]) => temperature)).toEqual([0.5, 0.5]);
  });

  test("P23: two of them in one program share no samples, and a rerun replays each from the cache", async () => {
    let made = 0;
    const lm = scriptedLM(() => ({ answer: `sample ${++made}` }), { cache: true, model: `cached-${name}` });
    class Two extends Module {
      first = make({});
      second = make({});
      async forward(inputs: { question: string }) {
        return [await this.first.call(inputs), await this.second.call(inputs)];
      }
    }
    const once = await new Two().call({ question: "?" }, { lm });
    // The plain calls are one question; the later attempts are four.
    expect(made).toBe(5);
    expect(await new Two().call({ question: "?" }, { lm })).toEqual(once);
    expect(made).toBe(5);
    expect([...new Set(lm.calls.map(({ options }) => options.rolloutId))]).toEqual([
      undefined,
      "first/1",
      "first/2",
      "second/1",
      "second/2",
    ]);
  });

  test("P16: a failure of the program is an attempt, one of the provider's ends it", async () => {
    const lm = scriptedLM([new TrunklineError("content_filter", "no"), { answer: "a" }, { answer: "bb" }]);
    expect(await make({}).call({ question: "?" }, { lm })).toEqual({ answer: "bb" });
    const down = scriptedLM([{ answer: "a" }, new TrunklineError("auth", "no key"), { answer: "bb" }]);
    await expect(make({}).call({ question: "?" }, { lm: down })).rejects.toMatchObject({ code: "auth" });
    expect(down.calls).toHaveLength(2);
    const bad = scriptedLM(() => new TrunklineError("content_filter", "never"));
    await expect(make({}).call({ question: "?" }, { lm: bad })).rejects.toMatchObject({
      code: "content_filter",
    });
    expect(bad.calls).toHaveLength(3);
    class Buggy extends Module {
      runs = 0;
      forward(_: { question: string }): { answer: string } {
        if (this.runs++ === 0) throw new TypeError("a bug");
        return { answer: "fine" };
      }
    }
    expect(await new Kind(new Buggy(), { n: 2, reward: () => 1 }).call({ question: "?" })).toEqual({
      answer: "fine",
    });
  });

  test("failCount is counted anew in each call, side by side too", async () => {
    const program = make({ failCount: 1 });
    const filtered = () => new TrunklineError("content_filter", "no");
    const run = () =>
      program.call({ question: "?" }, { lm: scriptedLM([filtered(), { answer: "a" }, { answer: "b" }]) });
    const outcomes = await Promise.all([run(), run(), run()]);
    expect(outcomes).toEqual([{ answer: "a" }, { answer: "a" }, { answer: "a" }]);
    const lm = scriptedLM([filtered(), filtered(), { answer: "a" }]);
    await expect(program.call({ question: "?" }, { lm })).rejects.toMatchObject({ code: "content_filter" });
    expect(lm.calls).toHaveLength(2);
    expect(await run()).toEqual({ answer: "a" });
  });

  test("P11: a reward that is no finite number, or throws, is a metric error that names the attempt", async () => {
    const call = (reward: unknown) =>
      make({ reward }).call({ question: "?" }, { lm: answers("a", "b", "c") });
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, undefined, null, "0.5", {}, { score: "x" }]) {
      await expect(call(() => wrong)).rejects.toMatchObject({
        code: "metric",
        message: expect.stringMatching(/the reward of attempt 0/),
      });
    }
    let count = 0;
    await expect(call(() => (count++ === 1 ? Number.NaN : 0))).rejects.toThrowError(/attempt 1.*got NaN/);
    await expect(call(() => Promise.reject(new Error("oops")))).rejects.toThrowError(/attempt 0 threw: oops/);
    await expect(call(() => ({ score: 1, feedback: 7 }))).rejects.toThrowError(/feedback/);
    const outage = call(() => Promise.reject(new TrunklineError("server_error", "the judge is down")));
    await expect(outage).rejects.toMatchObject({ code: "server_error" });
    expect(await call((_: unknown, { answer }: { answer: string }) => answer === "b")).toEqual({
      answer: "b",
    });
    expect(
      await call(async (_: unknown, { answer }: { answer: string }) => ({ score: -answer.charCodeAt(0) })),
    ).toEqual({
      answer: "a",
    });
  });

  test("an abort and a deadline end it while the reward hangs; neither leaves a listener", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const never = () => {
      resolve();
      return new Promise<number>(() => {});
    };
    const call = (init: object) =>
      make({ reward: never }).call({ question: "?" }, { lm: answers("a"), ...init });
    const controller = new AbortController();
    const aborted = call({ signal: controller.signal });
    await asked;
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "aborted" });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    await expect(call({ deadline: 20 })).rejects.toMatchObject({ code: "timeout" });
  });

  test("an abort ends it between and within attempts", async () => {
    const controller = new AbortController();
    const lm = scriptedLM(() => ({ answer: "a" }));
    const reward = () => {
      controller.abort();
      return 0;
    };
    const run = make({ reward }).call({ question: "?" }, { lm, signal: controller.signal });
    await expect(run).rejects.toMatchObject({ code: "aborted" });
    expect(lm.calls).toHaveLength(1);
  });

  test("its program's predictors are found in it, and the LM reaches them", async () => {
    const program = make({});
    expect(program.namedPredictors().map(([path]) => path)).toEqual(["module"]);
    const lm = answers("a", "b", "c");
    expect(await program.setLM(lm as LM).call({ question: "?" })).toEqual({ answer: "a" });
    const other = answers("x", "y", "z");
    configure({ lm: other });
    expect(await context({ lm: other }, () => make({}).call({ question: "?" }))).toEqual({ answer: "x" });
    const copy = program.clone();
    copy.namedPredictors()[0]![1].demos = [{ question: "q", answer: "a" }];
    expect(program.namedPredictors()[0]![1].demos).toEqual([]);
  });

  test("wrong options are errors that name them", () => {
    const predict = new Predict("question -> answer");
    const wrong = (module: unknown, options: unknown) => () =>
      new Kind(module as typeof predict, options as never);
    expect(wrong({}, { n: 1, reward: length })).toThrowError(`${name}: its program: expected a Module`);
    expect(wrong(predict, undefined)).toThrowError(/\{ n, reward \}/);
    expect(wrong(predict, { reward: length })).toThrowError(`${name}: n`);
    expect(wrong(predict, { n: 2 })).toThrowError(`${name}: reward`);
    expect(wrong(predict, { n: 0, reward: length })).toThrowError(`${name}: n`);
    expect(wrong(predict, { n: 2, reward: length, treshold: 1 })).toThrowError(/did you mean "threshold"/);
    expect(wrong(predict, { n: 2, reward: length, threshold: Number.NaN })).toThrowError(
      `${name}: threshold`,
    );
  });

  test("whoever watches the fields hears of each new attempt, and of the best prediction at last", async () => {
    const seen: string[] = [];
    for await (const event of make({ n: 2 }).stream({ question: "?" }, { lm: answers("long one", "x") })) {
      if (event.type === "delta") continue;
      seen.push(event.type === "prediction" ? `prediction ${event.prediction.answer}` : event.type);
    }
    expect(seen).toEqual(["field", "restart", "field", "prediction long one"]);
  });
});

describe("Refine", () => {
  const promptOf = (lm: ReturnType<typeof scriptedLM>, call: number) =>
    lm.calls[call]!.request.messages.map(({ content }) => content).join("\n");

  test("hands on score, feedback and what was written as a hint; the program keeps its signature", async () => {
    const lm = answers("too long an answer", "short");
    const program = new Refine(new Predict("question -> answer"), {
      n: 3,
      threshold: 1,
      reward: (_, { answer }) => (answer.length < 10 ? 1 : { score: 0.25, feedback: "Use one word." }),
    });
    expect(await program.call({ question: "?" }, { lm })).toEqual({ answer: "short" });
    expect(promptOf(lm, 0)).not.toContain("hint_");
    expect(promptOf(lm, 1)).toContain("hint_");
    expect(promptOf(lm, 1)).toContain("the score 0.25, where 1 is wanted. Use one word.");
    expect(promptOf(lm, 1)).toContain('{"answer":"too long an answer"}');
    expect(program.module.signature.inputs.map(({ name }) => name)).toEqual(["question"]);
  });

  test("a failed attempt is a hint as well, without its raw text", async () => {
    const lm = scriptedLM(["no fields at all", "none again", { answer: "a" }]);
    const program = new Refine(new Predict("question -> answer: int"), { n: 2, reward: () => 1 });
    await program.call({ question: "?" }, { lm }).catch(() => {});
    expect(promptOf(lm, 2)).toContain("An earlier attempt failed:");
    expect(promptOf(lm, 2)).not.toContain("none again");
  });

  test("each predictor inside sees what it wrote itself; nested ones keep the outer hint", async () => {
    class Pair extends Module {
      one = new Predict("question -> draft");
      two = new Refine(new Predict("draft -> answer"), {
        n: 2,
        reward: (_, { answer }) => (answer === "good" ? 1 : 0),
        threshold: 1,
      });
      async forward({ question }: { question: string }) {
        return this.two.call(await this.one.call({ question }));
      }
    }
    const lm = scriptedLM([
      { draft: "draft 1" },
      { answer: "bad 1" },
      { answer: "bad 2" },
      { draft: "draft 2" },
      { answer: "bad 3" },
      { answer: "good" },
    ]);
    let scores = 0;
    const program = new Refine(new Pair(), {
      n: 2,
      reward: () => ({ score: scores++, feedback: "outer words" }),
    });
    expect(await program.call({ question: "?" }, { lm })).toEqual({ answer: "good" });
    expect(promptOf(lm, 2)).toContain('{"answer":"bad 1"}');
    expect(promptOf(lm, 2)).not.toContain("outer words");
    expect(promptOf(lm, 3)).toContain('{"draft":"draft 1"}');
    expect(promptOf(lm, 3)).not.toContain("bad");
    expect(promptOf(lm, 5)).toContain("outer words");
    expect(promptOf(lm, 5)).toContain('{"answer":"bad 3"}');
  });

  test("a program with a field of that name keeps it", async () => {
    const lm = answers("a", "b");
    const program = new Refine(new Predict("hint_ -> answer"), { n: 2, reward: () => 0 });
    await program.call({ hint_: "mine" }, { lm });
    expect(promptOf(lm, 1)).toContain("mine");
    expect(promptOf(lm, 1)).not.toContain("earlier attempt");
  });

  test("runs side by side do not see one another's hints", async () => {
    const lm = scriptedLM(({ messages }) => {
      const text = messages.map(({ content }) => content).join("\n");
      const own = /row (\d)/.exec(text)![1]!;
      expect(text).not.toMatch(new RegExp(`feedback for [^${own}]`));
      return { answer: own };
    });
    const program = new Refine(new Predict("question -> answer"), {
      n: 3,
      reward: (_, { answer }) => ({ score: 0, feedback: `feedback for ${answer}` }),
    });
    const rows = await program.batch(
      Array.from({ length: 8 }, (_, i) => ({ question: `row ${i}` })),
      { lm },
    );
    expect(rows.map(({ error }) => error)).toEqual(Array(8).fill(undefined));
    expect(lm.calls).toHaveLength(24);
  });
});
