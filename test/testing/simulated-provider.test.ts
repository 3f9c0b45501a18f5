import { spawn } from "node:child_process";
import { once } from "node:events";
import * as http2 from "node:http2";
import { connect } from "node:net";
import { Client } from "undici";
import { afterEach, describe, expect, test } from "vitest";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import {
  type SimulatedProvider,
  type SimulatedProviderOptions,
  simulatedProvider,
} from "../../src/testing/simulated-provider.ts";
import { startProvider } from "../../src/testing/start-provider.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: SimulatedProviderOptions): Promise<SimulatedProvider> {
  const provider = await simulatedProvider(options);
  closers.push(() => provider.close());
  return provider;
}

interface Target {
  readonly url: string;
  readonly ca: string | undefined;
}

function h1({ url, ca }: Target) {
  const client = new Client(new URL(url).origin, { allowH2: false, connect: { ca } });
  closers.push(() => client.destroy());
  return async (body: unknown, path = "/v1/chat/completions", method: "GET" | "POST" = "POST") => {
    const answer = await client.request({
      method,
      path,
      body: method === "GET" ? null : typeof body === "string" ? body : JSON.stringify(body),
    });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  };
}

function h2({ url, ca }: Target) {
  const session = http2.connect(new URL(url).origin, { ca });
  session.on("error", () => {});
  closers.push(() => session.destroy());
  const open = (body: unknown) => {
    const stream = session.request({ ":method": "POST", ":path": "/v1/chat/completions" });
    stream.setEncoding("utf8");
    stream.end(JSON.stringify(body));
    return stream;
  };
  const ask = async (body: unknown) => {
    const stream = open(body);
    let text = "";
    for await (const chunk of stream) text += chunk;
    return text;
  };
  return { open, ask, session };
}

const question = { model: "m", messages: [{ role: "user", content: "Say hi." }] };

describe("over HTTP/1.1 and HTTP/2", () => {
  test("answers can be written by hand", async () => {
    const provider = await start({ answer: ({ messages }) => `heard: ${messages[0]!.content}` });
    const { choices } = JSON.parse((await h1(provider)(question)).text);
    expect(choices[0].message.content).toBe("heard: Say hi.");
  });

  test("the same question has the same answer, plain and streamed", async () => {
    const provider = await start({ seed: 3 });
    const plain = JSON.parse((await h1(provider)(question)).text);
    const events = (
      await h2(provider).ask({ ...question, stream: true, stream_options: { include_usage: true } })
    )
      .split("\n\n")
      .filter((event) => event !== "")
      .map((event) => event.slice("data: ".length));
    expect(events.at(-1)).toBe("[DONE]");
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event));
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    expect(text).toBe(plain.choices[0].message.content);
    expect(chunks.at(-1).usage).toEqual(plain.usage);
    expect(plain.usage.total_tokens).toBe(plain.usage.prompt_tokens + plain.usage.completion_tokens);
    expect(provider.stats()).toMatchObject({
      requests: 2,
      rateLimited: 0,
      sockets: { ever: 2, peak: 2 },
      inFlight: { ever: 2, now: 0 },
      plainTokens: 2 * plain.usage.prompt_tokens,
      outputTokens: 2 * plain.usage.completion_tokens,
    });
  });

  test("models are listed; other paths and broken bodies are errors in OpenAI's shape", async () => {
    const ask = h1(await start({ tls: false, models: ["a", "b"] }));
    const { text } = await ask(undefined, "/v1/models", "GET");
    expect(JSON.parse(text).data.map((model: { id: string }) => model.id)).toEqual(["a", "b"]);
    for (const [body, path, status] of [
      ["{", "/v1/chat/completions", 400],
      [{ model: "m" }, "/v1/chat/completions", 400],
      [question, "/v1/nothing", 404],
    ] as const) {
      const answer = await ask(body, path);
      expect(answer.status).toBe(status);
      expect(JSON.parse(answer.text).error.type).toBe("invalid_request_error");
    }
  });

  test("limits answer 429 with hints", async () => {
    const clock = new FakeClock();
    const provider = await start({ clock, requestsPerMinute: 1 });
    const ask = h1(provider);
    expect((await ask(question)).headers["x-ratelimit-remaining-requests"]).toBe("0");
    const refused = await ask(question);
    expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "60"]);
    expect(provider.stats().rateLimited).toBe(1);
  });

  test("the protocols and the stream limit are what the options say", async () => {
    const only = await start({ protocols: ["h2"], maxConcurrentStreams: 7 });
    const { session } = h2(only);
    const settings = await new Promise<http2.Settings>((resolve) => session.once("remoteSettings", resolve));
    expect(settings.maxConcurrentStreams).toBe(7);
    await expect(h1(only)(question)).rejects.toThrow();
    const plain = await start({ tls: false, protocols: ["h2"] });
    expect(JSON.parse(await h2(plain).ask(question)).object).toBe("chat.completion");
    await expect(simulatedProvider({ tls: false, protocols: ["h2", "http/1.1"] })).rejects.toThrow(
      "name exactly one",
    );
  });
});

