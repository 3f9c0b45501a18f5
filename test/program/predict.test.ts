import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  type Adapter,
  ChainOfThought,
  cache,
  completion,
  configure,
  context,
  DriverLM,
  LM,
  Module,
  Predict,
  signature,
  TrunklineError,
} from "../../src/index.ts";
import { processDefaults } from "../../src/lm/scope.ts";
import { scriptedDriver, scriptedLM } from "../../src/testing/index.ts";
import { trunk } from "../../src/trunk.ts";

afterEach(async () => {
  delete processDefaults.lm;
  delete processDefaults.adapter;
  await cache.clear();
});

const emotion = signature("sentence -> emotion: 'joy' | 'anger' | 'fear'");
const inputs = { sentence: "What a day!" };

describe("a call", () => {
  test("R113: a chain of thought from a signature string inside a user's module with a forward of its own", async () => {
    class Feelings extends Module {
      classify = new ChainOfThought("sentence -> emotion");
      async forward({ text }: { text: string }) {
        const { reasoning, emotion } = await this.classify.call({ sentence: text });
        return { emotion: emotion.toUpperCase(), because: reasoning };
      }
    }
    const lm = scriptedLM([{ reasoning: "It shines.", emotion: "joy" }]);
    expect(await new Feelings().setLM(lm).call({ text: "Sun!" })).toEqual({
      emotion: "JOY",
      because: "It shines.",
    });
    const [{ request }] = lm.calls as [(typeof lm.calls)[0]];
    expect(JSON.stringify(request.messages)).toMatch(/Sun!.*reasoning.*emotion/s);
  });

  test("R10: several predictors in a chain, the output of one being the input of the next", async () => {
    class Chain extends Module {
      extract = new Predict("document -> facts: string[]");
      judge = new ChainOfThought("facts: string[], question -> verdict: boolean");
      async forward({ document, question }: { document: string; question: string }) {
        const { facts } = await this.extract.call({ document });
        return this.judge.call({ facts, question });
      }
    }
    const lm = scriptedLM([{ facts: ["it rained", "it was cold"] }, { reasoning: "Wet.", verdict: true }]);
    const { verdict } = await new Chain().setLM(lm).call({ document: "...", question: "Wet?" });
    expect(verdict).toBe(true);
    expect(JSON.stringify(lm.calls[1]!.request.messages.at(-1))).toContain("it was cold");
  });

  test("the prediction is a frozen object of the outputs alone", async () => {
    const lm = scriptedLM([{ emotion: "joy", other: "dropped" }]);
    const out = await new Predict(emotion).call(inputs, { lm });
    expect(out).toEqual({ emotion: "joy" });
    expect(Object.isFrozen(out)).toBe(true);
  });

  test("fields that the signature does not name are dropped, and sent to nobody", async () => {
    const lm = scriptedLM([{ emotion: "joy" }]);
    const row = { ...inputs, id: 7, secret: "only ours" };
    const { trace } = await new Predict(emotion).run(row, { lm });
    expect(trace.entries[0]!.inputs).toEqual(inputs);
    expect(JSON.stringify(lm.calls[0]!.request)).not.toContain("only ours");
  });

  test.each([
    [{}, /"sentence" is missing/],
    [{ sentence: 7 }, /sentence: expected a string/],
    [undefined, /inputs: expected an object/],
  ])("inputs are checked before anything is asked: %o", async (wrong, message) => {
    const lm = scriptedLM([]);
    await expect(new Predict(emotion).call(wrong as never, { lm })).rejects.toThrow(
      expect.objectContaining({ code: "signature", message: expect.stringMatching(message) }),
    );
    expect(lm.calls).toEqual([]);
  });

  test.each(["inputs", "outputs"])(
    "a check of %s that never settles hears signal and deadline",
    async (side) => {
      let began = (): void => {};
      const never = z.string().refine(() => {
        began();
        return new Promise<boolean>(() => {});
      });
      const string = z.string();
      const source =
        side === "inputs"
          ? { input: { q: never }, output: { a: string } }
          : { input: { q: string }, output: { a: never } };
      const slow = new Predict(signature(source)).setLM(scriptedLM(() => ({ a: "x" })));
      const left = new AbortController();
      began = () => left.abort();
      await expect(slow.call({ q: "x" }, { signal: left.signal })).rejects.toMatchObject({ code: "aborted" });
      began = () => {};
      await expect(slow.call({ q: "x" }, { deadline: 1 })).rejects.toMatchObject({
        code: "timeout",
        phase: "total",
      });
      const outer = new AbortController();
      began = () => outer.abort();
      const around = context({ signal: outer.signal }, () => slow.run({ q: "x" }));
      await expect(around).rejects.toMatchObject({ code: "aborted" });
    },
  );

  test("a field may be named like a method or an option", async () => {
    const lm = scriptedLM([{ call: "a", toString: "b" }]);
    const odd = new Predict("run, demos, signature, config, lm -> call, toString");
    const out = await odd.call({ run: "1", demos: "2", signature: "3", config: "4", lm: "5" }, { lm });
    expect(Object.entries(out)).toEqual([
      ["call", "a"],
      ["toString", "b"],
    ]);
  });

  test("sampling options go along with each call, and a call's own come first", async () => {
    const lm = scriptedLM(() => ({ emotion: "joy" }));
    const predict = new Predict(emotion, { temperature: 0.2, maxTokens: 50 });
    await predict.call(inputs, { lm });
    await predict.call(inputs, { lm, temperature: 0.9 });
    await context({ temperature: 0.5 }, () => predict.call(inputs, { lm }));
    await context({ temperature: 0.5 }, () => new Predict(emotion).call(inputs, { lm }));
    predict.config = { topP: 0.5 };
    await predict.call(inputs, { lm });
    const sent = lm.calls.map(({ request: { temperature, maxTokens, topP } }) => [
      temperature,
      maxTokens,
      topP,
    ]);
    expect(sent).toEqual([
      [0.2, 50, undefined],
      [0.9, 50, undefined],
      [0.2, 50, undefined],
      [0.5, undefined, undefined],
      [undefined, undefined, 0.5],
    ]);
  });

  test("demos are shown, and the list is copied and frozen", async () => {
    const lm = scriptedLM(() => ({ emotion: "joy" }));
    const predict = new Predict(emotion).setLM(lm);
    const demos = [{ sentence: "Boo!", emotion: "fear" }];
    predict.demos = demos;
    demos.push({ sentence: "not shown", emotion: "joy" });
    demos[0]!.emotion = "not shown";
    await predict.call(inputs);
    const asked = JSON.stringify(lm.calls[0]!.request.messages);
    expect(asked).toContain("Boo!");
    expect(asked).not.toContain("not shown");
    expect(() => (predict.demos as object[]).push({})).toThrow(TypeError);
    expect(() => {
      predict.demos = ["wrong"] as never;
    }).toThrow(/demos: expected a list of objects/);
  });

  test("a subclass that overrides forward is called through it", async () => {
    class Loud extends Predict<"sentence -> emotion"> {
      override async forward(given: { sentence: string }) {
        return super.forward({ sentence: given.sentence.toUpperCase() });
      }
    }
    const lm = scriptedLM(() => ({ emotion: "joy" }));
    await new Loud("sentence -> emotion").setLM(lm).call({ sentence: "hey" });
    expect(JSON.stringify(lm.calls[0]!.request.messages)).toContain("HEY");
  });

  test.each([
    [{ temprature: 1 }, /Predict: unknown option "temprature"; did you mean "temperature"/],
    [{ reask: -1 }, /Predict: reask: expected/],
    [{ adapter: "yaml" }, /Predict: adapter: expected "chat"/],
  ])("a wrong option is found when the predictor is made: %o", (options, message) => {
    expect(() => new Predict(emotion, options as never)).toThrow(message);
  });

  test("a signature that cannot be read is found when the predictor is made", () => {
    expect(() => new Predict("sentence -> emotion: joi")).toThrow(
      expect.objectContaining({ code: "signature" }),
    );
  });

  test("with n above 1 the first choice that fits is the prediction, and the trace has all that fit", async () => {
    const choice = (index: number, content: string, finishReason: "stop" | "length" = "stop") => ({
      index,
      message: { role: "assistant" as const, content },
      finishReason,
    });
    const said = (word: string) => `[[ ## emotion ## ]]\n${word}\n\n[[ ## completed ## ]]`;
    const choices = [
      choice(0, said("jo"), "length"),
      choice(1, said("hope")),
      choice(2, said("fear")),
      choice(3, said("joy")),
    ];
    const lm = scriptedLM([{ ...completion(said("jo")), choices }]);
    const predict = new Predict(emotion, { n: 4, adapter: "chat" });
    const { prediction, trace } = await predict.run(inputs, { lm });
    expect(prediction).toEqual({ emotion: "fear" });
    expect(trace.entries[0]!.choices).toEqual([{ emotion: "fear" }, { emotion: "joy" }]);
    expect(lm.calls.length).toBe(1);
  });
});

