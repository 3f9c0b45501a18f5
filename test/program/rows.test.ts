import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import {
  ChainOfThought,
  cache,
  clients,
  configure,
  isTrunklineError,
  LM,
  Module,
  Predict,
  TrunklineError,
} from "../../src/index.ts";
import { processDefaults } from "../../src/lm/scope.ts";
import { gate, type SimulatedProvider, scriptedLM, simulatedProvider } from "../../src/testing/index.ts";

const { asyncMaxWorkers } = processDefaults;

afterEach(async () => {
  processDefaults.asyncMaxWorkers = asyncMaxWorkers;
  delete processDefaults.lm;
  await cache.clear();
});

const echo = () =>
  scriptedLM(({ messages }) => ({
    answer: /q\d+/.exec(JSON.stringify(messages.at(-1)))![0],
    reasoning: "so",
  }));
const questions = (count: number) => Array.from({ length: count }, (_, i) => ({ question: `q${i}` }));

async function* asyncQuestions(count: number, onPull: (i: number) => void = () => {}) {
  for (let i = 0; i < count; i++) {
    onPull(i);
    yield { question: `q${i}` };
  }
}

class Ask extends Module {
  ask = new ChainOfThought("question -> answer");
  async forward(inputs: { question: string }) {
    return (await this.ask.call(inputs)).answer;
  }
}

describe("batch and each", () => {
  test("R11: one pipeline over many rows through the shared LM, results in the order of the rows", async () => {
    const lm = echo();
    const rows = await new Ask().setLM(lm).batch(asyncQuestions(500), { concurrency: 50 });
    expect(rows).toEqual(
      questions(500).map((inputs, index) => ({ index, inputs, prediction: inputs.question })),
    );
    expect(lm.calls.length).toBe(500);
  });

  test.each([
    ["a list", () => questions(3)],
    ["a set", () => new Set(questions(3))],
    ["a generator", () => questions(3).values()],
    ["an async generator", () => asyncQuestions(3)],
  ])("each takes %s", async (_, source) => {
    const seen: unknown[] = [];
    for await (const { index, prediction } of new Ask().setLM(echo()).each(source()))
      seen.push([index, prediction]);
    expect(seen).toEqual([
      [0, "q0"],
      [1, "q1"],
      [2, "q2"],
    ]);
  });

  test("no rows are no outcomes", async () => {
    expect(await new Ask().batch([])).toEqual([]);
  });

  test("a row whose own side fails has its error and its inputs, and the others go on", async () => {
    const lm = scriptedLM(({ messages }) =>
      JSON.stringify(messages).includes("q1") ? "unreadable" : { reasoning: "so", answer: "fine" },
    );
    const rows = await new Ask().setLM(lm).batch(questions(3));
    expect(rows.map(({ prediction }) => prediction)).toEqual(["fine", undefined, "fine"]);
    expect(rows[1]).toMatchObject({ index: 1, inputs: { question: "q1" }, error: { code: "parse" } });
  });

  test("what a program throws that cannot even be written as a text is its row's error", async () => {
    class Odd extends Module {
      async forward(_: object) {
        throw Object.create(null);
      }
    }
    const [row] = await new Odd().batch([{}]);
    expect(row!.error!.message).toBe("it failed and did not say why");
  });

  test("what a program throws that is no error becomes one", async () => {
    class Throws extends Module {
      async forward(_: object) {
        throw "a text";
      }
    }
    const [row] = await new Throws().batch([{}]);
    expect(row!.error).toBeInstanceOf(Error);
    expect(row!.error!.message).toBe("a text");
  });

  test("a failure of the provider's that no row escapes stops the batch, which keeps what is finished", async () => {
    const lm = scriptedLM(({ messages }) =>
      JSON.stringify(messages).includes("q3")
        ? new TrunklineError("auth", "wrong key")
        : { reasoning: "so", answer: "fine" },
    );
    const error = await new Ask()
      .setLM(lm)
      .batch(questions(10), { concurrency: 1 })
      .catch((e) => e);
    expect(isTrunklineError(error) && error.code).toBe("auth");
    expect(error.done).toBe(3);
    expect(error.rows).toEqual(questions(3).map((inputs, index) => ({ index, inputs, prediction: "fine" })));
  });

  test("each yields what is finished, then throws", async () => {
    const lm = scriptedLM([{ reasoning: "so", answer: "fine" }, new TrunklineError("quota", "no money")]);
    const seen: unknown[] = [];
    const loop = async () => {
      for await (const row of new Ask().setLM(lm).each(questions(5), { concurrency: 1 }))
        seen.push(row.prediction);
    };
    await expect(loop()).rejects.toMatchObject({ code: "quota" });
    expect(seen).toEqual(["fine"]);
  });

  test("leaving the loop aborts the rows in work and lets go of the source", async () => {
    const never = gate();
    const lm = scriptedLM(({ messages }) =>
      JSON.stringify(messages).includes("q0") ? { reasoning: "so", answer: "fine" } : ["[[", never],
    );
    let closed = false;
    async function* source() {
      try {
        yield* asyncQuestions(1_000);
      } finally {
        closed = true;
      }
    }
    for await (const { index } of new Ask().setLM(lm).each(source(), { concurrency: 3 })) {
      expect(index).toBe(0);
      await lm.saw((calls) => calls.length > 2);
      break;
    }
    await lm.saw((calls) => calls.every(({ state }) => state !== "running"));
    expect(closed).toBe(true);
  });

  test("a slow reader slows the source: no more than the window is held", async () => {
    let pulled = 0;
    const rows = new Ask().setLM(echo()).each(
      asyncQuestions(1_000, () => pulled++),
      { concurrency: 2, window: 6 },
    );
    let taken = 0;
    for await (const _ of rows) {
      taken++;
      await turn();
      expect(pulled - taken).toBeLessThanOrEqual(6);
      if (taken === 50) break;
    }
  });

  test("progress is told, and a signal ends it", async () => {
    const seen: number[] = [];
    await new Ask()
      .setLM(echo())
      .batch(questions(5), { onProgress: ({ done, total }) => seen.push(done * 10 + total!) });
    expect(seen).toEqual(expect.arrayContaining([15, 25, 35, 45, 55]));
    const never = gate();
    const lm = scriptedLM(() => ["[[", never]);
    const controller = new AbortController();
    const run = new Ask().setLM(lm).batch(questions(5), { signal: controller.signal });
    const outcome = expect(run).rejects.toMatchObject({ code: "aborted" });
    await lm.saw((calls) => calls.length === 5);
    controller.abort();
    await outcome;
  });
});

