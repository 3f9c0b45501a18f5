import { afterEach, describe, expect, test } from "vitest";
import { ChainOfThought, cache, image, Module, Predict, TrunklineError, traceOf } from "../../src/index.ts";
import { traced } from "../../src/program/in-run.ts";
import { gate, scriptedLM } from "../../src/testing/index.ts";

afterEach(() => cache.clear());

/** Answers each question with itself. */
const echo = (options: object = {}) =>
  scriptedLM(
    ({ messages }) => ({ answer: /q\d+\w*/.exec(JSON.stringify(messages.at(-1)))![0], reasoning: "so" }),
    options,
  );

class Twins extends Module {
  left = new Predict("question -> answer");
  right = new Predict("question -> answer");
  async forward({ question }: { question: string }) {
    const [left, right] = await Promise.all([
      this.left.call({ question: `${question}left` }),
      this.right.call({ question: `${question}right` }),
    ]);
    return [left.answer, right.answer];
  }
}

class Pair extends Module {
  twins = new Twins();
  why = new ChainOfThought("question -> answer");
  async forward(inputs: { question: string }) {
    await this.twins.call(inputs);
    return (await this.why.call(inputs)).answer;
  }
}

describe("a trace", () => {
  test("has every predictor's call: name, inputs, outputs, messages, text, usage and what it was made in", async () => {
    const { prediction, trace } = await new Pair().run({ question: "q1" }, { lm: echo({ model: "echo" }) });
    expect(prediction).toBe("q1");
    expect(trace.entries).toMatchObject([
      { predictor: "twins.left", inputs: { question: "q1left" }, outputs: { answer: "q1left" }, reasks: 0 },
      { predictor: "twins.right", inputs: { question: "q1right" }, outputs: { answer: "q1right" } },
      {
        predictor: "why.predict",
        signature: "question: string -> reasoning: string, answer: string",
        inputs: { question: "q1" },
        outputs: { reasoning: "so", answer: "q1" },
        model: "echo",
        cacheHit: false,
      },
    ]);
    const names = new Map(trace.modules.map(({ id, name, type }) => [id, `${type} ${name}`]));
    expect(trace.entries.map(({ parent }) => names.get(parent!))).toEqual([
      "Twins twins",
      "Twins twins",
      "ChainOfThought why",
    ]);
    expect(trace.modules[0]).toEqual({ id: 1, name: "", type: "Pair" });
    const last = trace.entries[2]!;
    expect(last.messages.at(-1)!.content).toContain("q1");
    expect(last.answer).toContain("[[ ## answer ## ]]\nq1");
    const tokens = trace.entries.map(({ usage }) => usage!.totalTokens);
    expect(trace.usage.totalTokens).toBe(tokens.reduce((a, b) => a + b));
  });

  test("of a predictor alone calls it self", async () => {
    const { trace } = await new Predict("question -> answer").run({ question: "q1" }, { lm: echo() });
    expect(trace.entries.map(({ predictor, parent }) => [predictor, parent])).toEqual([["self", undefined]]);
    expect(trace.modules).toEqual([]);
  });

  test("twin predictors never mix, however many runs of one program go on at once", async () => {
    const program = new Twins().setLM(echo());
    const runs = await Promise.all(
      Array.from({ length: 50 }, (_, i) => program.run({ question: `q${i}` }, { rolloutId: i })),
    );
    for (const [i, { prediction, trace }] of runs.entries()) {
      expect(prediction).toEqual([`q${i}left`, `q${i}right`]);
      expect(trace.entries.map(({ predictor, outputs }) => [predictor, outputs!.answer])).toEqual([
        ["left", `q${i}left`],
        ["right", `q${i}right`],
      ]);
    }
  });

  test("rows of a batch leave their traces to the run around, and not to each other", async () => {
    class Rows extends Module {
      ask = new Predict("question -> answer");
      async forward({ count }: { count: number }) {
        const inputs = Array.from({ length: count }, (_, i) => ({ question: `q${i}` }));
        return (await this.ask.batch(inputs)).length;
      }
    }
    const { trace } = await new Rows().run({ count: 20 }, { lm: echo() });
    expect(trace.entries.map(({ inputs }) => inputs.question)).toEqual(
      Array.from({ length: 20 }, (_, i) => `q${i}`),
    );
  });

  test("predictors that no field holds are told apart by numbers", async () => {
    class Made extends Module {
      async forward(inputs: { question: string }) {
        const [a, b] = [new Predict("question -> answer"), new Predict("question -> answer")];
        for (const each of [a, b, a]) await each.call(inputs);
      }
    }
    const { trace } = await new Made().run({ question: "q1" }, { lm: echo() });
    expect(trace.entries.map(({ predictor }) => predictor)).toEqual(["Predict#1", "Predict#2", "Predict#1"]);
  });

  test("a run inside a run is in both, each with its own names", async () => {
    let inside: unknown;
    class Outer extends Module {
      pair = new Pair();
      async forward(inputs: { question: string }) {
        const { prediction, trace } = await this.pair.run(inputs);
        inside = trace.entries.map(({ predictor }) => predictor);
        return prediction;
      }
    }
    const { trace } = await new Outer().run({ question: "q1" }, { lm: echo() });
    expect(inside).toEqual(["twins.left", "twins.right", "why.predict"]);
    expect(trace.entries.map(({ predictor }) => predictor)).toEqual([
      "pair.twins.left",
      "pair.twins.right",
      "pair.why.predict",
    ]);
    expect(trace.usage.totalTokens).toBeGreaterThan(0);
  });

  test("what an LM is asked directly counts in its usage", async () => {
    class Direct extends Module {
      async forward(inputs: { question: string }) {
        return (await lm.call(inputs.question)).usage;
      }
    }
    const lm = echo();
    const { prediction, trace } = await new Direct().run({ question: "q1" });
    expect(trace.entries).toEqual([]);
    expect(trace.usage).toMatchObject({ totalTokens: prediction.totalTokens });
  });

  test("costs what was spent: a cached answer nothing", async () => {
    const lm = scriptedLM(() => ({ answer: "x" }), { cache: true, price: { input: 1, output: 1 } } as object);
    const ask = new Predict("question -> answer").setLM(lm);
    const [first, second] = [await ask.run({ question: "q" }), await ask.run({ question: "q" })];
    expect(first.trace.cost!.usd).toBeGreaterThan(0);
    expect(second.trace.cost).toEqual({ usd: 0, saved: first.trace.cost!.usd });
    expect(second.trace.entries[0]).toMatchObject({ cacheHit: true, cost: second.trace.cost });
  });

  test("is plain JSON data, bytes of media as base64, and a text for people", async () => {
    const lm = scriptedLM([{ caption: "a dot", tags: ["dot"] }]);
    const photo = image(Buffer.from([0x89, 0x50, 0x4e, 0x47]));
    const caption = new Predict("photo: image -> caption");
    const { trace } = await caption.run({ photo }, { lm });
    const data = JSON.parse(JSON.stringify(trace));
    expect(data.entries[0].inputs.photo).toMatchObject({ data: "iVBORw==", mediaType: "image/png" });
    expect(trace.toJSON()).toEqual(data);
    expect(String(trace)).toContain("self (scripted)");
    expect(String(trace)).toContain('-> caption: "a dot"');
  });

  test("the text for people shows the tree, re-asks, failures and long values cut", async () => {
    const lm = scriptedLM(({ messages }) =>
      JSON.stringify(messages).includes("right") ? "unreadable".repeat(3) : { answer: "long ".repeat(1_000) },
    );
    const program = new Twins();
    for (const [, predictor] of program.namedPredictors()) {
      predictor.signature = predictor.signature.withInstructions("Answer.");
    }
    const error = await program.run({ question: "q1" }, { lm }).catch((e) => e);
    const lines = String(traceOf(error)).split("\n");
    expect(lines[0]).toBe("Twins");
    expect(lines).toContain("  left (scripted)");
    expect(lines).toContain("  right (scripted, asked again once)");
    expect(lines.some((line) => line.startsWith("    !! parse: "))).toBe(true);
    for (const line of lines) expect(line.length).toBeLessThan(240);
  });
});

