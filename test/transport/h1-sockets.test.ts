import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { eachRequest, h1Server, open, quiet, rawServer, send, turn, until } from "./support.ts";

async function holdingServer() {
  const held: ServerResponse[] = [];
  const server = await h1Server((request, response) => {
    request.resume().on("end", () => held.push(response));
  });
  const answerAll = (): void => {
    for (const response of held.splice(0)) response.end("an answer");
  };
  return Object.assign(server, { held, answerAll });
}

const okay = (extra = ""): string => `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n${extra}\r\nok`;

describe("HTTP/1.1 sockets", () => {
  test("N1: 1,000 calls use 256 sockets, the rest wait, and one log line names the option", async () => {
    const server = await holdingServer();
    const { pool, log, transport } = open({ origin: server.origin });
    expect(pool.slots.limit).toBe(256);
    const calls = Array.from({ length: 1_000 }, () => send(pool));
    await until(() => server.held.length === 256);
    expect(pool.stats()).toEqual({ sockets: 256, inFlight: 256, waitingForSocket: 744 });
    expect(log.filter((line) => line.includes("`connections`"))).toHaveLength(1);
    let left = calls.length;
    for (const call of calls) void call.then(() => left--);
    while (left > 0) {
      server.answerAll();
      await turn();
    }
    expect(server.accepted).toBe(256);
    expect(transport.stats().opened).toBe(256);
  });

  test("at most 32 connects at once", async () => {
    const server = await rawServer((socket) => eachRequest(socket, () => socket.write(okay())));
    const { pool } = open({ origin: server.origin });
    const calls = Array.from({ length: 100 }, () => send(pool));
    expect(pool.stats().sockets).toBe(32);
    await Promise.all(calls);
  });

  test("the line is first come, first served", async () => {
    const order: string[] = [];
    const server = await h1Server((request, response) => {
      order.push(request.url!);
      response.end();
    });
    const { pool } = open({ origin: server.origin }, { connections: 1 });
    await Promise.all(Array.from({ length: 20 }, (_, i) => send(pool, { path: `/${i}` })));
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => `/${i}`));
  });

  test("a call that follows another at once takes its socket", async () => {
    const server = await holdingServer();
    const { pool } = open({ origin: server.origin });
    for (let i = 0; i < 5; i++) {
      const call = send(pool);
      await until(() => server.held.length === 1);
      server.answerAll();
      await call;
    }
    expect(server.accepted).toBe(1);
  });

  test("the largest `connections` of the living users holds", async () => {
    const server = await holdingServer();
    const { pool, transport } = open({ origin: server.origin, tls: {} }, { connections: 2 });
    const settings = { origin: server.origin, protocol: "auto", tls: {} } as const;
    const large = transport.open(settings, { connections: 5, connectTimeout: 1_000 });
    const small = transport.open(settings, { connections: 3, connectTimeout: 1_000 });
    expect(large.slots).toBe(pool.slots);
    expect(pool.slots.limit).toBe(5);
    const calls = Array.from({ length: 10 }, () => send(pool));
    await until(() => server.held.length === 5);
    small.release();
    large.release();
    expect(pool.slots.limit).toBe(2);
    let left = calls.length;
    for (const call of calls) void call.then(() => left--);
    while (left > 0) {
      server.answerAll();
      await turn();
    }
    expect(server.accepted).toBe(5);
  });

  test("connections that the server refuses cost nothing while others live", async () => {
    const server = await rawServer((socket, nth) => {
      if (nth > 3) socket.resetAndDestroy();
      else eachRequest(socket, () => socket.write(okay()));
    });
    const { pool } = open({ origin: server.origin }, { connections: 3 });
    await Promise.all(Array.from({ length: 50 }, () => send(pool)));
  });
});

