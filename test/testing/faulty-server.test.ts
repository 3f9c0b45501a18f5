import { once } from "node:events";
import * as http2 from "node:http2";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { connect as tlsConnect } from "node:tls";
import { Client } from "undici";
import { afterEach, describe, expect, test } from "vitest";
import { replies } from "../../src/testing/faulty/replies.ts";
import {
  type FaultyServer,
  type FaultyServerOptions,
  faultyServer,
} from "../../src/testing/faulty-server.ts";
import { type Gate, gate } from "../../src/testing/gate.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: FaultyServerOptions): Promise<FaultyServer> {
  const server = await faultyServer(options);
  closers.push(() => server.close());
  return server;
}

function h1Client(server: FaultyServer): Client {
  const client = new Client(server.url, { allowH2: false, connect: { ca: server.ca } });
  closers.push(() => client.destroy());
  return client;
}

function h2Session(server: FaultyServer): http2.ClientHttp2Session {
  const session = http2.connect(server.url, { ca: server.ca });
  session.on("error", () => {});
  closers.push(() => session.destroy());
  return session;
}

interface Answer {
  status?: number;
  headers?: http2.IncomingHttpHeaders;
  body: string;
  code: number;
}

/** One stream, to whatever end it comes. */
function ask(session: http2.ClientHttp2Session, body = ""): Promise<Answer> {
  return new Promise((resolve) => {
    const answer: Answer = { body: "", code: 0 };
    const stream = session.request({ ":method": "POST", ":path": "/x" });
    stream.on("response", (headers) => {
      answer.status = headers[":status"];
      answer.headers = headers;
    });
    stream.on("data", (chunk) => (answer.body += chunk));
    stream.on("error", () => {});
    stream.on("close", () => resolve({ ...answer, code: stream.rstCode }));
    stream.end(body);
  });
}

/** A bare socket that sends one request and keeps what comes. */
async function bare(
  server: FaultyServer,
  send = "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
): Promise<[Socket, () => string]> {
  const socket = server.ca
    ? tlsConnect({ port: server.port, host: "127.0.0.1", ca: server.ca })
    : connect(server.port, "127.0.0.1");
  let got = "";
  socket.on("data", (chunk) => (got += chunk));
  socket.on("error", () => {});
  socket.write(send);
  closers.push(() => socket.destroy());
  return [socket, () => got];
}

/** HEADERS of `GET http://x/`, as bytes. */
const get = (id: number) => Buffer.from([0, 0, 6, 1, 5, 0, 0, 0, id, 0x82, 0x84, 0x86, 0x41, 1, 0x78]);

/** Speaks HTTP/2 by hand: the preface, empty settings and a first request. */
function byteClient(server: FaultyServer): Socket {
  const socket = connect(server.port, "127.0.0.1");
  closers.push(() => socket.destroy());
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  socket.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings, get(1)]));
  return socket;
}

const post = { method: "POST", path: "/v1/x?y=1", headers: { "X-Test": "a" }, body: '{"q":1}' } as const;

describe.each([
  ["h1", false],
  ["h1", true],
  ["h2", false],
  ["h2", true],
  ["auto", true],
] as const)("%s, tls %s", (protocol, tls) => {
  test("answers by the script and records what it saw", async () => {
    const server = await start({
      protocol,
      tls,
      script: (request) => replies.json({ echo: request.json() }, { status: 201 }),
    });
    if (protocol === "h1") {
      const { statusCode, headers, body } = await h1Client(server).request(post);
      expect([statusCode, await body.json()]).toEqual([201, { echo: { q: 1 } }]);
      expect(headers["content-length"]).toBe("16");
      expect(server.seen.requests[0]!.headers["x-test"]).toBe("a");
      expect(server.seen.requests[0]!.path).toBe("/v1/x?y=1");
    } else {
      const answer = await ask(h2Session(server), '{"q":1}');
      expect([answer.status, answer.body, answer.code]).toEqual([201, '{"echo":{"q":1}}', 0]);
      expect(server.seen.sessions).toMatchObject({ ever: 1, now: 1, peak: 1 });
    }
    await server.saw((seen) => seen.inProgress.now === 0);
    expect(server.seen.requests).toMatchObject([
      { number: 1, method: "POST", state: "answered", bodyBytes: 7 },
    ]);
    expect(server.seen.sockets).toMatchObject({ ever: 1, now: 1, peak: 1 });
    await server.close();
    await server.saw((seen) => seen.sockets.now === 0);
  });
});

