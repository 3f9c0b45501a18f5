import { execFile } from "node:child_process";
import { getEventListeners } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import { clients, completion, configure, context, type LM, TrunklineError } from "../../../src/index.ts";
import { processDefaults } from "../../../src/lm/scope.ts";
import { ChatAgent, type ChatEvent } from "../../../src/program/chat-agent.ts";
import { Module } from "../../../src/program/module.ts";
import { type ToolContext, tool } from "../../../src/program/tool.ts";
import { scriptedLM } from "../../../src/testing/scripted-lm.ts";
import { scripted, toolTexts } from "./rig.ts";

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const double = tool({
  name: "double",
  inputSchema: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
  execute: ({ n }) => (n as number) * 2,
});
const roles = (agent: ChatAgent) => agent.history.map(({ role }) => role);

afterEach(async () => {
  delete processDefaults.lm;
  await clients.close({ mode: "abort" });
});

describe("ChatAgent", () => {
  test("R22: a turn brings text, message, tool calls, usage and cost, and stays in the history", async () => {
    const price = { input: 1_000_000, output: 2_000_000 };
    const { lm, questions } = scripted([{ calls: [["double", { n: 4 }, "c1"]] }, "It is 8.", "Yes."], {
      price,
    });
    const agent = new ChatAgent({ lm, system: "Be brief.", tools: [double] });
    const reply = await agent.run("Twice four?");
    expect(reply).toMatchObject({
      text: "It is 8.",
      message: { role: "assistant", content: "It is 8." },
      toolCalls: [{ id: "c1", name: "double", arguments: { n: 4 }, result: 8 }],
      finishReason: "stop",
      usage: { inputTokens: 20, outputTokens: 10, totalTokens: 30 },
      cost: { usd: 40, saved: 0 },
    });
    expect(roles(agent)).toEqual(["user", "assistant", "tool", "assistant"]);
    expect(questions[0]!.tools).toEqual([
      {
        name: "double",
        inputSchema: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
      },
    ]);
    expect(questions[1]!.messages.at(-1)).toEqual({ role: "tool", toolCallId: "c1", content: "8" });
    await agent.run("Sure?");
    expect(questions[2]!.messages.map(({ role }) => role)).toEqual([
      "system",
      "user",
      "assistant",
      "tool",
      "assistant",
      "user",
    ]);
    expect(JSON.parse(JSON.stringify(agent.history))).toEqual(agent.history);
    expect(Object.isFrozen(agent.history) && agent.history.every(Object.isFrozen)).toBe(true);
  });

  test("several tools run side by side and answer in the order of the calls; a failed one is answered, too", async () => {
    const { lm, questions } = scripted([
      {
        calls: [
          ["double", { n: 1 }, "a"],
          ["double", { n: "x" }, "b"],
          ["nope", {}, "c"],
        ],
      },
      "done",
    ]);
    const { toolCalls } = await new ChatAgent({ lm, tools: [double] }).run("go");
    expect(toolCalls.map(({ result, error }) => error ?? result)).toEqual([
      2,
      "wrong arguments for double: n: expected a number, got a string",
      'there is no tool "nope"; the tools are: double',
    ]);
    expect(toolTexts(questions[1]!.messages)).toEqual([
      "2",
      expect.stringMatching(/^Error: wrong/),
      expect.stringMatching(/^Error: there/),
    ]);
  });

  test("R8: a missing LM is an error that says what to pass; left out, the LM is that of the place", async () => {
    const make = (lm: unknown) => () => new ChatAgent({ lm: lm as LM });
    for (const missing of [undefined, null, "openai/gpt-4o-mini"]) {
      expect(make(missing)).toThrowError(/ChatAgent needs an LM, got .*getSharedLM\(\)/);
    }
    const agent = new ChatAgent();
    await expect(agent.run("x")).rejects.toMatchObject({
      code: "config",
      message: expect.stringContaining("give { lm } to its constructor"),
    });
    const [near, far, called] = [scripted("near"), scripted("far"), scripted("called")];
    configure({ lm: far.lm });
    expect((await agent.run("x")).text).toBe("far");
    expect((await context({ lm: near.lm }, () => agent.run("x"))).text).toBe("near");
    expect((await context({ lm: near.lm }, () => agent.run("x", { lm: called.lm }))).text).toBe("called");
    const own = new ChatAgent({ lm: near.lm });
    expect((await context({ lm: far.lm }, () => own.run("x"))).text).toBe("near");
    expect(agent.history).toHaveLength(6);
  });

  test("wrong options and inputs are errors that name them", async () => {
    const { lm } = scripted("x");
    const make = (options: object) => () => new ChatAgent({ lm, ...options } as never);
    expect(make({ maxStep: 3 })).toThrowError(/did you mean "maxSteps"/);
    expect(make({ maxSteps: 0 })).toThrowError(/maxSteps/);
    expect(make({ system: 7 })).toThrowError(/system/);
    expect(make({ tools: [double, double] })).toThrowError(/twice/);
    expect(make({ n: 2 })).toThrowError(/unknown option "n"/);
    expect(make({ history: "x" })).toThrowError(/history/);
    expect(make({ history: [{ role: "system", content: "x" }] })).toThrowError(/option `system`/);
    const call = { id: "a", name: "t", arguments: {}, argumentsText: "{}" };
    const half = [
      { role: "user", content: "x" },
      { role: "assistant", content: "", toolCalls: [call] },
    ];
    for (const [message, says] of [
      [{ role: "user" }, /history\[0\]\.content: expected a text or a list of parts, got undefined/],
      [{ role: "assistant", content: [] }, /history\[0\]\.content: expected a text, got/],
      [{ role: "assistant", content: "", toolCalls: 5 }, /history\[0\]\.toolCalls: expected a list/],
      [{ role: "assistant", content: "", toolCalls: [null] }, /toolCalls\[0\]: expected \{ id, name/],
      [{ role: "assistant", content: "", toolCalls: [{ id: "a", name: "t" }] }, /toolCalls\[0\]/],
    ] as const) {
      expect(make({ history: [message] })).toThrowError(says);
    }
    expect(make({ history: half })).toThrowError(/history: its end: .*; 1 of them unanswered/);
    expect(make({ history: [...half, { role: "user", content: "y" }] })).toThrowError(
      /history\[2\].*unanswered/,
    );
    expect(make({ history: [{ role: "tool", toolCallId: "a", content: "" }] })).toThrowError(
      /history\[0\].toolCallId/,
    );
    expect(make({ history: [...half, { role: "tool", toolCallId: "a", content: "1" }] })).not.toThrow();
    const agent = new ChatAgent({ lm });
    await expect(agent.run(7 as never)).rejects.toMatchObject({ code: "bad_request" });
    await expect(agent.run({ role: "assistant", content: "x" } as never)).rejects.toMatchObject({
      code: "bad_request",
    });
    await expect(agent.run("x", { temprature: 1 } as never)).rejects.toThrowError(/temperature/);
    expect(() => agent.stream("x", { lm: undefined } as never)).toThrowError(/needs an LM/);
  });

  test("a failed or aborted turn leaves the history as it was, and the next one starts from there", async () => {
    const { lm } = scripted([
      "one",
      { calls: [["double", { n: 1 }]] },
      new TrunklineError("server_error", "down"),
      "two",
    ]);
    const agent = new ChatAgent({ lm, tools: [double] });
    await agent.run("first");
    const before = agent.history;
    await expect(agent.run("second")).rejects.toMatchObject({ code: "server_error" });
    expect(agent.history).toBe(before);
    expect((await agent.run("third")).text).toBe("two");
    expect(agent.history.map(({ content }) => content)).toEqual(["first", "one", "third", "two"]);
  });

  test("turns take place one after another, and an abort of a waiting one detaches it alone", async () => {
    const gates: (() => void)[] = [];
    const { lm, questions } = scripted(async ({ messages }) => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return `answer to ${messages.at(-1)!.content}`;
    });
    const agent = new ChatAgent({ lm });
    const leave = new AbortController();
    const first = agent.run("1");
    const second = agent.run("2", { signal: leave.signal });
    const third = agent.run("3");
    while (gates.length < 1) await settle();
    leave.abort();
    await expect(second).rejects.toMatchObject({ code: "aborted" });
    expect(questions).toHaveLength(1);
    gates[0]!();
    expect((await first).text).toBe("answer to 1");
    while (gates.length < 2) await settle();
    gates[1]!();
    expect((await third).text).toBe("answer to 3");
    expect(agent.history.map(({ content }) => content)).toEqual(["1", "answer to 1", "3", "answer to 3"]);
  });

  test("an abort and a deadline end a turn at once while a tool hangs, and the tool hears of it", async () => {
    const seen: AbortSignal[] = [];
    const hang = tool({
      name: "hang",
      inputSchema: { type: "object" },
      execute: (_, { signal }: ToolContext) => {
        seen.push(signal);
        return new Promise(() => {});
      },
    });
    const { lm } = scripted({ calls: [["hang", {}]] });
    const agent = new ChatAgent({ lm, tools: [hang] });
    const controller = new AbortController();
    const turn = agent.run("x", { signal: controller.signal });
    while (seen.length < 1) await settle();
    controller.abort();
    await expect(turn).rejects.toMatchObject({ code: "aborted" });
    await expect(agent.run("x", { deadline: 20 })).rejects.toMatchObject({ code: "timeout", phase: "total" });
    expect(seen.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(agent.history).toEqual([]);
  });

  test("a turn that was aborted before it began keeps nobody waiting", async () => {
    const agent = new ChatAgent({ lm: scripted("ok").lm, maxQueue: 0 });
    await expect(agent.run("1", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
    expect((await agent.run("2")).text).toBe("ok");
  });

  test("a turn that waits hears its deadline, and too many waiting are refused", async () => {
    const { lm } = scripted(() => new Promise<never>(() => {}));
    const agent = new ChatAgent({ lm, maxQueue: 1 });
    const controller = new AbortController();
    const first = agent.run("1", { signal: controller.signal });
    const second = agent.run("2", { deadline: 20 });
    await expect(agent.run("3")).rejects.toMatchObject({ code: "queue_full" });
    await expect(second).rejects.toMatchObject({ code: "timeout" });
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: "aborted" });
  });

  test("maxSteps bounds a turn: the last answer's tools are not run, and the error says so", async () => {
    let ran = 0;
    const count = tool({ name: "count", inputSchema: { type: "object" }, execute: () => ++ran });
    const { lm, questions } = scripted({ calls: [["count", {}]] });
    await expect(new ChatAgent({ lm, tools: [count], maxSteps: 3 }).run("x")).rejects.toMatchObject({
      code: "incomplete",
      message: expect.stringMatching(/3 steps \(maxSteps\)/),
    });
    expect([questions.length, ran]).toEqual([3, 2]);
    await expect(new ChatAgent({ lm, tools: [count] }).run("x")).rejects.toThrowError(/20 steps/);
    expect(questions).toHaveLength(23);
  });

  test("an answer that was cut while it called tools runs none of them", async () => {
    let ran = 0;
    const count = tool({ name: "count", inputSchema: { type: "object" }, execute: () => ++ran });
    const cut = completion("", {
      finishReason: "length",
      toolCalls: [{ id: "a", name: "count", arguments: {}, argumentsText: "{" }],
    });
    const agent = new ChatAgent({ lm: scripted(cut).lm, tools: [count] });
    await expect(agent.run("x")).rejects.toMatchObject({ code: "incomplete", retryable: false });
    expect(ran).toBe(0);
  });

  test.each([
    ["none", ["", "", "x"]],
    ["one missing", ["", "b"]],
    ["one for all", ["a", "a"]],
  ])(
    "tool calls without ids of their own (%s) get some, so that each has its one answer",
    async (_, given) => {
      const calls = given.map((id, n) => ["double", { n }, id] as const);
      const { lm, questions } = scripted([{ calls }, "done"]);
      const agent = new ChatAgent({ lm, tools: [double] });
      await agent.run("go");
      const ids = questions[1]!.messages.flatMap((message) =>
        message.role === "tool" ? [message.toolCallId] : [],
      );
      expect(new Set(ids).size).toBe(given.length);
      expect(ids).not.toContain("");
      expect(() => new ChatAgent({ lm, history: agent.history })).not.toThrow();
    },
  );

  test("reasoning and what a provider wants to see again stay in the history and go back to it", async () => {
    const thinking = completion("hm", { reasoning: "let me think" });
    const opaque = { anthropic: { thinking: [{ signature: "abc" }] } };
    const message = { ...thinking.choices[0]!.message, opaque };
    const { lm, questions } = scripted([
      { ...thinking, choices: [{ ...thinking.choices[0]!, message }] },
      "ok",
    ]);
    const agent = new ChatAgent({ lm });
    await agent.run("x");
    await agent.run("y");
    expect(questions[1]!.messages[1]).toMatchObject({ role: "assistant", reasoning: "let me think", opaque });
    const copy = new ChatAgent({ lm, history: JSON.parse(JSON.stringify(agent.history)) });
    expect(copy.history[1]).toMatchObject({ opaque });
  });

  test("a tool choice that forces a tool holds for the first step only", async () => {
    const { lm, questions } = scripted([{ calls: [["double", { n: 1 }]] }, "done"]);
    await new ChatAgent({ lm, tools: [double], toolChoice: "required" }).run("x");
    expect(questions.map(({ toolChoice }) => toolChoice)).toEqual(["required", "auto"]);
    const deaf = scripted([{ calls: [["double", { n: 1 }]] }, "done"]);
    await new ChatAgent({ lm: deaf.lm, tools: [double], toolChoice: "none" }).run("x");
    expect(deaf.questions.map(({ toolChoice }) => toolChoice)).toEqual(["none", "none"]);
  });

  test("of several choices that an LM is set to, the first is the answer, streamed too", async () => {
    const lm = scriptedLM([
      [
        { choice: 0, text: "one" },
        { choice: 1, text: "other" },
      ],
    ]);
    const agent = new ChatAgent({ lm });
    const texts: string[] = [];
    for await (const event of agent.stream("x")) if (event.type === "delta") texts.push(event.text);
    expect(texts.join("")).toBe("one");
    expect(agent.history[1]!.content).toBe("one");
  });

  test("what the options and a turn say reaches every call; a turn's word goes before the agent's", async () => {
    const { lm, questions } = scripted("x");
    const agent = new ChatAgent({ lm, temperature: 0, maxTokens: 9 });
    await agent.run("a");
    await agent.run("b", { temperature: 1, stop: ["."] });
    await context({ temperature: 0.5 }, () => agent.run("c"));
    await context({ temperature: 0.5 }, () => new ChatAgent({ lm }).run("d"));
    expect(questions.map(({ temperature, maxTokens, stop }) => [temperature, maxTokens, stop])).toEqual([
      [0, 9, undefined],
      [1, 9, ["."]],
      [0, 9, undefined],
      [0.5, 256, undefined],
    ]);
  });

  test("a message may have parts, and a later change of it reaches nobody", async () => {
    const { lm, questions } = scripted("a cat");
    const agent = new ChatAgent({ lm });
    const content = [
      { type: "text" as const, text: "What is it?" },
      { type: "image" as const, url: "https://x.example/a.png" },
    ];
    const turn = agent.run({ role: "user", content });
    content[0] = { type: "text", text: "changed" };
    await turn;
    expect(questions[0]!.messages[0]!.content).toMatchObject([{ text: "What is it?" }, { type: "image" }]);
  });

  test("bytes of a picture are base64 text in the history, so that JSON keeps them", async () => {
    const { lm, questions } = scripted(() => "a dot");
    const agent = new ChatAgent({ lm });
    const picture = { type: "image", data: new Uint8Array([1, 2, 3]), mediaType: "image/png" } as const;
    const part = { type: "image", data: "AQID", mediaType: "image/png" };
    await agent.run({ role: "user", content: [picture] });
    expect(agent.history[0]!.content).toEqual([part]);
    const history = JSON.parse(JSON.stringify(agent.history));
    await new ChatAgent({ lm, history }).run("And now?");
    expect(questions[1]!.messages[0]!.content).toEqual([part]);
    expect(new ChatAgent({ lm, history: agent.history }).history).toEqual(agent.history);
    const shared = new ChatAgent({ lm, history }).history;
    expect(new ChatAgent({ lm, history: shared }).history).toBe(shared);
    const given = new ChatAgent({ lm, history: [{ role: "user", content: [picture] }] });
    expect(given.history[0]!.content).toEqual([part]);
    const lost = JSON.parse(JSON.stringify([{ role: "user", content: [picture] }]));
    expect(() => new ChatAgent({ lm, history: lost })).toThrowError(
      /history\[0\]\.content\[0\]\.data: expected base64 text or bytes/,
    );
  });

  test("maxHistoryTokens drops the oldest whole turns, never the system text or half a tool exchange", async () => {
    const long = "word ".repeat(80); // 100 tokens
    const { lm, questions } = scripted((question) => {
      const last = question.messages.at(-1)!;
      return last.role === "user" && last.content === `tool ${long}`
        ? { calls: [["double", { n: 1 }]] }
        : "ok";
    });
    const agent = new ChatAgent({ lm, system: `rules ${long}`, tools: [double], maxHistoryTokens: 260 });
    await agent.run(`tool ${long}`);
    await agent.run(`two ${long}`);
    expect(roles(agent)).toEqual(["user", "assistant", "tool", "assistant", "user", "assistant"]);
    await agent.run(`three ${long}`);
    // Begun by a system text, the last question holds the second turn and the third.
    expect(questions.at(-1)!.messages.map(({ role }) => role)).toEqual([
      "system",
      "user",
      "assistant",
      "user",
    ]);
    expect(agent.history[0]!.content).toBe(`two ${long}`);
    const huge = "x".repeat(4_000);
    await agent.run(huge);
    expect(agent.history.map(({ content }) => content)).toEqual([huge, "ok"]);
  });
});

describe("hand-off", () => {
  test("another agent as a tool: its turn starts from its history and leaves it so; its usage counts", async () => {
    const expert = scripted((question) => `expert says ${question.messages.at(-1)!.content}`);
    const lawyer = new ChatAgent({
      lm: expert.lm,
      system: "Law.",
      history: [{ role: "user", content: "seed" }],
    });
    const { lm } = scripted([
      {
        calls: [
          ["lawyer", { message: "one" }, "a"],
          ["lawyer", { message: "two" }, "b"],
        ],
      },
      "all done",
    ]);
    const desk = new ChatAgent({
      lm,
      tools: [lawyer.asTool({ name: "lawyer", description: "Knows the law." })],
    });
    const reply = await desk.run("help");
    expect(reply.toolCalls.map(({ result }) => result)).toEqual(["expert says one", "expert says two"]);
    expect(reply.usage.totalTokens).toBe(4 * 15);
    expect(expert.questions.map(({ messages }) => messages.map(({ content }) => content))).toEqual([
      ["Law.", "seed", "one"],
      ["Law.", "seed", "two"],
    ]);
    expect(lawyer.history).toHaveLength(1);
  });

  test("agents that hand off to one another end by the outermost's maxSteps, with an error that names them", async () => {
    const { lm, questions } = scripted((question) => ({
      calls: [[question.tools![0]!.name, { message: "over to you" }]],
    }));
    // Tools are looked at when an agent is made, so a cycle goes through one that finds its agent late.
    const late = (name: string, find: () => ChatAgent) =>
      tool({
        name,
        inputSchema: { type: "object" },
        execute: (input, hear) => find().asTool({ name }).execute(input, hear),
      });
    const b: ChatAgent = new ChatAgent({ lm, tools: [late("c", () => c)] });
    const c = new ChatAgent({ lm, tools: [late("b", () => b)] });
    const root = new ChatAgent({ lm, tools: [late("b", () => b)], maxSteps: 7 });
    await expect(root.run("go")).rejects.toMatchObject({
      code: "incomplete",
      message: expect.stringMatching(/7 steps \(maxSteps\), counting those of b, c that it handed off to/),
    });
    expect(questions).toHaveLength(7);
  });

  test("a turn inside a turn of the same agent is refused: it would wait for itself", async () => {
    const { lm } = scripted([{ calls: [["again", {}]] }, "never"]);
    const again = tool({
      name: "again",
      inputSchema: { type: "object" },
      execute: () => agent.run("me").then((r) => r.text),
    });
    const agent: ChatAgent = new ChatAgent({ lm, tools: [again] });
    await expect(agent.run("x")).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(/same agent/),
    });
  });

  test("work that a tool left behind may ask the agent again when its turn is over", async () => {
    const { lm } = scripted([{ calls: [["later", {}]] }, "first", "second"]);
    const over = Promise.withResolvers<void>();
    let left: Promise<string> | undefined;
    const later = tool({
      name: "later",
      inputSchema: { type: "object" },
      execute: () => {
        left = over.promise.then(() => agent.run("again")).then(({ text }) => text);
        return "begun";
      },
    });
    const agent: ChatAgent = new ChatAgent({ lm, tools: [later], maxSteps: 2 });
    expect((await agent.run("x")).text).toBe("first");
    over.resolve();
    expect(await left).toBe("second");
  });

  test("an abort of the outer turn reaches the inner one", async () => {
    const inner = scripted(() => new Promise<never>(() => {}));
    const { lm } = scripted({ calls: [["b", { message: "x" }]] });
    const agent = new ChatAgent({ lm, tools: [new ChatAgent({ lm: inner.lm }).asTool({ name: "b" })] });
    const controller = new AbortController();
    const turn = agent.run("x", { signal: controller.signal });
    while (inner.questions.length < 1) await settle();
    controller.abort();
    await expect(turn).rejects.toMatchObject({ code: "aborted" });
    expect(inner.questions[0]!.signal.aborted).toBe(true);
  });
});

