import { afterEach, describe, expect, test } from "vitest";
import { ChainOfThought, clients, configure, context, type LM, Module, Predict } from "../../src/index.ts";
import { processDefaults } from "../../src/lm/scope.ts";
import { scriptedLM } from "../../src/testing/index.ts";

afterEach(() => {
  delete processDefaults.lm;
});

/** An LM that answers with its own name. */
const named = (name: string) => scriptedLM(() => ({ answer: name, reasoning: "so" }), { model: name });

class Pipeline extends Module {
  first = new Predict("question -> answer");
  second = new ChainOfThought("question -> answer");
  constructor(lm?: LM) {
    super();
    this.setLM(lm!);
  }
  async forward({ question }: { question: string }) {
    const first = await this.first.call({ question });
    const second = await this.second.call({ question });
    return [first.answer, second.answer];
  }
}

/** Its fields are there only after the constructor of Pipeline has set the LM. */
class Deeper extends Pipeline {
  third = new Predict("question -> answer");
  more = new Map([["a", { inner: new ChainOfThought("question -> answer") }]]);
  override async forward(inputs: { question: string }) {
    const third = await this.third.call(inputs);
    const fourth = await this.more.get("a")!.inner.call(inputs);
    return [...(await super.forward(inputs)), third.answer, fourth.answer];
  }
}

const inputs = { question: "?" };

describe("R8: a program without an LM fails at once", () => {
  test.each([[undefined], [null], ["openai/gpt-4o"], [{}], [[]]])(
    "a constructor that was given %o names the class, what to pass and why",
    (lm) => {
      expect(() => new Deeper(lm as never)).toThrow(
        expect.objectContaining({
          code: "config",
          message: expect.stringMatching(
            /^Deeper\.setLM\(lm\) needs an LM, got .*; pass getSharedLM\(\) or .*same pooled connections$/,
          ),
        }),
      );
    },
  );

  test.each([
    ["call", (p: Predict<"question -> answer">) => p.call(inputs, { lm: undefined as never })],
    ["run", (p: Predict<"question -> answer">) => p.run(inputs, { lm: undefined as never })],
    ["batch", (p: Predict<"question -> answer">) => p.batch([inputs], { lm: undefined as never })],
  ])("%s with { lm: undefined } says so, too", async (name, act) => {
    await expect(act(new Predict("question -> answer"))).rejects.toThrow(
      `Predict.${name}({ lm }) needs an LM`,
    );
  });

  test("a predictor that finds no LM anywhere says what to do", async () => {
    await expect(new Predict("question -> answer").call(inputs)).rejects.toThrow(
      expect.objectContaining({
        code: "config",
        message: expect.stringMatching(/^Predict has no LM: call setLM/),
      }),
    );
    class Program extends Module {
      steps = [new Predict("question -> answer")];
      forward(given: { question: string }) {
        return this.steps[0]!.call(given);
      }
    }
    await expect(new Program().call(inputs)).rejects.toThrow(/^"steps\[0\]" of Program has no LM/);
  });
});

describe("R9: the shared LM is set on every predictor", () => {
  test("of fields, nested modules and maps, those of a subclass's fields included", async () => {
    const lm = named("shared");
    const program = new Deeper(lm);
    expect(await program.call(inputs)).toEqual(["shared", "shared", "shared", "shared"]);
    expect(program.namedPredictors().map(([name, { lm: own }]) => [name, own === lm])).toEqual([
      ["first", true],
      ["second.predict", true],
      ["third", true],
      ["more['a']['inner'].predict", true],
    ]);
  });

  test("set again, it replaces the one that nested modules remember", async () => {
    const program = new Deeper(named("old"));
    program.second.setLM(named("other"));
    program.setLM(named("new"));
    Object.assign(program.second, { predict: new Predict(program.second.predict.signature) });
    expect(await program.call(inputs)).toEqual(["new", "new", "new", "new"]);
  });

  test("a predictor made after setLM has it, even one that is made in forward", async () => {
    class Late extends Module {
      steps: Predict<"question -> answer">[] = [];
      async forward(given: { question: string }) {
        this.steps.push(new Predict("question -> answer"));
        return [
          (await this.steps[0]!.call(given)).answer,
          (await new Predict("question -> answer").call(given)).answer,
        ];
      }
    }
    expect(await new Late().setLM(named("late")).call(inputs)).toEqual(["late", "late"]);
  });
});