describe("HTTP/1.1", () => {
  test("stalls at the headers until its gate opens", async () => {
    const before = gate();
    const server = await start({ script: { before, body: "late" } });
    const pending = h1Client(server).request(post);
    await server.saw((seen) => seen.requests[0]?.state === "answering");
    before.open();
    expect(await (await pending).body.text()).toBe("late");
  });

  test("stalls in the middle of a body; the client that leaves is seen", async () => {
    const server = await start({ script: { body: ["first", gate(), "second"] } });
    const { body } = await h1Client(server).request(post);
    for await (const chunk of body) {
      expect(String(chunk)).toBe("first");
      break;
    }
    await server.saw((seen) => seen.requests[0]?.state === "left" && seen.sockets.now === 0);
  });

  test("each piece is a chunk of its own", async () => {
    const server = await start({ script: replies.events(['data: {"a', '":1}', "\n", "\n"]) });
    const [, got] = await bare(server);
    await expect.poll(got).toContain("\r\n0\r\n\r\n");
    expect(got().split("\r\n\r\n").slice(1).join("|")).toBe(
      '9\r\ndata: {"a\r\n4\r\n":1}\r\n1\r\n\n\r\n1\r\n\n\r\n0|',
    );
  });

  test.each([
    ["chunked, closed without a last chunk", { body: ["abc"], end: "fin" }, "abc\r\n"],
    [
      "a content-length that is too long",
      { headers: { "content-length": "9" }, body: "abc", end: "fin" },
      "abc",
    ],
    ["no framing at all", { framing: "close", body: ["abc"], end: "fin" }, "abc"],
  ] as const)("cuts: %s", async (_, reply, tail) => {
    const server = await start({ script: reply });
    const [socket, got] = await bare(server);
    await once(socket, "end");
    expect(got().endsWith(tail)).toBe(true);
  });

  test.each([
    ["after a part of the body", { body: ["abc"], end: "reset" }, "abc\r\n"],
    ["before the head", { head: false, end: "reset" }, ""],
  ] as const)("resets the socket %s", async (_, reply, tail) => {
    const server = await start({ script: reply });
    const [socket, got] = await bare(server);
    const [error] = await once(socket, "error").catch((error) => [error]);
    expect(error.code).toBe("ECONNRESET");
    expect(got().endsWith(tail)).toBe(true);
  });

  test.each([false, true])("what was sent before a FIN arrives, however long it is, tls %s", async (tls) => {
    const server = await start({ tls, script: { body: ["x".repeat(1_000_000)], end: "fin" } });
    const [socket, got] = await bare(server);
    await once(socket, "end");
    expect(got().endsWith(`${"x".repeat(1_000_000)}\r\n`)).toBe(true);
  });

  test("a whole close-delimited body ends with the socket", async () => {
    const server = await start({ script: { framing: "close", body: ["abc"] } });
    const { body, headers } = await h1Client(server).request(post);
    expect(headers).not.toHaveProperty("transfer-encoding");
    expect(headers).not.toHaveProperty("content-length");
    expect(await body.text()).toBe("abc");
  });

  test("[DONE] without closing: everything arrives but the end", async () => {
    const server = await start({ script: replies.chatStream(["Hi"], { end: "open" }) });
    const [, got] = await bare(server);
    await server.saw((seen) => seen.requests.length === 1);
    await expect.poll(got).toContain("data: [DONE]");
    expect(got()).not.toContain("\r\n0\r\n");
    expect(server.seen.requests[0]!.state).toBe("answering");
  });

  test("raw bytes take the place of head and body", async () => {
    const raw = ["HTTP/1.1 200 Fine\r\nbroken header\r\n", "\r\n"];
    const server = await start({ script: { raw } });
    const [socket, got] = await bare(server);
    await once(socket, "end");
    expect(got()).toBe(raw.join(""));
  });

  test("idle keep-alive sockets are closed on demand, busy ones are not", async () => {
    const hold = gate();
    const server = await start({ script: ({ number }) => (number === 1 ? {} : { before: hold }) });
    const [idle] = await bare(server);
    await server.saw((seen) => seen.requests[0]?.state === "answered" && seen.inProgress.now === 0);
    const [busy] = await bare(server);
    await server.saw((seen) => seen.requests.length === 2);
    server.closeIdle();
    await once(idle, "end");
    hold.open();
    await server.saw((seen) => seen.requests[1]?.state === "answered");
    expect(busy.readableEnded).toBe(false);
  });

  test("a script may decide at the headers, before the body has come", async () => {
    const server = await start({ decideAt: "headers", script: { status: 413, framing: "close" } });
    const [socket, got] = await bare(server, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc");
    await once(socket, "end");
    expect(got()).toContain("413");
  });

  test("bodies are remembered up to a bound and counted beyond it", async () => {
    const server = await start({ keepBodyBytes: 10, keepRequests: 1 });
    const client = h1Client(server);
    for (let i = 0; i < 2; i++)
      await (await client.request({ ...post, body: "x".repeat(100_000) })).body.dump();
    expect(server.seen.requests).toMatchObject([{ body: "xxxxxxxxxx", bodyBytes: 100_000 }]);
    expect(server.seen.inProgress.ever).toBe(2);
  });
});

describe("HTTP/2", () => {
  test("refuses a stream", async () => {
    const server = await start({ protocol: "h2", script: [{ head: false, end: { rstStream: 7 } }, {}] });
    const session = h2Session(server);
    expect(await ask(session)).toEqual({ body: "", code: http2.constants.NGHTTP2_REFUSED_STREAM });
    expect(await ask(session)).toMatchObject({ status: 200, code: 0 });
  });

  test("resets a stream in the middle of its body", async () => {
    const server = await start({ protocol: "h2", script: { body: ["abc"], end: { rstStream: 2 } } });
    expect(await ask(h2Session(server))).toMatchObject({ status: 200, body: "abc", code: 2 });
  });

  test("resets a stream right after its head", async () => {
    // A client of bytes: node:http2 says nothing of a head that comes together with a reset.
    const server = await start({ protocol: "h2", script: { body: [], end: { rstStream: 2 } } });
    const types: number[] = [];
    let rest = Buffer.alloc(0);
    byteClient(server).on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
        if (rest.readUInt32BE(5) === 1) types.push(rest[3]!);
        rest = rest.subarray(9 + rest.readUIntBE(0, 3));
      }
    });
    await expect.poll(() => types).toEqual([1, 3]);
  });

  test.each([
    ["at the headers", (stall: Gate) => ({ before: stall })],
    ["in the body", (stall: Gate) => ({ body: ["a", stall, "b"] })],
  ] as const)("a gate that opens after the client has left harms nobody: %s", async (_, reply) => {
    const stall = gate();
    const server = await start({ protocol: "h2", script: reply(stall) });
    const session = h2Session(server);
    const leaving = session.request();
    leaving.on("error", () => {});
    await server.saw((seen) => seen.requests[0]?.state === "answering");
    leaving.close(8);
    await server.saw((seen) => seen.requests[0]?.state === "left");
    stall.open();
    await new Promise((resolve) => session.ping(resolve));
    await expect(server.close()).resolves.toBeUndefined();
  });

  test.each([0, 1, 2 ** 31 - 1])("GOAWAY with %d as the last stream", async (lastStreamId) => {
    const hold = gate();
    const server = await start({
      protocol: "h2",
      tls: true,
      script: { before: hold, body: "x".repeat(100_000) },
    });
    const session = h2Session(server);
    const first = ask(session);
    const second = ask(session);
    await server.saw((seen) => seen.requests.length === 2);
    const heard = once(session, "goaway");
    server.goaway({ lastStreamId });
    expect((await heard).slice(0, 2)).toEqual([0, lastStreamId]);
    hold.open();
    const seen = [await first, await second].map((answer) => answer.body.length);
    expect(seen).toEqual([lastStreamId >= 1 ? 100_000 : 0, lastStreamId >= 3 ? 100_000 : 0]);
  });

  test("GOAWAY in the middle of a long body does not break its frames", async () => {
    const body = Buffer.alloc(5_000_000, "x");
    const server = await start({ protocol: "h2", script: { body } });
    const session = h2Session(server);
    const stream = session.request({ ":method": "POST" });
    stream.end();
    let heard = 0;
    session.on("goaway", () => heard++);
    stream.once("data", () => {
      server.goaway({ lastStreamId: 2 ** 31 - 1 });
      server.goaway();
    });
    expect((await text(stream)).length).toBe(body.length);
    expect(heard).toBe(2);
  });

  test("raw bytes take the place of frames", async () => {
    // A PING on stream 5, which the protocol forbids.
    const ping = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8]);
    const server = await start({ protocol: "h2", script: { raw: [ping], end: "open" } });
    const session = h2Session(server);
    const failed = new Promise<Error>((resolve) => session.once("error", resolve));
    void ask(session);
    expect((await failed).message).toContain("Protocol error");
  });

  test("a script may decide at the headers, before the body has come", async () => {
    const script = { head: false, end: { rstStream: 11 } } as const;
    const server = await start({ protocol: "h2", decideAt: "headers", script });
    const stream = h2Session(server).request({ ":method": "POST" });
    stream.on("error", () => {});
    await new Promise((resolve) => stream.once("close", resolve));
    expect([stream.rstCode, server.seen.requests[0]!.state]).toEqual([11, "answered"]);
  });

  test("what comes after a GOAWAY is recorded and ignored", async () => {
    // A client of bytes: node:http2 opens nothing after a GOAWAY.
    const server = await start({ protocol: "h2", script: () => ({ goaway: { lastStreamId: 0 } }) });
    const socket = byteClient(server).resume();
    await server.saw((seen) => seen.requests.length === 1);
    socket.write(get(3));
    await server.saw((seen) => seen.requests[1]?.state === "ignored");
  });

  test("a stream that the client resets is seen with its code", async () => {
    const server = await start({ protocol: "h2", script: { end: "open" } });
    const stream = h2Session(server).request();
    await once(stream, "response");
    stream.close(8);
    await server.saw((seen) => seen.requests[0]?.state === "left");
    expect(server.seen.requests[0]).toMatchObject({ resetCode: 8 });
    expect(server.seen.sockets.now).toBe(1);
  });

  test("a frozen session answers no PING and no request, and its socket stays open", async () => {
    const server = await start({ protocol: "h2", tls: true });
    const session = h2Session(server);
    await ask(session);
    const [pong] = await new Promise<unknown[]>((resolve) => session.ping((...args) => resolve(args)));
    expect([pong, server.seen.connections[0]!.pings]).toEqual([null, 1]);
    server.freeze();
    let answered = false;
    session.ping(() => (answered = true));
    void ask(session).then(() => (answered = true));
    // Another connection is served, and what it does takes longer than a PING would.
    expect((await ask(h2Session(server))).status).toBe(200);
    expect([answered, session.closed, server.seen.connections[0]!.pings]).toEqual([false, false, 1]);
    expect(server.seen.sockets).toMatchObject({ ever: 2, now: 2, peak: 2 });
  });

  test("the limit of streams is what the option says, and the peak is counted", async () => {
    const hold = gate();
    const server = await start({ protocol: "h2", maxConcurrentStreams: 3, script: { before: hold } });
    const session = h2Session(server);
    const [settings] = await once(session, "remoteSettings");
    expect(settings.maxConcurrentStreams).toBe(3);
    const all = Promise.all([ask(session), ask(session), ask(session)]);
    await server.saw((seen) => seen.inProgress.now === 3);
    hold.open();
    await all;
    expect(server.seen.connections[0]!.requests).toMatchObject({ ever: 3, peak: 3 });
  });

  test.each(["fin", "reset"] as const)("the whole connection goes without GOAWAY: %s", async (end) => {
    const server = await start({ protocol: "h2", script: { body: ["abc"], end } });
    const session = h2Session(server);
    let goaways = 0;
    session.on("goaway", () => goaways++);
    const closed = new Promise((resolve) => session.once("close", resolve));
    expect((await ask(session)).body).toBe("abc");
    await closed;
    expect(goaways).toBe(0);
  });

  test("a hundred large bodies come in and are counted", async () => {
    const server = await start({ protocol: "h2", keepBodyBytes: 0 });
    const session = h2Session(server);
    await Promise.all(Array.from({ length: 100 }, () => ask(session, "x".repeat(200_000))));
    expect(server.seen.requests.map((request) => request.bodyBytes)).toEqual(new Array(100).fill(200_000));
  });
});