describe("an answer that cannot be read", () => {
  test("is asked for once more, with the answer and what is wrong with it", async () => {
    const lm = scriptedLM([{ emotion: "hope" }, { emotion: "joy" }]);
    const { prediction, trace } = await new Predict(emotion).run(inputs, { lm });
    expect(prediction).toEqual({ emotion: "joy" });
    expect(lm.calls.length).toBe(2);
    const [first, second] = lm.calls.map(({ request }) => request.messages) as [
      unknown[],
      { content: string }[],
    ];
    expect(second.slice(0, first.length)).toEqual(first);
    expect(second.at(-2)!.content).toContain("hope");
    expect(second.at(-1)!.content).toMatch(/emotion/);
    expect(trace.entries[0]).toMatchObject({ reasks: 1, outputs: { emotion: "joy" } });
    expect(trace.entries[0]!.usage!.totalTokens).toBe(trace.usage.totalTokens);
    expect(trace.usage.totalTokens).toBeGreaterThan(0);
  });

  test.each([
    [0, 1],
    [1, 2],
    [3, 4],
  ])(
    "with reask %i there are %i calls before a parse error that has the text and names the field",
    async (reask, calls) => {
      const lm = scriptedLM(() => "No idea.");
      const predict = new Predict(emotion, { reask });
      const error = await predict.call(inputs, { lm }).catch((e) => e);
      expect(error).toMatchObject({ code: "parse", answer: "No idea.", model: "scripted" });
      expect(error.message).toMatch(
        /^Predict\(sentence: string -> emotion: .*\): the answer does not fit .*"emotion"/,
      );
      expect(error.message).not.toContain("No idea");
      expect(lm.calls.length).toBe(calls);
    },
  );

  test("inside a module the error names the predictor", async () => {
    class Program extends Module {
      steps = [new ChainOfThought("a -> b: int")];
      forward(given: { a: string }) {
        return this.steps[0]!.call(given);
      }
    }
    const program = new Program().setLM(scriptedLM(() => "?"));
    await expect(program.call({ a: "x" })).rejects.toThrow(/^"steps\[0\]\.predict" of Program: /);
  });

  test("P6, P7: a provider's failure is never asked again, nor taken for a text", async () => {
    for (const code of ["server_error", "rate_limit", "auth", "bad_request", "content_filter"] as const) {
      const lm = scriptedLM(() => new TrunklineError(code, "it failed", { retryable: false }));
      await expect(new Predict(emotion).call(inputs, { lm })).rejects.toMatchObject({
        code,
      });
      expect(lm.calls.length).toBe(1);
    }
  });

  test.each([
    ["length", "incomplete"],
    ["content_filter", "content_filter"],
    ["error", "incomplete"],
  ] as const)(
    "P8: one that ended by %s is %s, however well it reads, and is not asked again",
    async (finishReason, code) => {
      const text = "[[ ## emotion ## ]]\njoy\n\n[[ ## completed ## ]]";
      const lm = scriptedLM([completion(text, { finishReason })]);
      const error = await new Predict(emotion).call(inputs, { lm }).catch((e) => e);
      expect(error).toMatchObject({ code, partial: { text } });
      expect(lm.calls.length).toBe(1);
    },
  );

  test.each([
    ["", {}, "the answer is empty"],
    ["  \n", { reasoning: "Hm." }, "the answer has no text, only thinking"],
    [
      "",
      { toolCalls: [{ id: "1", name: "x", arguments: {}, argumentsText: "{}" }] },
      "the answer has no text, only a tool call",
    ],
  ])("P8: one without text says what there was instead: %o %o", async (text, details, message) => {
    const lm = scriptedLM(() => completion(text, details));
    await expect(new Predict(emotion).call(inputs, { lm })).rejects.toThrow(message);
  });

  test("stays in the cache, so that a repeat is free and equal; a rolloutId and refresh ask anew", async () => {
    const lm = scriptedLM(({ messages }) => (messages.length > 2 ? { emotion: "joy" } : "?"), {
      cache: true,
    });
    const predict = new Predict(emotion).setLM(lm);
    for (let i = 0; i < 3; i++) expect(await predict.call(inputs)).toEqual({ emotion: "joy" });
    // One unreadable answer, and one to the question with the error, each under an entry of its own.
    expect(lm.calls.length).toBe(2);
    await predict.call(inputs, { rolloutId: 1 });
    expect(lm.calls.length).toBe(4);
    await predict.call(inputs, { cache: "refresh" });
    expect(lm.calls.length).toBe(6);
  });
});