describe("traceOf(error)", () => {
  test("has the run up to there, the failed call included", async () => {
    const lm = scriptedLM([{ answer: "q1" }, new TrunklineError("content_filter", "withheld")]);
    class Two extends Module {
      first = new Predict("question -> answer");
      second = new Predict("question -> answer");
      async forward(inputs: { question: string }) {
        await this.first.call(inputs);
        await this.second.call(inputs);
      }
    }
    const error = await new Two().run({ question: "q1" }, { lm }).catch((e) => e);
    expect(error).toMatchObject({ code: "content_filter", message: "withheld" });
    expect(traceOf(error)!.entries).toMatchObject([
      { predictor: "first", outputs: { answer: "q1" } },
      {
        predictor: "second",
        inputs: { question: "q1" },
        error: { code: "content_filter", message: "withheld" },
      },
    ]);
    expect(traceOf(error)!.entries[1]).not.toHaveProperty("outputs");
    expect(traceOf(new Error("of nobody"))).toBeUndefined();
    expect(traceOf("text")).toBeUndefined();
  });

  test("wrong inputs are in it, too", async () => {
    const error = await new Predict("a -> b").run({ c: 1 } as never, { lm: scriptedLM([]) }).catch((e) => e);
    expect(traceOf(error)!.entries).toMatchObject([
      { predictor: "self", inputs: { c: 1 }, error: { code: "signature" } },
    ]);
  });

  test("runs that share one failure have a trace each", async () => {
    const wait = gate();
    const failure = new TrunklineError("bad_request", "refused", { status: 400 });
    const lm = scriptedLM(() => ["[[", wait, failure], { cache: true });
    const ask = new Predict("question -> answer").setLM(lm);
    const runs = Array.from({ length: 3 }, () => ask.run({ question: "q1" }).catch((e) => e));
    await lm.saw((calls) => calls.length === 1);
    wait.open();
    const errors = await Promise.all(runs);
    expect(lm.calls.length).toBe(1);
    for (const error of errors)
      expect(error).toMatchObject({ code: "bad_request", status: 400, message: "refused" });
    expect(new Set(errors.map(traceOf)).size).toBe(3);
  });

  test("an error of the program's own is passed on as it is", async () => {
    const own = new RangeError("mine");
    class Throws extends Module {
      forward() {
        throw own;
      }
    }
    await expect(new Throws().run(undefined as never)).rejects.toBe(own);
    expect(traceOf(own)!.modules).toMatchObject([{ type: "Throws" }]);
  });
});

test("traced gives any function a trace of its own", async () => {
  const ask = new Predict("question -> answer").setLM(echo());
  const { value, trace } = await traced(() => ask.call({ question: "q1" }));
  expect(value).toEqual({ answer: "q1" });
  expect(trace.entries.map(({ predictor }) => predictor)).toEqual(["Predict#1"]);
});

test("nothing is global: a run leaves no trace of itself behind", async () => {
  const ask = new Predict("question -> answer").setLM(echo());
  await ask.run({ question: "q1" });
  const { trace } = await ask.run({ question: "q2" });
  expect(trace.entries.length).toBe(1);
  expect(Object.keys(ask)).toEqual(Object.keys(new Predict("question -> answer")));
});