describe("connections", () => {
  test("a slow TLS handshake waits at its gate", async () => {
    const handshake = gate();
    const server = await start({ tls: true, onConnection: () => handshake });
    const pending = h1Client(server).request(post);
    await server.saw((seen) => seen.sockets.now === 1);
    expect(server.seen.connections[0]!.protocol).toBeUndefined();
    handshake.open();
    expect((await pending).statusCode).toBe(200);
    expect(server.seen.connections[0]!.protocol).toBe("h1");
  });

  test("a connection frozen at its gate stays silent when the gate opens", async () => {
    const door = gate();
    const server = await start({ onConnection: () => door });
    const [, silence] = await bare(server);
    await server.saw((seen) => seen.sockets.now === 1);
    server.freeze();
    const [, answer] = await bare(server);
    door.open();
    await expect.poll(answer).toContain("200 OK");
    expect([silence(), server.seen.requests.length]).toEqual(["", 1]);
  });

  test("fates are decided one by one: reset, black hole, served", async () => {
    const server = await start({
      onConnection: (number) => (["reset", "blackHole"] as const)[number - 1] ?? "serve",
    });
    const [reset] = await bare(server);
    if (!reset.closed) await new Promise((resolve) => reset.once("close", resolve));
    const [hole, nothing] = await bare(server);
    const [served, something] = await bare(server);
    await once(served, "data");
    expect([hole.readyState, nothing()]).toEqual(["open", ""]);
    expect(something()).toContain("200 OK");
    expect(server.seen.requests.length).toBe(1);
  });

  test("a client that does not trust the certificate is counted as a failed handshake", async () => {
    const server = await start({ tls: true });
    const socket = tlsConnect({ port: server.port, host: "127.0.0.1" });
    await expect(once(socket, "secureConnect")).rejects.toThrow(/self-signed/);
    await server.saw((seen) => seen.failedHandshakes === 1 || seen.sockets.now === 0);
  });

  test("ALPN can be made to lie", async () => {
    const server = await start({ protocol: "h2", tls: true, alpn: [] });
    const socket = tlsConnect({ port: server.port, host: "127.0.0.1", ca: server.ca, ALPNProtocols: ["h2"] });
    closers.push(() => socket.destroy());
    await once(socket, "secureConnect");
    expect(socket.alpnProtocol).toBe(false);
  });

  test("ALPN chooses between the two protocols", async () => {
    const server = await start({ protocol: "auto" });
    await (await h1Client(server).request(post)).body.dump();
    await ask(h2Session(server));
    expect(server.seen.connections.map((connection) => connection.protocol)).toEqual(["h1", "h2"]);
  });

  test.each([false, true])("bytes without a protocol, tls %s", async (tls) => {
    const server = await start({
      protocol: "raw",
      tls,
      script: [
        { body: ["one"], end: "whole" },
        { body: ["two"], end: "fin" },
      ],
    });
    const [socket, got] = await bare(server, "hello");
    await expect.poll(got).toBe("one");
    await server.saw((seen) => seen.inProgress.now === 0);
    socket.write("again");
    await once(socket, "end");
    expect(got()).toBe("onetwo");
    expect(server.seen.requests.map((request) => request.body)).toEqual(["hello", "again"]);
  });
});

