import { getEventListeners } from "node:events";
import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import type { Delta } from "../../src/core/call.ts";
import type { Completion } from "../../src/core/completion.ts";
import { isTrunklineError, TrunklineError } from "../../src/core/errors.ts";
import { silent } from "../../src/core/log.ts";
import { lookup } from "../../src/drivers/catalog.ts";
import { guard } from "../../src/drivers/guard.ts";
import { grammarSchema } from "../../src/drivers/llama-cpp/grammars.ts";
import { llamaCpp } from "../../src/drivers/llama-cpp.ts";
import { driverContract } from "../../src/testing/driver-contract.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { gate } from "../../src/testing/gate.ts";
import { callOptions, question } from "./call-options.ts";
import { type FakeLlamaOptions, fakeLlama } from "./fake-llama.ts";

function modelOf(options: FakeLlamaOptions = {}, own: { sequences?: number; threads?: number } = {}) {
  const { module, seen } = fakeLlama(options);
  const driver = llamaCpp({ path: "a.gguf", load: async () => module, ...own });
  const call = guard(driver, { clock: new FakeClock(), logger: () => silent });
  return { driver, call, seen };
}

async function failureOf(promise: Promise<unknown>): Promise<TrunklineError> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!isTrunklineError(error)) throw error ?? new Error("it did not fail");
  return error;
}

/** Generation that waits, and hears its abort only between two pieces, as the real one does. */
async function* stalled(first: string | undefined, until: { readonly opened: Promise<void> }) {
  if (first !== undefined) yield { text: first };
  await until.opened;
  yield { text: "late" };
}

driverContract(
  "llama-cpp, with a module of its shape",
  (situation) => {
    const stop = gate();
    const { driver } = modelOf({
      ...(situation === "waits" && { says: () => stalled(undefined, stop) }),
      ...(situation === "stalls" && { says: () => stalled("A few", stop) }),
      ...(situation === "fails" && { loadError: new Error("broken file") }),
    });
    const chat: typeof driver.chat = (request, options) => {
      options.signal?.addEventListener("abort", () => stop.open(), { once: true });
      return driver.chat(request, options);
    };
    const waits = situation === "waits" || situation === "stalls";
    return { driver: waits ? { ...driver, chat } : driver };
  },
  { describe, test },
);

describe("what is loaded", () => {
  test("nothing before the first call; once for all of them", async () => {
    const { call, seen } = modelOf();
    expect(seen.loads).toBe(0);
    await Promise.all([call(question(), callOptions()), call(question(), callOptions())]);
    expect(seen.loads).toBe(1);
  });

  test("its threads are set: the cores but one, or what is asked for", async () => {
    const cores = Math.max(1, availableParallelism() - 1);
    const many = modelOf();
    await many.call(question(), callOptions());
    expect(many.seen.llama).toMatchObject({ maxThreads: cores, build: "never" });
    expect(many.seen.context).toEqual({ sequences: 5, contextSize: { max: 4_096 }, threads: cores });
    const fewer = modelOf({ cpuMathCores: 1 });
    await fewer.call(question(), callOptions());
    expect(fewer.seen.context).toMatchObject({ threads: 1 });
    const own = modelOf({}, { threads: 3, sequences: 2 });
    await own.call(question(), callOptions());
    expect(own.seen.context).toMatchObject({ threads: 3, sequences: 3 });
  });

  test("the last to close it gives the memory back; a later call loads it again", async () => {
    const { driver, seen } = modelOf();
    await driver.init!();
    await driver.init!();
    await driver.close!();
    expect(seen.disposed).toBe(0);
    await driver.close!();
    expect(seen.disposed).toBe(1);
    await driver.init!();
    expect(seen.loads).toBe(2);
  });

  test("one file is one driver in this process, however often it is named", () => {
    const { facts, model, local } = lookup("llama-cpp//models/a.gguf");
    expect([facts.name, model]).toEqual(["llama-cpp", "/models/a.gguf"]);
    expect(local).toBeDefined();
    expect(lookup("llama-cpp//models/a.gguf").local).toBe(local);
    expect(lookup("llama-cpp/b.gguf").local).not.toBe(local);
  });

  test("bad input: a package that is not there is named with what to do, and looked for again later", async () => {
    const { call } = {
      call: guard(lookup("llama-cpp/a.gguf").local!, { clock: new FakeClock(), logger: () => silent }),
    };
    for (let i = 0; i < 2; i++) {
      const error = await failureOf(call(question(), callOptions()));
      expect(error).toMatchObject({ code: "config", sent: false });
      expect(error.message).toContain("npm install node-llama-cpp");
    }
  });

  test.each([
    [new Error("ENOENT: no such file or directory"), "not_found"],
    [new Error("unknown architecture"), "config"],
  ])("bad input: a file that cannot be loaded (%s)", async (loadError, code) => {
    const error = await failureOf(modelOf({ loadError }).call(question(), callOptions()));
    expect(error).toMatchObject({ code, retryable: false });
    expect(error.message).toContain("a.gguf");
  });

  test("bad input: options are checked", () => {
    expect(() => llamaCpp({ path: "a.gguf", sequences: 0 })).toThrow(/sequences/);
  });
});

