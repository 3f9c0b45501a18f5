import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { describe, expect, test } from "vitest";
import { h1Server, h2Server, open, rawServer, send, turn, until } from "./support.ts";

/** Either protocol's server, with the same handle on each answer. */
interface Held {
  head(): void;
  part(text: string): void;
  end(): void;
}

const servers = {
  async h1() {
    const held: Held[] = [];
    const server = await h1Server((request, response: ServerResponse) => {
      request.resume();
      held.push({
        head: () => response.writeHead(200).flushHeaders(),
        part: (text) => void response.write(text),
        end: () => void response.end(),
      });
    });
    return { origin: server.origin, held };
  },
  async h2() {
    const held: Held[] = [];
    const server = await h2Server((stream: ServerHttp2Stream) => {
      stream.resume();
      held.push({
        head: () => stream.respond({ ":status": 200 }),
        part: (text) => void stream.write(text),
        end: () => void stream.end(),
      });
    });
    return { origin: server.origin, held };
  },
};

const minute = 60_000;
const hour = 60 * minute;

describe.each(["h1", "h2"] as const)("deadlines on %s", (protocol) => {
  const begin = async () => {
    const { origin, held } = await servers[protocol]();
    return { held, ...open({ origin }) };
  };

  test("N3: an answer after more than five minutes, with gaps of more than five minutes", async () => {
    const { held, pool, clock } = await begin();
    let heads = 0;
    let parts = 0;
    const call = send(pool, {
      timeout: hour,
      firstByteTimeout: hour,
      idleTimeout: hour,
      onHead: () => heads++,
      onPart: () => parts++,
    });
    await until(() => held.length === 1);
    await clock.advance(11 * minute);
    held[0]!.head();
    await until(() => heads === 1);
    for (const text of ["a", "b"]) {
      await clock.advance(11 * minute);
      held[0]!.part(text);
      const before = parts;
      await until(() => parts > before);
    }
    held[0]!.end();
    expect((await call).text).toBe("ab");
    expect(clock.pending).toBe(0);
  });

  test("one timer a call, and none once it is over", async () => {
    const { held, pool, clock } = await begin();
    let parts = 0;
    const call = send(pool, { timeout: hour, idleTimeout: minute, onPart: () => parts++ });
    await until(() => held.length === 1);
    expect(clock.pending).toBe(1);
    held[0]!.head();
    for (let i = 1; i <= 20; i++) {
      held[0]!.part("x");
      await until(() => parts === i);
      expect(clock.pending).toBe(1);
      await clock.advance(minute / 2);
    }
    held[0]!.end();
    await call;
    expect(clock.pending).toBe(0);
  });

  test("no first byte in time", async () => {
    const { held, pool, clock } = await begin();
    const call = send(pool, { firstByteTimeout: minute }).catch((error) => error);
    await until(() => held.length === 1);
    await clock.advance(minute - 1);
    expect(pool.stats().inFlight).toBe(1);
    await clock.advance(1);
    expect(await call).toMatchObject({ code: "timeout", phase: "first_byte", retryable: true });
  });

  test("E6: a stall within the body, and comments prove no progress", async () => {
    const { held, pool, clock } = await begin();
    let parts = 0;
    const call = send(pool, {
      idleTimeout: minute,
      onData: (text) => {
        parts++;
        return text.startsWith(":") ? "idle" : "progress";
      },
    }).catch((error) => error);
    await until(() => held.length === 1);
    held[0]!.head();
    held[0]!.part("word");
    await until(() => parts === 1);
    for (let i = 0; i < 3; i++) {
      await clock.advance(15_000);
      held[0]!.part(": ping");
      await until(() => parts === i + 2);
    }
    await clock.advance(14_999);
    expect(pool.stats().inFlight).toBe(1);
    await clock.advance(1);
    expect(await call).toMatchObject({ code: "timeout", phase: "idle" });
  });

  test("the whole attempt took too long, progress or not", async () => {
    const { held, pool, clock } = await begin();
    let parts = 0;
    const call = send(pool, {
      timeout: minute,
      idleTimeout: minute,
      onPart: () => parts++,
    }).catch((error) => error);
    await until(() => held.length === 1);
    held[0]!.head();
    for (let i = 1; i <= 5; i++) {
      await clock.advance(10_000);
      held[0]!.part("x");
      await until(() => parts === i);
    }
    await clock.advance(10_000);
    expect(await call).toMatchObject({ code: "timeout", phase: "total" });
  });

  test("Infinity is no deadline", async () => {
    const { held, pool, clock } = await begin();
    const endless = Number.POSITIVE_INFINITY;
    const call = send(pool, { timeout: endless, firstByteTimeout: endless, idleTimeout: endless });
    await until(() => held.length === 1);
    expect(clock.pending).toBe(0);
    await clock.advance(1_000 * hour);
    held[0]!.head();
    held[0]!.end();
    expect((await call).status).toBe(200);
  });

  test("waiting for a socket does not count", async () => {
    const { origin, held } = await servers[protocol]();
    const { pool, clock } = open({ origin }, { connections: 1 });
    const calls = Array.from({ length: 101 }, () =>
      send(pool, { timeout: minute, firstByteTimeout: minute }),
    );
    const first = protocol === "h1" ? 1 : 100;
    await until(() => held.length === first);
    await clock.advance(minute - 1);
    for (const each of held.slice(0, first)) {
      each.head();
      each.end();
    }
    await Promise.all(calls.slice(0, first));
    await until(() => held.length > first);
    await clock.advance(minute - 1);
    while (pool.stats().inFlight + pool.stats().waitingForSocket > 0) {
      for (const each of held.splice(first)) {
        each.head();
        each.end();
      }
      await turn();
    }
    await Promise.all(calls);
  });
});

test("N4: connectTimeout covers TCP and TLS, says so, and that nothing was sent", async () => {
  const server = await rawServer((socket) => void socket.resume());
  const { pool, clock } = open(
    { origin: server.origin.replace("http:", "https:") },
    { connectTimeout: 3_000 },
  );
  const call = send(pool).catch((error) => error);
  await until(() => server.accepted === 1);
  await clock.advance(3_000);
  expect(await call).toMatchObject({ code: "timeout", phase: "connect", sent: false, retryable: true });
  await until(() => server.sockets.size === 0);
});

test("connectTimeout covers the wait for an HTTP/2 server's settings; the largest of the living users' holds", async () => {
  const server = await rawServer((socket) => void socket.resume());
  const settings = { origin: server.origin, protocol: "h2" as const, tls: {} };
  const { pool, clock, transport } = open(settings, { connectTimeout: 3_000 });
  const living = transport.open(settings, { connectTimeout: 9_000 });
  transport.open(settings, { connectTimeout: 60_000 }).release();
  const call = send(pool).catch((error) => error);
  await until(() => server.accepted === 1);
  await clock.advance(8_999);
  expect(pool.stats().waitingForSocket).toBe(1);
  await clock.advance(1);
  expect(await call).toMatchObject({ code: "timeout", phase: "connect" });
  living.release();
});
