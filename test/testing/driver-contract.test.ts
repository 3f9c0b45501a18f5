import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { type Completion, completion } from "../../src/core/completion.ts";
import { textOf } from "../../src/core/message.ts";
import type { ChatRequest } from "../../src/core/request.ts";
import type { Driver, DriverOptions } from "../../src/drivers/driver.ts";
import { simulatedDriver } from "../../src/drivers/simulated.ts";
import { cases, type DriverCase, type Situation } from "../../src/testing/contract/cases.ts";
import { driverContract } from "../../src/testing/driver-contract.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { gate } from "../../src/testing/gate.ts";
import { scriptedDriver } from "../../src/testing/scripted-driver.ts";

const plain = { images: false, files: false, tools: false, responseFormat: "text", choices: false } as const;

const steps = {
  answers: "A few words.",
  waits: [gate()],
  stalls: ["A few", gate(), " words."],
  fails: new Error("no"),
} as const;

driverContract("scripted", (situation) => scriptedDriver(() => steps[situation]), { describe, test });
driverContract(
  "scripted, with few abilities",
  (situation) => scriptedDriver(() => steps[situation], { abilities: plain }),
  { describe, test },
);

driverContract(
  "simulated",
  (situation) => {
    const clock = new FakeClock();
    if (situation === "answers")
      return simulatedDriver({ clock: systemClock, latency: { firstTokenMs: 1, perTokenMs: 0.1 } });
    if (situation === "fails") {
      const error = { message: "overloaded", type: "server_error", code: null };
      return simulatedDriver({ clock, refuse: () => ({ status: 503, headers: {}, error }) });
    }
    const driver = simulatedDriver({
      clock,
      latency: { firstTokenMs: situation === "stalls" ? 0 : 1_000, perTokenMs: 1_000 },
    });
    // The clock stands still after the first token; work that has stopped leaves no timer behind.
    if (situation === "stalls") setImmediate(() => clock.step());
    return { driver, stopped: async () => expect(clock.pending).toBe(0) };
  },
  { describe, test },
);

describe("the suite finds", () => {
  const said = { inputTokens: 1, outputTokens: 1, rawFinishReason: "stop" };
  const good = completion("a", said);
  type Chat = (request: ChatRequest, options: DriverOptions, situation: Situation) => Promise<Completion>;
  let shared = "";

  const faults: [DriverCase, string, Chat][] = [
    ["plainAnswer", "a text that is not the choice's", async () => ({ ...good, text: "b" })],
    [
      "usage",
      "a total that does not add up",
      async () => ({ ...good, usage: { ...good.usage, totalTokens: 9 } }),
    ],
    ["finishReason", "a missing raw finish reason", async () => completion("a")],
    [
      "streaming",
      "deltas that are not the text",
      async (_, { onDelta }) => {
        onDelta?.({ text: "other" });
        return good;
      },
    ],
    [
      "parallel",
      "answers that mix",
      async (request, { onDelta }) => {
        shared = textOf(request.messages[0]!.content);
        onDelta?.({ text: shared });
        await Promise.resolve();
        return completion(shared, said);
      },
    ],
    [
      "noListenerLeft",
      "a listener left behind",
      async (_, { signal }) => {
        signal?.addEventListener("abort", () => {});
        return good;
      },
    ],
    ["abortWaiting", "an answer in spite of an abort", async () => good],
    ["errors", "an answer where a failure was due", async () => good],
    [
      "errors",
      "a failure in words of its own, and a listener that stays",
      async (_, { signal }) => {
        signal?.addEventListener("abort", () => {});
        throw new Error("no");
      },
    ],
  ];

  test.each(faults)("%s: %s", async (name, _, chat) => {
    const failed: string[] = [];
    const running: Promise<unknown>[] = [];
    driverContract(
      "broken",
      (situation): Driver => ({
        name: "broken",
        abilities: plain,
        chat: (request, options) => chat(request, options, situation),
      }),
      {
        describe: (_, body) => body(),
        test: (title, body) => running.push(body().catch(() => failed.push(title))),
      },
    );
    await Promise.all(running);
    expect(failed).toContain(cases[name].title);
  });
});

test("a case that is left out shows its reason", () => {
  const titles: string[] = [];
  driverContract("any", () => scriptedDriver([]), {
    describe: (_, body) => body(),
    test: (title) => titles.push(title),
    skip: { streaming: "it has no stream" },
  });
  expect(titles).toHaveLength(Object.keys(cases).length);
  expect(titles).toContain("deltas add up to the answer's text (left out: it has no stream)");
});