describe("ChatAgent.stream", () => {
  const collect = async (events: AsyncIterable<ChatEvent>) => {
    const seen: ChatEvent[] = [];
    for await (const event of events) seen.push(event);
    return seen;
  };

  test("yields deltas, tool calls and results, and the reply at last; cached answers yield the same kinds", async () => {
    const { lm, questions } = scripted(
      ({ messages }) =>
        messages.at(-1)!.role === "tool"
          ? "It is eight."
          : { text: "Let me see", calls: [["double", { n: 4 }, "c1"]] },
      { cache: true },
    );
    const stream = () => new ChatAgent({ lm, tools: [double] }).stream("Twice four?");
    for (const cached of [false, true]) {
      const events = await collect(stream());
      expect(events.map((event) => (event.type === "tool" ? event.state : event.type))).toEqual(
        expect.arrayContaining(["delta", "called", "returned", "reply"]),
      );
      const text = events.map((event) => (event.type === "delta" ? event.text : `[${event.type}]`)).join("");
      expect(text).toBe("Let me see[tool][tool]It is eight.[reply]");
      expect(events.find((event) => event.type === "tool" && event.state === "returned")).toMatchObject({
        id: "c1",
        name: "double",
        arguments: { n: 4 },
        result: 8,
      });
      expect(events.at(-1)).toMatchObject({ type: "reply", reply: { text: "It is eight." } });
      expect(questions).toHaveLength(2);
      if (cached) expect(events.at(-1)).toMatchObject({ reply: { toolCalls: [{ result: 8 }] } });
    }
  });

  test("nothing starts before the first look; leaving the loop aborts the turn and leaves the history", async () => {
    let signal: AbortSignal | undefined;
    const { lm, questions } = scripted((question) => {
      signal = question.signal;
      question.onDelta?.("Once ");
      return new Promise<never>(() => {});
    });
    const agent = new ChatAgent({ lm });
    const stream = agent.stream("Tell me");
    await settle();
    expect(questions).toHaveLength(0);
    for await (const event of stream) {
      expect(event).toEqual({ type: "delta", text: "Once " });
      break;
    }
    await expect(stream.reply).rejects.toMatchObject({ code: "aborted" });
    expect(signal!.aborted).toBe(true);
    expect(agent.history).toEqual([]);
    expectTypeOf(stream.reply).resolves.toHaveProperty("text");
  });

  test("inside a module its text and tool calls are in the module's stream, under its class", async () => {
    class Desk extends Module {
      async forward({ question }: { question: string }) {
        const { lm } = scripted([{ calls: [["double", { n: 4 }]] }, "Eight."]);
        return (await new ChatAgent({ lm, tools: [double] }).run(question)).text;
      }
    }
    const seen: string[] = [];
    for await (const event of new Desk().stream({ question: "?" })) {
      if (event.type === "delta") seen.push(`${event.predictor.split("#")[0]} ${event.field} ${event.text}`);
      else seen.push(event.type === "tool" ? event.state : event.type);
    }
    expect(seen).toEqual(["called", "returned", "ChatAgent text Eight.", "prediction"]);
  });

  test("inside a module each turn is in its trace, the failed one too", async () => {
    const { lm } = scripted([
      { calls: [["double", { n: 4 }]] },
      "Eight.",
      new TrunklineError("content_filter", "no"),
    ]);
    class Desk extends Module {
      async forward({ question }: { question: string }) {
        const agent = new ChatAgent({ lm, tools: [double] });
        const { text } = await agent.run(question);
        await agent.run("again").catch(() => {});
        return text;
      }
    }
    const { trace } = await new Desk().run({ question: "Twice four?" });
    expect(trace.entries).toMatchObject([
      {
        predictor: expect.stringMatching(/^ChatAgent#/),
        inputs: { message: "Twice four?" },
        outputs: { text: "Eight." },
        messages: [{ role: "user" }, { role: "assistant" }, { role: "tool" }],
        usage: { totalTokens: 30 },
      },
      { inputs: { message: "again" }, error: { code: "content_filter", message: "no" } },
    ]);
    expect(trace.tools).toMatchObject([{ name: "double", result: 8 }]);
    expect(trace.usage.totalTokens).toBe(30);
    expect(JSON.parse(JSON.stringify(trace)).entries).toHaveLength(2);
  });

  test("a signal that many turns share carries no listener of ours when they are done", async () => {
    const { signal } = new AbortController();
    const agent = new ChatAgent({ lm: scripted("ok").lm });
    await Promise.all(Array.from({ length: 50 }, () => agent.run("x", { signal })));
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("a failure is thrown by the loop and by `reply`, and is no unhandled rejection", async () => {
    const agent = new ChatAgent({ lm: scripted(new TrunklineError("server_error", "down")).lm });
    await expect(collect(agent.stream("x"))).rejects.toMatchObject({ code: "server_error" });
    await expect(agent.stream("x").reply).rejects.toMatchObject({ code: "server_error" });
    agent.stream("x").reply;
    await settle();
  });
});

test("R31, R22: 10,000 ChatAgents with empty history weigh at most 512 bytes each and open nothing", async () => {
  const child = fileURLToPath(new URL("memory-child.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", child, "10000"], {
    timeout: 60_000,
  });
  const outcome = JSON.parse(stdout);
  expect(outcome).toMatchObject({ agents: 10_000, moreDescriptors: 0 });
  expect(outcome.bytesEach).toBeLessThan(512);
});