describe("the adapter", () => {
  const own = (name: string): Adapter => ({
    name,
    plan: () => ({
      ask: () => ({ messages: [{ role: "user", content: name }] }),
      askAgain: (question) => question,
      read: (answer) => ({ values: { emotion: answer }, problems: [] }),
      reader: () => ({ push: () => [], end: () => [] }),
    }),
  });
  const lm = () => scriptedLM(({ messages }) => messages[0]!.content as string);
  const asked = async (options: object, init: object = {}) =>
    (await new Predict("sentence -> emotion", options).call(inputs, { lm: lm(), ...init })).emotion;

  test("is the call's, else the predictor's, else the context's, else configure's, the innermost first", async () => {
    configure({ adapter: own("configured") });
    expect(await asked({})).toBe("configured");
    await context({ adapter: own("outer") }, async () => {
      expect(await asked({})).toBe("outer");
      await context({ adapter: own("inner") }, async () => {
        expect(await asked({})).toBe("inner");
        expect(await asked({ adapter: own("predictor") })).toBe("predictor");
        expect(await asked({ adapter: own("predictor") }, { adapter: own("call") })).toBe("call");
      });
    });
  });

  test("is what the driver prefers where nobody names one", async () => {
    const driver = { ...scriptedDriver(['{"emotion": "joy"}']), prefers: "json" };
    const preferring = new LM(trunk().driverTarget(driver, "preferring"), { cache: false });
    expect(await new Predict(emotion).call(inputs, { lm: preferring })).toEqual({ emotion: "joy" });
    expect(driver.calls[0]!.request.responseFormat?.type).toBe("json_schema");
    expect([new LM("llama-cpp/none.gguf").prefers, new LM("openai/gpt-4o", { apiKey: "k" }).prefers]).toEqual(
      ["json", undefined],
    );
  });

  test("of a module's call reaches everything inside", async () => {
    class Program extends Module {
      step = new ChainOfThought("sentence -> emotion");
      forward(given: { sentence: string }) {
        return this.step.call(given);
      }
    }
    const out = await new Program().call(inputs, { lm: lm(), adapter: own("travelled") });
    expect(out.emotion).toBe("travelled");
  });

  test.each([
    ["configure", () => configure({ adapter: "yaml" })],
    ["context", () => context({ adapter: {} as never }, () => {})],
    ["call", () => new Predict(emotion).call(inputs, { adapter: "yaml" as never })],
  ])("that does not exist is an error of %s", async (_, act) => {
    await expect((async () => act())()).rejects.toThrow(
      /adapter: expected "chat", "json", "xml" or an adapter/,
    );
  });

  test("is made a plan once for each signature and list of demos, however many predictors there are", async () => {
    let plans = 0;
    const counted: Adapter = {
      ...own("counted"),
      plan(...given) {
        plans++;
        return own("counted").plan(...given);
      },
    };
    const model = lm();
    const predictors = Array.from(
      { length: 5 },
      () => new Predict("sentence -> emotion", { adapter: counted }),
    );
    for (const predict of [...predictors, ...predictors]) await predict.call(inputs, { lm: model });
    expect(plans).toBe(1);
    predictors[0]!.demos = [{ sentence: "x", emotion: "y" }];
    await predictors[0]!.call(inputs, { lm: model });
    await predictors[0]!.clone().call(inputs, { lm: model });
    expect(plans).toBe(2);
  });
});

