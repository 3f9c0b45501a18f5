import { getEventListeners } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { type CallInit, clients, LM } from "../src/index.ts";
import {
  type FaultyServer,
  type FaultyServerOptions,
  faultyServer,
  type Gate,
  gate,
  replies,
  type SeenRequest,
} from "../src/testing/index.ts";

// abort x {before, queued, connecting, waiting for headers, streaming, backing off, closing}, on both protocols.
// Every cell asks for the same: the caller settles at once with its reason, the place returns when the work has
// ended, the server sees the socket or stream go, no listener stays on the signal, and a neighbour is untouched.

const why = new Error("the reader left");

afterEach(() => clients.close({ mode: "abort" }));

/** What the server does with one call is chosen by the call's own words. */
const asked = (request: SeenRequest): string => request.body;

interface Bench {
  readonly server: FaultyServer;
  readonly lm: LM;
  call(text: string, init?: CallInit): Promise<string>;
}

async function bench(protocol: "h1" | "h2", options: FaultyServerOptions, lmOptions = {}): Promise<Bench> {
  const server = await faultyServer({ protocol, tls: true, ...options });
  const lm = new LM("openai-compatible/model", {
    baseURL: `${server.url}/v1`,
    tls: { ca: server.ca! },
    protocol,
    maxRetries: 0,
    ...lmOptions,
  });
  return { server, lm, call: async (text, init) => (await lm.call(text, init)).text };
}

/** Aborts `call` and holds it against what every cell asks for. */
async function expectAborted(call: Promise<unknown>, controller: AbortController): Promise<void> {
  let settled = false;
  const outcome = call.then(
    (value) => ({ value, error: undefined }),
    (error) => ({ value: undefined, error }),
  );
  void outcome.then(() => {
    settled = true;
  });
  controller.abort(why);
  // At once: within the microtasks of this turn, whatever the work below still has to do.
  for (let i = 0; i < 20 && !settled; i++) await null;
  expect(settled).toBe(true);
  expect((await outcome).error).toMatchObject({ code: "aborted", cause: why });
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
}

/** The places return when the work ends: waited for, because the work ends in its own time. */
async function placesReturn(inFlight = 0): Promise<void> {
  await expect.poll(() => clients.stats()).toMatchObject({ inFlight, queued: 0, waitingForSocket: 0 });
}