describe("the script", () => {
  test("a list that is used up is an error in the answer and at close", async () => {
    const server = await faultyServer({ script: [replies.html()] });
    const client = h1Client(server);
    expect((await client.request(post)).headers["content-type"]).toBe("text/html");
    const { statusCode, body } = await client.request(post);
    expect([statusCode, await body.text()]).toEqual([500, expect.stringContaining("1 replies are used up")]);
    await expect(server.close()).rejects.toThrow("used up");
  });

  test.each([
    ["what only the other protocol has", { script: { goaway: {} } }, "HTTP/2 only"],
    ["a throw", { script: () => Promise.reject(new Error("mine")) }, "mine"],
    [
      "a throw for a connection",
      {
        onConnection: () => {
          throw new Error("mine");
        },
      },
      "mine",
    ],
  ])("%s fails the close", async (_, options, message) => {
    const server = await faultyServer(options);
    await h1Client(server)
      .request(post)
      .catch(() => {});
    await expect(server.close()).rejects.toThrow(message);
  });

  test("a wait that can no longer come true ends with the server", async () => {
    const server = await faultyServer();
    const waiting = server.saw((seen) => seen.requests.length === 1);
    const [first, second] = [server.close(), server.close()];
    expect(first).toBe(second);
    await expect(waiting).rejects.toThrow("it saw 0 sockets");
    await first;
  });

  test("close ends stalls, black holes and half-finished handshakes", async () => {
    const server = await faultyServer({
      script: { end: "open" },
      onConnection: (number) => (["serve", "blackHole", gate()] as const)[number - 1] ?? "serve",
    });
    const sockets = await Promise.all([bare(server), bare(server), bare(server)]);
    await server.saw((seen) => seen.sockets.now === 3);
    await server.close();
    for (const [socket] of sockets) if (!socket.closed) await once(socket, "close");
  });
});