describe("answers", () => {
  test("text, usage and the finish reason; deltas as they come", async () => {
    const { call } = modelOf();
    const heard: Delta[] = [];
    const answer = await call(question("Q"), callOptions({ onDelta: (delta) => heard.push(delta) }));
    expect(answer).toMatchObject({
      text: "A few words.",
      model: "m1",
      usage: { inputTokens: "<user>Q<model>".length, outputTokens: 3 },
      choices: [{ finishReason: "stop", rawFinishReason: "eogToken" }],
    });
    expect(heard).toEqual([{ text: "A " }, { text: "few " }, { text: "words." }]);
  });

  test("a conversation in the package's words; sampling is handed on", async () => {
    const { call, seen } = modelOf();
    const sampling = { temperature: 0.5, topP: 0.9, seed: 7, stop: ["END"], maxTokens: 9 };
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "Hi." }] },
      { role: "assistant", content: "Yes?" },
      { role: "user", content: "Sky?" },
    ] as const;
    await call(question(messages, sampling), callOptions());
    expect(seen.histories[0]).toEqual([
      { type: "system", text: "Be brief." },
      { type: "user", text: "Hi." },
      { type: "model", response: ["Yes?"] },
      { type: "user", text: "Sky?" },
      { type: "model", response: [] },
    ]);
    expect(seen.options[0]).toMatchObject({
      temperature: 0.5,
      topP: 0.9,
      seed: 7,
      customStopTriggers: ["END"],
      maxTokens: 9,
    });
  });

  test("thinking is reasoning", async () => {
    const says = () => [{ type: "segment", text: "hm" } as const, { text: "Blue." }];
    const { text, choices } = await modelOf({ says }).call(question(), callOptions());
    expect([text, choices[0]!.message.reasoning]).toEqual(["Blue.", "hm"]);
  });

  test("an answer ends at its bound, and at the context's end at the latest", async () => {
    const bound = await modelOf().call(question("Q", { maxTokens: 2 }), callOptions());
    expect(bound.choices[0]).toMatchObject({ finishReason: "length", message: { content: "A few " } });
    const small = modelOf({ contextSize: 16 });
    await small.call(question("Q"), callOptions());
    await small.call(question("Q", { maxTokens: 100 }), callOptions());
    expect(small.seen.options.map(({ maxTokens }) => maxTokens)).toEqual([2, 2]);
  });

  test("a prompt beyond the context is an error, and nothing is dropped from it", async () => {
    const { call, seen } = modelOf({ contextSize: 16 });
    const error = await failureOf(call(question("A long question."), callOptions()));
    expect(error).toMatchObject({ code: "context_length", retryable: false, sent: false });
    expect(seen.options).toHaveLength(0);
    expect((await call(question("Q"), callOptions())).text).toBe("A few ");
  });
});

describe("a schema becomes a grammar", () => {
  const schema = { type: "object", properties: { a: { anyOf: [{ type: "string" }, { type: "null" }] } } };
  const json = { type: "json_schema", schema } as const;

  test("once, however often it is asked for", async () => {
    const { call, seen } = modelOf();
    await Promise.all([1, 2].map(() => call(question("Q", { responseFormat: json }), callOptions())));
    expect(seen.grammars).toEqual([
      { type: "object", properties: { a: { oneOf: [{ type: "string" }, { type: "null" }] } } },
    ]);
    expect(seen.options[0]!.grammar).toEqual({ schema: seen.grammars[0] });
    await call(question("Q", { responseFormat: { type: "json" } }), callOptions());
    expect(seen.options[2]!.grammar).toEqual({ json: true });
    await call(question("Q", { responseFormat: { type: "text" } }), callOptions());
    expect(seen.options[3]!.grammar).toBeUndefined();
  });

  test("definitions and references have the package's names", () => {
    expect(grammarSchema({ $ref: "#/definitions/a", definitions: { a: { type: "string" } } })).toEqual({
      $ref: "#/$defs/a",
      $defs: { a: { type: "string" } },
    });
  });

  test("bad input: a schema that cannot be one is a bad request", async () => {
    const { call } = modelOf({ grammarError: new Error("no such type") });
    const error = await failureOf(call(question("Q", { responseFormat: json }), callOptions()));
    expect(error).toMatchObject({ code: "bad_request", sent: false });
    expect(error.message).toContain("responseFormat");
  });
});