describe.each(["h1", "h2"] as const)("an abort over %s", (protocol) => {
  test("before: nothing is sent, no place is taken", async () => {
    const { server, call } = await bench(protocol, { script: replies.chat("hi") });
    await using _ = server;
    const controller = new AbortController();
    controller.abort(why);
    const aborted = call("x", { signal: controller.signal });
    await expectAborted(aborted, controller);
    expect(server.seen.sockets.ever).toBe(0);
    expect(await call("neighbour")).toBe("hi");
    expect(server.seen.requests).toHaveLength(1);
    await placesReturn();
  });

  test("R7, queued: it leaves the queue and is never sent", async () => {
    const hold = gate();
    const script = (request: SeenRequest) =>
      replies.chat("hi", asked(request).includes("first") ? { before: hold } : {});
    const { server, call } = await bench(protocol, { script }, { maxParallelRequests: 1 });
    await using _ = server;
    const first = call("first");
    await server.saw((seen) => seen.requests.length === 1);
    const controller = new AbortController();
    const queued = call("queued", { signal: controller.signal });
    const neighbour = call("neighbour");
    expect(clients.stats()).toMatchObject({ inFlight: 1, queued: 2 });
    await expectAborted(queued, controller);
    expect(clients.stats()).toMatchObject({ inFlight: 1, queued: 1 });
    hold.open();
    expect(await Promise.all([first, neighbour])).toEqual(["hi", "hi"]);
    expect(server.seen.requests.map(asked).filter((body) => body.includes("queued"))).toEqual([]);
    await placesReturn();
  });

  test("connecting: the others go on over the same connect", async () => {
    const hold = gate();
    const { server, call } = await bench(protocol, { script: replies.chat("hi"), onConnection: () => hold });
    await using _ = server;
    const controller = new AbortController();
    const connecting = call("connecting", { signal: controller.signal });
    const neighbour = call("neighbour");
    await server.saw((seen) => seen.sockets.now > 0);
    await expectAborted(connecting, controller);
    hold.open();
    expect(await neighbour).toBe("hi");
    expect(server.seen.requests.map(asked).filter((body) => body.includes("connecting"))).toEqual([]);
    await placesReturn();
  });

  test("waiting for headers: the server sees the call go, and the neighbour does not", async () => {
    const [never, hold] = [gate(), gate()];
    const script = (request: SeenRequest) =>
      replies.chat("hi", { before: asked(request).includes("waiting") ? never : hold });
    const { server, call } = await bench(protocol, { script });
    await using _ = server;
    const controller = new AbortController();
    const waiting = call("waiting", { signal: controller.signal });
    const neighbour = call("neighbour");
    await server.saw((seen) => seen.requests.length === 2);
    await expectAborted(waiting, controller);
    await server.saw((seen) => seen.requests.find((r) => asked(r).includes("waiting"))!.state === "left");
    await placesReturn(1);
    hold.open();
    expect(await neighbour).toBe("hi");
    expect(server.seen.requests).toHaveLength(2);
    await placesReturn();
  });

  test("streaming: no delta follows, the server sees the call go, and the neighbour reads on", async () => {
    const gates = new Map<string, Gate>(["leaver", "neighbour"].map((name) => [name, gate()]));
    const event = (content: string) => `data: {"choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`;
    const script = (request: SeenRequest) => {
      const name = asked(request).includes("leaver") ? "leaver" : "neighbour";
      return replies.events([event("a"), gates.get(name)!, event("b"), "data: [DONE]\n\n"]);
    };
    const { server, call } = await bench(protocol, { script });
    await using _ = server;
    const heard: Record<string, string> = { leaver: "", neighbour: "" };
    const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const listen = (name: string, i: number) => ({
      onDelta: (delta: { text: string }) => {
        heard[name] += delta.text;
        begun[i]!.resolve();
      },
    });
    const controller = new AbortController();
    const leaver = call("leaver", { signal: controller.signal, ...listen("leaver", 0) });
    const neighbour = call("neighbour", listen("neighbour", 1));
    await Promise.all(begun.map((each) => each.promise));
    await expectAborted(leaver, controller);
    await server.saw((seen) => seen.requests.find((r) => asked(r).includes("leaver"))!.state === "left");
    for (const each of gates.values()) each.open();
    expect(await neighbour).toBe("ab");
    expect(heard).toEqual({ leaver: "a", neighbour: "ab" });
    await placesReturn();
  });

  test("L5, backing off: it is not sent again, and holds no place meanwhile", async () => {
    const script = (request: SeenRequest) =>
      asked(request).includes("refused")
        ? replies.error(503, {}, { "retry-after": "3600" })
        : replies.chat("hi");
    const { server, call } = await bench(protocol, { script }, { maxRetries: 3 });
    await using _ = server;
    const controller = new AbortController();
    const refused = call("refused", { signal: controller.signal });
    await server.saw((seen) => seen.requests.some((request) => request.state === "answered"));
    await placesReturn();
    await expectAborted(refused, controller);
    expect(server.seen.requests).toHaveLength(1);
  });

  test("closing: a draining client lets the others end, and the aborted call does not hold it up", async () => {
    const [never, hold] = [gate(), gate()];
    const script = (request: SeenRequest) =>
      replies.chat("hi", { before: asked(request).includes("leaver") ? never : hold });
    const { server, call } = await bench(protocol, { script });
    await using _ = server;
    const controller = new AbortController();
    const leaver = call("leaver", { signal: controller.signal });
    const neighbour = call("neighbour");
    await server.saw((seen) => seen.requests.length === 2);
    const closed = clients.close({ mode: "drain", deadline: 60_000 });
    await expectAborted(leaver, controller);
    hold.open();
    expect(await neighbour).toBe("hi");
    await closed;
    await server.saw((seen) => seen.sockets.now === 0);
    await placesReturn();
  });
});

test("3,000 calls on one signal, aborted together: no listener stays and Node warns of none", async () => {
  const warnings: string[] = [];
  const listen = (warning: Error) => warnings.push(warning.name);
  process.on("warning", listen);
  const never = gate();
  const { server, call } = await bench("h2", { script: replies.chat("hi", { before: never }) });
  await using _ = server;
  const controller = new AbortController();
  const calls = Array.from({ length: 3_000 }, (_, i) => call(`${i}`, { signal: controller.signal }));
  const outcomes = Promise.allSettled(calls);
  await server.saw((seen) => seen.requests.length >= 1_000);
  controller.abort(why);
  for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: "aborted" } });
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  await placesReturn();
  process.off("warning", listen);
  expect(warnings).toEqual([]);
});