describe("time", () => {
  test("passes by the clock; the prefix is readable from the first token of a plain answer on", async () => {
    const clock = new FakeClock();
    const provider = await start({ clock, latencyMs: 100, tokenMs: 10, prefixCache: {} });
    const { ask } = h2(provider);
    const long = { model: "m", messages: [{ role: "user", content: "x".repeat(8_192) }] };
    const cached = async (pending: Promise<string>) =>
      JSON.parse(await pending).usage.prompt_tokens_details.cached_tokens;
    const first = ask(long);
    await expect.poll(() => provider.stats().inFlight.now).toBe(1);
    await clock.advance(99);
    const early = ask(long);
    await expect.poll(() => provider.stats().inFlight.now).toBe(2);
    await clock.advance(1);
    const late = ask(long);
    await expect.poll(() => provider.stats().inFlight.now).toBe(3);
    await clock.advance(10_000);
    expect(await Promise.all([first, early, late].map(cached))).toEqual([0, 0, 2_048]);
    expect(provider.stats().inFlight).toMatchObject({ ever: 3, now: 0, peak: 3 });
  });

  test("a stream comes token by token", async () => {
    const clock = new FakeClock();
    const provider = await start({ clock, latencyMs: 100, tokenMs: 10 });
    const stream = h2(provider).open({ ...question, stream: true });
    let got = "";
    stream.on("data", (chunk) => (got += chunk));
    await expect.poll(() => provider.stats().inFlight.now).toBe(1);
    const deltas = () => got.split('"content":').length - 1;
    await clock.advance(100);
    await expect.poll(deltas).toBe(1);
    await clock.advance(20);
    await expect.poll(deltas).toBe(3);
    await clock.advance(10_000);
    await expect.poll(() => got).toContain("[DONE]");
  });

  test.each([
    ["plain", false],
    ["streamed", true],
  ])("E7: a client that leaves a %s answer stops its work", async (_, stream) => {
    const clock = new FakeClock();
    const provider = await start({ clock, latencyMs: 100, tokenMs: 10 });
    const leaving = h2(provider).open({ ...question, stream });
    leaving.on("error", () => {});
    await expect.poll(() => provider.stats().inFlight.now).toBe(1);
    expect(clock.pending).toBe(1);
    leaving.close(http2.constants.NGHTTP2_CANCEL);
    await expect.poll(() => provider.stats()).toMatchObject({ left: 1, inFlight: { now: 0 } });
    expect(clock.pending).toBe(0);
  });
});

describe("in a process of its own", () => {
  test("it answers, counts, and ends when it is closed", async () => {
    const provider = await startProvider({ seed: 3, latencyMs: 1 });
    closers.push(() => provider.close());
    const answer = JSON.parse(await h2(provider).ask(question));
    const [before, after] = await Promise.all([provider.stats(), provider.stats()]);
    expect(before).toMatchObject({ requests: 1, sockets: { ever: 1 } });
    expect(after).toEqual(before);
    const inside = await start({ seed: 3 });
    expect(JSON.parse(await h2(inside).ask(question)).choices).toEqual(answer.choices);
    await provider.close();
    expect(() => process.kill(provider.pid, 0)).toThrow("ESRCH");
    await expect(provider.stats()).rejects.toThrow("has ended");
  });

  test("it ends with the process that started it, even when that is killed", async () => {
    const starter = new URL("../../src/testing/start-provider.ts", import.meta.url).href;
    const script = `
      const { startProvider } = await import(${JSON.stringify(starter)});
      console.log(new URL((await startProvider()).url).port);
      process.stdin.resume();
    `;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", script]);
    closers.push(() => parent.kill("SIGKILL"));
    const [line] = await once(parent.stdout, "data");
    const state = () =>
      new Promise((resolve) => {
        const socket = connect(Number(line), "127.0.0.1", () => socket.destroy());
        socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
        socket.on("close", () => resolve("listening"));
      });
    expect(await state()).toBe("listening");
    parent.kill("SIGKILL");
    await expect.poll(state).toBe("ECONNREFUSED");
  });
});