describe("a results file", () => {
  const newFile = async () => {
    const folder = await mkdtemp(join(tmpdir(), "trunkline-rows-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return join(folder, "rows.jsonl");
  };

  test("is resumed: rows that it has are not asked again, and come with their inputs", async () => {
    const resultsFile = await newFile();
    const lm = echo();
    const program = new Ask().setLM(lm);
    await program.batch(questions(3), { resultsFile });
    const rows = await program.batch(questions(5), { resultsFile });
    expect(lm.calls.length).toBe(5);
    expect(rows).toEqual(
      questions(5).map((inputs, index) => ({ index, inputs, prediction: inputs.question })),
    );
    for await (const { index, inputs } of program.each(questions(5), { resultsFile })) {
      expect(inputs).toEqual({ question: `q${index}` });
    }
    expect(lm.calls.length).toBe(5);
  });

  test.each<[string, (program: Ask) => object]>([
    [
      "other instructions",
      ({ ask: { predict } }) =>
        Object.assign(predict, { signature: predict.signature.withInstructions("?") }),
    ],
    [
      "other demos",
      ({ ask: { predict } }) => Object.assign(predict, { demos: [{ question: "q", answer: "a" }] }),
    ],
    ["another model", (program) => program.setLM(scriptedLM([], { model: "other" }))],
    ["another temperature of the run", () => ({ temperature: 1 })],
    ["another rollout", () => ({ rolloutId: 1 })],
  ])("of a program with %s is refused", async (_, change) => {
    const resultsFile = await newFile();
    await new Ask().setLM(echo()).batch(questions(1), { resultsFile });
    const program = new Ask().setLM(echo());
    const options = change(program);
    const says = options instanceof Module || options instanceof Predict ? {} : options;
    await expect(program.batch(questions(1), { resultsFile, ...says })).rejects.toThrow(
      /resultsFile|another/,
    );
  });
});

describe("R20: a global ceiling of workers", () => {
  async function atOnce(run: (program: Module & { forward(i: object): Promise<void> }) => Promise<unknown>) {
    let running = 0;
    let most = 0;
    class Counts extends Module {
      async forward(_: object) {
        most = Math.max(most, ++running);
        await turn();
        running--;
      }
    }
    await run(new Counts());
    return most;
  }
  const rows = (count: number) => Array.from({ length: count }, () => ({}));

  test("is 2,000 unless configured, and configure sets it for every run begun from then on", async () => {
    expect(await atOnce((program) => program.batch(rows(3_000)))).toBe(2_000);
    configure({ asyncMaxWorkers: 7 });
    expect(await atOnce((program) => program.batch(rows(100)))).toBe(7);
    configure({ asyncMaxWorkers: 3 });
    expect(await atOnce((program) => program.batch(rows(100)))).toBe(3);
    expect(await atOnce((program) => program.batch(rows(100), { concurrency: 5 }))).toBe(5);
  });

  test("changed during a run, it holds for the next one", async () => {
    configure({ asyncMaxWorkers: 4 });
    const most = await atOnce((program) => {
      const run = program.batch(rows(100));
      configure({ asyncMaxWorkers: 50 });
      return run;
    });
    expect(most).toBe(4);
    expect(await atOnce((program) => program.batch(rows(100)))).toBe(50);
  });

  test.each([[0], [-1], [1.5], ["2000"]])("refuses %o and stays as it was", async (wrong) => {
    expect(() => configure({ asyncMaxWorkers: wrong as never })).toThrow(
      /asyncMaxWorkers: expected a whole number/,
    );
    expect(processDefaults.asyncMaxWorkers).toBe(2_000);
  });
});

describe("rows inside rows", () => {
  class Inner extends Module {
    ask = new Predict("question -> answer");
    async forward({ words }: { words: readonly string[] }) {
      const rows = await this.ask.batch(words.map((question) => ({ question })));
      return rows.map(({ prediction }) => prediction!.answer).join(" ");
    }
  }
  class Outer extends Module {
    inner = new Inner();
    async forward({ groups }: { groups: readonly (readonly string[])[] }) {
      const found: string[] = [];
      for await (const { prediction } of this.inner.each(groups.map((words) => ({ words }))))
        found.push(prediction!);
      return found.join(", ");
    }
  }

  test("with one worker each, three levels do not wait for each other", async () => {
    configure({ asyncMaxWorkers: 1 });
    const group = [
      ["q1", "q2"],
      ["q3", "q4", "q5"],
    ];
    const rows = await new Outer().setLM(echo()).batch(Array.from({ length: 5 }, () => ({ groups: group })));
    expect(rows.map(({ prediction }) => prediction)).toEqual(Array(5).fill("q1 q2, q3 q4 q5"));
  });

  test("an error of an inner row is the inner row's, and an abort outside ends all levels", async () => {
    const never = gate();
    const lm = scriptedLM(() => ["[[", never]);
    const controller = new AbortController();
    const run = new Outer().setLM(lm).batch([{ groups: [["q1"], ["q2"]] }], { signal: controller.signal });
    const outcome = expect(run).rejects.toMatchObject({ code: "aborted" });
    await lm.saw((calls) => calls.length === 2);
    controller.abort();
    await outcome;
    await lm.saw((calls) => calls.every(({ state }) => state === "aborted"));
  });
});

describe("one agent a row", () => {
  let provider: SimulatedProvider;
  beforeEach(async () => {
    await clients.close({ mode: "abort" });
    provider = await simulatedProvider({ tls: false });
  });
  afterEach(async () => {
    await clients.close({ mode: "abort" });
    await provider.close();
  });

  /** An LM with this configuration: each call makes a new object. */
  const newLM = () => new LM("openai/simulated", { baseURL: provider.url, apiKey: "k", cache: false });

  class Agent extends Module {
    ask = new Predict("question -> answer", { adapter: "json" });
    constructor(lm: LM) {
      super();
      this.setLM(lm);
    }
    async forward(inputs: { question: string }) {
      return (await this.ask.call(inputs)).answer;
    }
  }

  test("R12, R22, R31: agents made one a row, each with an LM of its own, share one Client and few sockets", async () => {
    class PerRow extends Module {
      async forward(inputs: { question: string }) {
        return new Agent(newLM()).call(inputs);
      }
    }
    const rows = await new PerRow().batch(questions(300), { concurrency: 100 });
    expect(rows.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(clients.stats().clients).toBe(1);
    // HTTP/1.1 carries one call a socket: never more of them than rows at once.
    expect(provider.stats().sockets.peak).toBeLessThanOrEqual(100);
  });

  test("R14: an LM made inside forward, at every call, makes neither a Client nor a socket of its own", async () => {
    class Careless extends Module {
      ask = new Predict("question -> answer", { adapter: "json" });
      async forward(inputs: { question: string }) {
        const lm = newLM();
        return (await this.ask.call(inputs, { lm })).answer;
      }
    }
    const program = new Careless();
    await program.call({ question: "q0" });
    const before = clients.stats();
    for (const inputs of questions(50)) await program.call(inputs);
    const after = clients.stats();
    expect([after.created, after.clients, after.sockets]).toEqual([before.created, 1, before.sockets]);
  });
});