test("what a DriverLM answers reaches a program like any other LM's answer", async () => {
  const lm = new DriverLM<string>({
    requestFn: async ({ prompt }) => (prompt.includes("What a day!") ? "joy" : "fear"),
    outputFn: (raw) => completion(`[[ ## emotion ## ]]\n${raw}`, { finishReason: "stop" }),
  });
  expect(await new Predict(emotion, { adapter: "chat" }).call(inputs, { lm })).toEqual({ emotion: "joy" });
});

test.each([undefined, { ask() {} }, []])("an adapter whose plan is %o is named", async (plan) => {
  const adapter = { name: "own", plan: () => plan } as unknown as Adapter;
  await expect(new Predict(emotion, { adapter }).call(inputs, { lm: scriptedLM([]) })).rejects.toMatchObject({
    code: "config",
    message: expect.stringMatching(/^adapter "own": plan\(signature, demos\): expected \{ ask, .*\}, got /),
  });
});

test("configure, context and predictors know the same adapters by name", () => {
  const wrong = { adapter: "yaml" } as never;
  const said = [
    () => configure(wrong),
    () => context(wrong, () => {}),
    () => new Predict(emotion, wrong),
  ].map((act) => {
    try {
      return act();
    } catch (error) {
      return /expected (.*?) or an adapter/.exec((error as Error).message)?.[1];
    }
  });
  expect(said).toEqual(Array(3).fill('"chat", "json", "xml"'));
});