describe("one system prompt", () => {
  const system = "You answer in a single short sentence, always.";
  const ask = (text: string) =>
    question([
      { role: "system", content: system },
      { role: "user", content: text },
    ]);
  const prompt = (text: string): number => `<system>${system}<user>${text}<model>`.length;
  const shared = `<system>${system}<user>`.length;
  const cachedOf = (answers: readonly Completion[]): number[] =>
    answers.map(({ usage }) => usage.cachedInputTokens);

  test("is evaluated once, and all sequences have it", async () => {
    const { call, seen } = modelOf();
    const answers = await Promise.all(["a", "b", "c", "d"].map((text) => call(ask(text), callOptions())));
    expect(seen.evaluated[0]).toBe(shared);
    expect(seen.evaluated.slice(1)).toEqual(Array(4).fill(prompt("a") - shared));
    expect(cachedOf(answers)).toEqual([0, shared, shared, shared]);
    expect(answers.map(({ usage }) => usage.inputTokens)).toEqual(Array(4).fill(prompt("a")));
  });

  test("another one takes its place, and a sequence that still holds one is not filled again", async () => {
    const { call, seen } = modelOf({}, { sequences: 1 });
    await call(ask("a"), callOptions());
    const again = await call(ask("b"), callOptions());
    expect(again.usage.cachedInputTokens).toBe(shared);
    expect(seen.evaluated[0]).toBe(shared);
    const other = [
      { role: "system", content: "You speak German, and nothing else." },
      { role: "user", content: "c" },
    ] as const;
    await call(question(other), callOptions());
    const back = await call(ask("d"), callOptions());
    expect(back.usage.inputTokens).toBe(prompt("d"));
  });

  test("two of them at once do not mix", async () => {
    const { call, seen } = modelOf({}, { sequences: 2 });
    const systems = ["You speak German, and nothing else.", system];
    const questions = systems.map((content) =>
      question([
        { role: "system", content },
        { role: "user", content: "a" },
      ]),
    );
    await Promise.all(questions.map((each) => call(each, callOptions())));
    // Behind the prefix there is only the question, for each of them.
    expect(seen.evaluated.slice(1)).toEqual([prompt("a") - shared, prompt("a") - shared]);
  });

  test.each(["badly", "not at all"] as const)(
    "where states are copied %s, each evaluates for itself",
    async (copies) => {
      const { call, seen } = modelOf({ copies }, { sequences: 2 });
      const answers = await Promise.all(["a", "b"].map((text) => call(ask(text), callOptions())));
      expect(answers.map(({ text }) => text)).toEqual(["A few words.", "A few words."]);
      expect(seen.evaluated.slice(1)).toEqual([prompt("a"), prompt("b")]);
    },
  );
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("side by side", () => {
  test("as many at once as there are sequences; the rest in their order", async () => {
    const open = gate();
    const order: string[] = [];
    const { call, seen } = modelOf(
      {
        says: (history) => {
          order.push((history[0] as { text: string }).text);
          return stalled("x", open);
        },
      },
      { sequences: 2 },
    );
    const pending = ["a", "b", "c", "d"].map((text) => call(question(text), callOptions()));
    for (let turns = 0; order.length < 2 && turns < 100; turns++) await turn();
    await turn();
    expect(order).toEqual(["a", "b"]);
    open.open();
    await Promise.all(pending);
    expect(order).toEqual(["a", "b", "c", "d"]);
    expect(seen.most).toBe(2);
  });

  test("a call that leaves while it waits takes no place, and leaves no listener", async () => {
    const open = gate();
    const { driver, seen } = modelOf({ says: () => stalled("x", open) }, { sequences: 1 });
    const controller = new AbortController();
    const first = driver.chat(question("a"), callOptions());
    const waiting = driver.chat(question("b"), callOptions({ signal: controller.signal }));
    const { signal } = new AbortController();
    const last = driver.chat(question("c"), callOptions({ signal }));
    const reason = new TrunklineError("aborted", "left");
    await turn();
    controller.abort(reason);
    expect(await failureOf(waiting)).toBe(reason);
    open.open();
    await Promise.all([first, last]);
    expect(seen.histories).toHaveLength(2);
    for (const each of [signal, controller.signal]) expect(getEventListeners(each, "abort")).toHaveLength(0);
  });

  test("a failure gives its place back", async () => {
    let fail = true;
    const says = () => {
      if (fail) throw new Error("out of memory");
      return [{ text: "Well." }];
    };
    const { call } = modelOf({ says }, { sequences: 1 });
    expect((await failureOf(call(question(), callOptions()))).code).toBeDefined();
    fail = false;
    expect((await call(question(), callOptions())).text).toBe("Well.");
  });
});