describe("the nearest LM answers", () => {
  const [call, around, own, outer, inner, ctx, global] = [
    "call",
    "around",
    "own",
    "outer",
    "inner",
    "context",
    "configure",
  ].map(named) as unknown as [LM, LM, LM, LM, LM, LM, LM];

  class Inner extends Module {
    predict = new Predict("question -> answer");
    async forward(given: { question: string }) {
      return (await this.predict.call(given)).answer;
    }
  }
  class Outer extends Module {
    inner = new Inner();
    forward(given: { question: string }) {
      return this.inner.call(given);
    }
  }

  /** Every place that may hold an LM, the nearest first. */
  const places = ["around", "own", "inner", "outer", "context", "configure"] as const;

  test.each(places.map((place, i) => [place, places.slice(i)] as const))(
    "%s comes before all that are farther",
    async (nearest, held) => {
      const has = (place: (typeof places)[number]) => held.includes(place);
      const program = new Outer();
      if (has("outer")) program.setLM(outer);
      else if (has("inner")) program.inner.setLM(inner);
      // setLM reaches everything inside, so each nearer one is set after it, and the nearest alone stays.
      if (has("inner")) program.inner.setLM(inner);
      program.inner.predict = new Predict("question -> answer");
      if (has("own")) program.inner.predict.setLM(own);
      if (nearest === "outer") program.inner = new Inner();
      if (has("configure")) configure({ lm: global });
      const run = () => program.call(inputs, has("around") ? { lm: around } : {});
      expect(await (has("context") ? context({ lm: ctx }, run) : run())).toBe(nearest);
    },
  );

  test("the call's own comes before that of a run around", async () => {
    class Caller extends Module {
      predict = new Predict("question -> answer").setLM(own);
      async forward(given: { question: string }) {
        return (await this.predict.call(given, { lm: call })).answer;
      }
    }
    expect(await new Caller().call(inputs, { lm: around })).toBe("call");
  });

  test("parallel runs under different LMs never mix", async () => {
    const program = new Outer();
    const answers = await Promise.all(
      [call, around, own, outer].map((lm, i) =>
        i % 2 === 0 ? program.call(inputs, { lm }) : context({ lm }, () => program.call(inputs)),
      ),
    );
    expect(answers).toEqual(["call", "around", "own", "outer"]);
  });
});

test("R115: a global call configures the LM for every program, and the last one wins", async () => {
  configure({ lm: named("first") });
  class Plain extends Module {
    predict = new Predict("question -> answer");
    async forward(given: { question: string }) {
      return (await this.predict.call(given)).answer;
    }
  }
  const program = new Plain();
  expect(await program.call(inputs)).toBe("first");
  configure({ lm: named("second") });
  expect(await program.call(inputs)).toBe("second");
});

test("R124: models swap with no change to the program", async () => {
  const program = new Pipeline(named("one"));
  expect(await program.call(inputs)).toEqual(["one", "one"]);
  expect(await program.setLM(named("two")).call(inputs)).toEqual(["two", "two"]);
  expect(await program.call(inputs, { lm: named("three") })).toEqual(["three", "three"]);
  expect(await program.call(inputs)).toEqual(["two", "two"]);
});

describe("R13: a predictor that falls to the global LM inside a module that holds one", () => {
  class Forgot extends Module {
    readonly model: LM;
    judge = new ChainOfThought("question -> answer");
    constructor(lm: LM) {
      super();
      this.model = lm;
    }
    async forward(given: { question: string }) {
      return (await this.judge.call(given)).answer;
    }
  }

  function listening(): string[] {
    const lines: string[] = [];
    const logger = { debug() {}, info() {}, warn: (line: string) => void lines.push(line) };
    clients.configure({ logger });
    return lines;
  }

  test("is reported once, by its name and the module's, however many instances there are", async () => {
    const lines = listening();
    configure({ lm: named("global") });
    const programs = Array.from({ length: 10 }, () => new Forgot(named("held")));
    expect(await Promise.all(programs.map((program) => program.call(inputs)))).toContain("global");
    expect(lines).toEqual([
      'trunkline: the predictor "judge.predict" of Forgot has no LM and falls to the global one, although Forgot ' +
        'holds an LM in its field "model"; call this.setLM(this.model) in its constructor',
    ]);
  });

  test("not where the LM comes from setLM or from a context, nor where the module holds none", async () => {
    const lines = listening();
    configure({ lm: named("global") });
    class Other extends Forgot {}
    await new Other(named("held")).setLM(named("set")).call(inputs);
    await context({ lm: named("context") }, () => new Other(named("held")).call(inputs));
    class None extends Module {
      judge = new Predict("question -> answer");
      forward(given: { question: string }) {
        return this.judge.call(given);
      }
    }
    await new None().call(inputs);
    await new Predict("question -> answer").call(inputs);
    expect(lines).toEqual([]);
  });
});