describe("idle sockets", () => {
  test("live 4 s", async () => {
    const server = await holdingServer();
    const { pool, clock } = open({ origin: server.origin });
    const call = send(pool);
    await until(() => server.held.length === 1);
    server.answerAll();
    await call;
    await turn();
    await clock.advance(3_999);
    expect(pool.stats().sockets).toBe(1);
    await clock.advance(1);
    await until(() => pool.stats().sockets === 0 && server.sockets.size === 0);
  });

  test.each([
    ["timeout=10", 8_000],
    ["max=5, timeout=60", 58_000],
    ["timeout=100000", 300_000],
  ])("N2: the server's hint (%s) less 2 s, at most 300 s", async (hint, life) => {
    const server = await rawServer((socket) =>
      eachRequest(socket, () => socket.write(okay(`keep-alive: ${hint}\r\n`))),
    );
    const { pool, clock } = open({ origin: server.origin });
    await send(pool);
    await turn();
    await clock.advance(life - 1);
    expect(pool.stats().sockets).toBe(1);
    await clock.advance(1);
    await until(() => pool.stats().sockets === 0);
  });

  test("a hint too short to be used closes at once", async () => {
    const server = await rawServer((socket) =>
      eachRequest(socket, () => socket.write(okay("keep-alive: timeout=2\r\n"))),
    );
    const { pool } = open({ origin: server.origin });
    await send(pool);
    await until(() => pool.stats().sockets === 0);
    await send(pool);
    expect(server.accepted).toBe(2);
  });

  test("`connection: close` is obeyed", async () => {
    const server = await rawServer((socket) =>
      eachRequest(socket, () => socket.write(okay("connection: close\r\n"))),
    );
    const { pool } = open({ origin: server.origin }, { connections: 1 });
    await Promise.all(Array.from({ length: 5 }, () => send(pool)));
    expect(server.accepted).toBe(5);
  });

  test("N18: after a freeze, in which no timer ran, an old socket is not used", async () => {
    const server = await rawServer((socket) => eachRequest(socket, () => socket.write(okay())));
    const { pool, clock } = open({ origin: server.origin });
    await send(pool);
    await turn();
    const wall = clock.wall();
    clock.wall = () => wall + 60_000;
    await send(pool);
    expect(server.accepted).toBe(2);
  });
});

describe("N2: stale keep-alive sockets", () => {
  /** Each connection answers its first request and does `then` at its second. */
  const server = (then: "end" | "reset" | "part") =>
    rawServer((socket) =>
      eachRequest(socket, (_head, nth) => {
        if (nth === 1) socket.write(okay());
        else if (then === "end") socket.end();
        else if (then === "reset") socket.resetAndDestroy();
        else socket.write("HTTP/1.1 2", () => socket.destroy());
      }),
    );

  test.each(["end", "reset"] as const)(
    "a reused socket that dies before any byte (%s): sent again on a fresh one",
    async (then) => {
      const { origin } = await server(then);
      const { pool } = open({ origin });
      let sent = 0;
      for (let i = 0; i < 3; i++) expect((await send(pool, { onSent: () => sent++ })).text).toBe("ok");
      expect(sent).toBe(3);
    },
  );

  test("it goes to a new socket, since the other old ones may be dead too", async () => {
    let together = 0;
    const all: (() => void)[] = [];
    const { origin } = await rawServer((socket) =>
      eachRequest(socket, (_head, nth) => {
        if (nth > 1) socket.resetAndDestroy();
        else if (all.push(() => socket.write(okay())) === 5 || together > 0) {
          together++;
          for (const answer of all.splice(0)) answer();
        }
      }),
    );
    const { pool } = open({ origin });
    await Promise.all(Array.from({ length: 5 }, () => send(pool)));
    await turn();
    expect(pool.stats().sockets).toBe(5);
    expect((await send(pool)).text).toBe("ok");
  });

  test("not when a byte of the answer came", async () => {
    const { origin } = await server("part");
    const { pool } = open({ origin });
    await send(pool);
    await turn();
    const error = await send(pool).catch((reason) => reason);
    expect(error).toMatchObject({ code: "network", retryable: true });
    expect(error.sent).toBeUndefined();
  });

  test("not when it dies later than 1 s after the request was written", async () => {
    let second = 0;
    const slow = await rawServer((socket) =>
      eachRequest(socket, (_head, nth) => {
        if (nth === 1) socket.write(okay());
        else second++;
      }),
    );
    const { pool, clock } = open({ origin: slow.origin });
    await send(pool);
    await turn();
    const call = send(pool).catch((reason) => reason);
    await until(() => second === 1);
    await clock.advance(1_000);
    for (const socket of slow.sockets) socket.destroy();
    expect(await call).toMatchObject({ code: "network" });
    expect(slow.accepted).toBe(1);
  });

  test("not on a fresh socket", async () => {
    const dead = await rawServer((socket) => eachRequest(socket, () => socket.destroy()));
    const { pool } = open({ origin: dead.origin });
    expect(await send(pool).catch((reason) => reason)).toMatchObject({ code: "network" });
    await quiet();
    expect(dead.accepted).toBe(1);
  });

  test("a socket that the server closed while it was idle is not used", async () => {
    const closing = await rawServer((socket) => eachRequest(socket, () => socket.end(okay())));
    const { pool } = open({ origin: closing.origin });
    await send(pool);
    await until(() => pool.stats().sockets === 0);
    await send(pool);
    expect(closing.accepted).toBe(2);
  });
});
