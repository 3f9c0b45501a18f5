import { afterEach, describe, expect, test } from "vitest";
import {
  type Adapter,
  cache,
  completion,
  Module,
  Predict,
  type StreamEvent,
  TrunklineError,
} from "../../src/index.ts";
import { gate, scriptedLM } from "../../src/testing/index.ts";

afterEach(() => cache.clear());

/** One field `answer`: its text is streamed up to a "." and is its value; "?" is what cannot be read. */
const plain: Adapter = {
  name: "plain",
  plan: () => ({
    ask: () => ({ messages: [{ role: "user", content: "?" }] }),
    askAgain: (question) => ({ messages: [...question.messages, { role: "user", content: "again" }] }),
    read: (answer) =>
      answer.includes("?")
        ? { values: {}, problems: [{ field: "answer", message: "a question is no answer", missing: false }] }
        : { values: { answer: answer.trim() }, problems: [] },
    reader: () => {
      let all = "";
      return {
        push(text) {
          all += text;
          return [{ type: "delta", field: "answer", text }];
        },
        end: () => [{ type: "field", field: "answer", value: all }],
      };
    },
  }),
};

const ask = () => new Predict("question -> answer", { adapter: plain });
const inputs = { question: "?" };

async function eventsOf<P>(stream: AsyncIterable<StreamEvent<P>>): Promise<StreamEvent<P>[]> {
  const events: StreamEvent<P>[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

describe("module.stream", () => {
  test("yields deltas by field, the fields' values, and the prediction last", async () => {
    const more = gate();
    const lm = scriptedLM([["so", more, "on"]]);
    const stream = ask().stream(inputs, { lm });
    expect(await stream.next()).toEqual({
      done: false,
      value: { type: "delta", predictor: "self", field: "answer", text: "so" },
    });
    more.open();
    expect(await eventsOf(stream)).toEqual([
      { type: "delta", predictor: "self", field: "answer", text: "on" },
      { type: "field", predictor: "self", field: "answer", value: "soon" },
      { type: "prediction", prediction: { answer: "soon" } },
    ]);
  });

  test("names predictors as the module does, side by side too", async () => {
    class Two extends Module {
      first = ask();
      rest = [ask()];
      async forward(given: { question: string }) {
        await Promise.all([this.first.call(given), this.rest[0]!.call(given)]);
        return "both";
      }
    }
    const events = await eventsOf(new Two().stream(inputs, { lm: scriptedLM(() => ["a", "b"]) }));
    for (const predictor of ["first", "rest[0]"]) {
      expect(events.filter((event) => "predictor" in event && event.predictor === predictor).at(-1)).toEqual({
        type: "field",
        predictor,
        field: "answer",
        value: "ab",
      });
    }
    expect(events.at(-1)).toEqual({ type: "prediction", prediction: "both" });
  });

  test("deltas that nobody takes are merged, never dropped", async () => {
    const lm = scriptedLM([["a", "b", "c"]]);
    const stream = ask().stream(inputs, { lm });
    await stream.prediction;
    expect((await eventsOf(stream)).filter(({ type }) => type === "delta")).toEqual([
      { type: "delta", predictor: "self", field: "answer", text: "abc" },
    ]);
  });

  test("a value that was read otherwise than it was shown is told in the end", async () => {
    const events = await eventsOf(ask().stream(inputs, { lm: scriptedLM(["  trimmed "]) }));
    expect(events.filter(({ type }) => type === "field")).toEqual([
      { type: "field", predictor: "self", field: "answer", value: "  trimmed " },
      { type: "field", predictor: "self", field: "answer", value: "trimmed" },
    ]);
  });

  test("a re-ask is told by a restart", async () => {
    const events = await eventsOf(ask().stream(inputs, { lm: scriptedLM(["what?", "this"]) }));
    expect(events.map(({ type }) => type)).toEqual([
      "delta",
      "field",
      "restart",
      "delta",
      "field",
      "prediction",
    ]);
    expect(events[2]).toEqual({ type: "restart", predictor: "self" });
    expect(events.at(-1)).toEqual({ type: "prediction", prediction: { answer: "this" } });
  });

  test("an answer from the cache yields the same kinds", async () => {
    const lm = scriptedLM([["so", "on"]], { cache: true });
    const predict = ask().setLM(lm);
    const live = await eventsOf(predict.stream(inputs));
    const cached = await eventsOf(predict.stream(inputs));
    expect(lm.calls.length).toBe(1);
    const kinds = (events: readonly { type: string }[]) => [...new Set(events.map(({ type }) => type))];
    expect(kinds(cached)).toEqual(kinds(live));
    expect(cached.at(-1)).toEqual(live.at(-1));
  });

  test("of several choices the first is shown", async () => {
    const choices = ["one", "two"].map((content, index) => ({
      index,
      message: { role: "assistant" as const, content },
      finishReason: "stop" as const,
    }));
    const lm = scriptedLM([{ ...completion("one"), choices }]);
    const events = await eventsOf(
      new Predict("question -> answer", { adapter: plain, n: 2 }).stream(inputs, { lm }),
    );
    expect(JSON.stringify(events)).not.toContain("two");
  });

  test("nothing starts before the first next(), and the prediction starts it as well", async () => {
    const lm = scriptedLM(() => "x");
    const stream = ask().stream(inputs, { lm });
    expect(lm.calls).toEqual([]);
    expect(await stream.prediction).toEqual({ answer: "x" });
    expect(lm.calls.length).toBe(1);
  });

  test("leaving the loop aborts everything inside", async () => {
    const never = gate();
    const lm = scriptedLM(() => ["so", never]);
    const stream = ask().stream(inputs, { lm });
    for await (const event of stream) {
      expect(event.type).toBe("delta");
      break;
    }
    await lm.saw((calls) => calls[0]!.state === "aborted");
    await expect(stream.prediction).rejects.toMatchObject({ code: "aborted" });
  });

  test("a failure ends the loop with it, and is never an unhandled rejection", async () => {
    const failed: unknown[] = [];
    const hear = (reason: unknown) => failed.push(reason);
    process.on("unhandledRejection", hear);
    const failing = () => ask().stream(inputs, { lm: scriptedLM([new TrunklineError("quota", "no money")]) });
    await expect(eventsOf(failing())).rejects.toMatchObject({ code: "quota" });
    const left = failing();
    await left.next().catch(() => {});
    void left.prediction;
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", hear);
    expect(failed).toEqual([]);
  });

  test("a stream inside a stream shows its fields in both, each under its own names", async () => {
    const inside: unknown[] = [];
    class Outer extends Module {
      inner = ask();
      async forward(given: { question: string }) {
        const stream = this.inner.stream(given);
        for await (const event of stream) if (event.type === "delta") inside.push(event.predictor);
        return stream.prediction;
      }
    }
    const events = await eventsOf(new Outer().stream(inputs, { lm: scriptedLM(["x"]) }));
    expect(inside).toEqual(["self"]);
    expect(events.map((event) => ("predictor" in event ? event.predictor : event.type))).toEqual([
      "inner",
      "inner",
      "prediction",
    ]);
  });

  test("parallel streams of one program never mix", async () => {
    const program = ask();
    const answers = await Promise.all(
      ["a", "b", "c"].map((name) => eventsOf(program.stream(inputs, { lm: scriptedLM([[name, name]]) }))),
    );
    expect(answers.map((events) => events.at(-1))).toEqual(
      ["aa", "bb", "cc"].map((answer) => ({ type: "prediction", prediction: { answer } })),
    );
  });
});

describe.each(["chat", "json", "xml"] as const)("the %s adapter streams", (adapter) => {
  const signature = "question -> reasoning, score: int, tags: string[]";
  const outputs = { reasoning: "Because it is so.\nAnd so on.", score: 7, tags: ["a", "b"] };

  test("each field, whose deltas make up its text, and its value, before the prediction", async () => {
    const lm = scriptedLM(() => outputs);
    const stream = new Predict(signature, { adapter }).stream(inputs, { lm });
    const events = await eventsOf(stream);
    const fields = events.filter((event) => event.type === "field");
    expect(Object.fromEntries(fields.map(({ field, value }) => [field, value]))).toEqual(outputs);
    const text = events
      .map((event) => (event.type === "delta" && event.field === "reasoning" ? event.text : ""))
      .join("");
    expect(text).toBe(outputs.reasoning);
    expect(events.at(-1)).toEqual({ type: "prediction", prediction: outputs });
  });
});
