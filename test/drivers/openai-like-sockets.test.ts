import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import type { Delta } from "../../src/core/call.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { lookup } from "../../src/drivers/catalog.ts";
import type { DriverOptions } from "../../src/drivers/driver.ts";
import { guard } from "../../src/drivers/guard.ts";
import { replies } from "../../src/testing/faulty/replies.ts";
import type { Reply } from "../../src/testing/faulty/reply.ts";
import type { SeenRequest } from "../../src/testing/faulty/seen.ts";
import {
  type FaultyServer,
  type FaultyServerOptions,
  faultyServer,
} from "../../src/testing/faulty-server.ts";
import { gate } from "../../src/testing/gate.ts";
import { callOptions, question } from "./call-options.ts";
import { chunk } from "./fake-line.ts";
import { realLine } from "./real-line.ts";

type Ask = (prompt: string, options?: Partial<DriverOptions>) => Promise<Completion>;

async function withServer<T>(
  options: FaultyServerOptions,
  use: (ask: Ask, server: FaultyServer) => Promise<T>,
): Promise<T> {
  await using server = await faultyServer(options);
  using line = realLine(server);
  const { facts, makeDriver } = lookup("openai-compatible/m1");
  expect(facts.name).toBe("openai-compatible");
  const call = guard(makeDriver(line, { clock: systemClock }), { clock: systemClock, logger: () => console });
  return await use((prompt, own) => call(question(prompt), callOptions(own)), server);
}

const failure = async (promise: Promise<unknown>): Promise<TrunklineError> => {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(TrunklineError);
  return error as TrunklineError;
};

const done = "data: [DONE]\n\n";
const oneReply = (reply: Reply): FaultyServerOptions => ({ script: reply });

for (const wire of [
  { protocol: "h1" },
  { protocol: "h1", tls: true },
  { protocol: "h2", tls: true },
] as const satisfies FaultyServerOptions[]) {
  describe(`over ${wire.protocol}${"tls" in wire ? " and TLS" : ""}`, () => {
    test("a question is asked and answered, whole and as a stream", async () => {
      const script = (request: SeenRequest): Reply =>
        request.body.includes('"stream":true')
          ? replies.chatStream(["Grü", "ße ", "🌍"])
          : replies.chat("Grüße 🌍");
      await withServer({ ...wire, script }, async (ask, server) => {
        const heard: Delta[] = [];
        const whole = await ask("Was? 🌍");
        const streamed = await ask("Was? 🌍", { onDelta: (delta) => heard.push(delta) });
        expect([whole.text, streamed.text]).toEqual(["Grüße 🌍", "Grüße 🌍"]);
        expect(heard.map((delta) => delta.text)).toEqual(["Grü", "ße ", "🌍"]);
        const [first] = server.seen.requests;
        expect(first).toMatchObject({ method: "POST", path: "/v1/chat/completions" });
        expect(first!.headers).toMatchObject({
          authorization: "Bearer sk-secret-0001",
          "content-type": "application/json",
          "user-agent": "trunkline",
        });
        expect(JSON.parse(first!.body)).toEqual({
          model: "m1",
          messages: [{ role: "user", content: "Was? 🌍" }],
        });
      });
    });

    test("R127: a failing status is its error, with its hint", async () => {
      await withServer({ ...wire, script: replies.error(429, {}, { "retry-after": "2" }) }, async (ask) => {
        expect(await failure(ask("Q"))).toMatchObject({
          code: "rate_limit",
          status: 429,
          retryAfterMs: 2_000,
        });
      });
    });

    test("E3: a stream that is cut carries its partial text", async () => {
      const cut = replies.events([chunk("half "), chunk("an answer")], { end: "fin" });
      await withServer({ ...wire, script: cut }, async (ask) => {
        const error = await failure(ask("Q", { onDelta() {} }));
        expect(["network", "incomplete"]).toContain(error.code);
        expect(error.partial?.text).toBe("half an answer");
      });
    });

    test("E5: the answer is there at [DONE], though the server never ends it", async () => {
      const open = replies.events([chunk("Hi.", "stop"), done], { end: "open" });
      await withServer({ ...wire, script: open }, async (ask) => {
        expect((await ask("Q", { onDelta() {} })).text).toBe("Hi.");
        expect((await ask("Again", { onDelta() {} })).text).toBe("Hi.");
      });
    });

    test("E6: comments keep no deadline away", async () => {
      const never = gate();
      const stalled = replies.events([chunk("Hi"), ": ping\n\n", ": ping\n\n", never]);
      await withServer({ ...wire, script: stalled }, async (ask) => {
        const error = await failure(ask("Q", { onDelta() {}, idleTimeout: 50 }));
        expect(error).toMatchObject({ code: "timeout", phase: "idle", partial: { text: "Hi" } });
      });
    });

    test("E7: an abort reaches the server, and the signal is free of listeners", async () => {
      const never = gate();
      const slow: Reply = { ...replies.chat("Hi."), before: never };
      await withServer({ ...wire, script: slow, decideAt: "body" }, async (ask, server) => {
        const controller = new AbortController();
        const reason = new TrunklineError("aborted", "the caller left");
        const left = failure(ask("Q", { signal: controller.signal }));
        await server.saw((seen) => seen.requests.length === 1);
        controller.abort(reason);
        expect(await left).toBe(reason);
        await server.saw((seen) => seen.requests[0]!.state === "left");
        expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
      });
    });
  });
}

describe("bodies that are no answers", () => {
  test.each([
    ["a web page with status 200", replies.html(200), /HTML/],
    ["a web page with status 502", replies.html(502), /HTML/],
    ["nothing", { body: "" }, /empty/],
    ["an error with status 200", replies.json({ error: { code: 503, message: "busy" } }), /503/],
    ["half of one, ended by closing", { body: '{"id":"c1","choices":[{', framing: "close" } as Reply, /cut/],
    [
      "half of one, shorter than said",
      { headers: { "content-length": "500" }, body: '{"choices":[', end: "fin" } as Reply,
      /./,
    ],
  ])("%s is an error", async (_, reply, says) => {
    await withServer(oneReply(reply), async (ask) => {
      const error = await failure(ask("Q"));
      expect(error.message).toMatch(says);
      expect(error).toMatchObject({ provider: "openai-compatible", model: "m1" });
    });
  });

  test("a whole body that is ended by closing the socket is an answer", async () => {
    await withServer(oneReply({ ...replies.chat("Hi."), framing: "close" }), async (ask) => {
      expect((await ask("Q")).text).toBe("Hi.");
    });
  });
});
