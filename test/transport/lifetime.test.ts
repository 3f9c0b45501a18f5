import { AsyncLocalStorage } from "node:async_hooks";
import { execFile } from "node:child_process";
import type { ServerHttp2Stream } from "node:http2";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { poolKey } from "../../src/transport/settings.ts";
import { certificate, h1Server, h2Server, open, rawServer, send, turn, until } from "./support.ts";

async function holdingServer() {
  const held: ServerHttp2Stream[] = [];
  const server = await h2Server((stream) => {
    stream.resume();
    held.push(stream);
  });
  const answerAll = (): void => {
    for (const stream of held.splice(0)) {
      if (stream.destroyed) continue;
      stream.respond({ ":status": 200 });
      stream.end("an answer");
    }
  };
  const settings = { origin: server.origin, protocol: "auto", tls: { ca: certificate.cert } } as const;
  return Object.assign(server, { held, answerAll, settings });
}

const use = { connectTimeout: 10_000 };
const closed = new TrunklineError("closed", "the client was closed");

describe("holds on a pool", () => {
  test("equal settings share one pool, others do not", async () => {
    const server = await holdingServer();
    const { pool, transport } = open(server.settings);
    const same = transport.open({ ...server.settings, tls: { ca: `${certificate.cert}` } }, use);
    const other = transport.open({ ...server.settings, protocol: "h2" }, use);
    expect(same.slots).toBe(pool.slots);
    expect(other.slots).not.toBe(pool.slots);
    expect(transport.stats().pools).toBe(2);
    const calls = [send(pool), send(same)];
    await until(() => server.held.length === 2);
    expect(server.accepted).toBe(1);
    expect(pool.stats()).toEqual({ sockets: 1, inFlight: 1, waitingForSocket: 0 });
    server.answerAll();
    await Promise.all(calls);
    other.release();
    same.release();
    expect(transport.stats().pools).toBe(1);
  });

  test("opening and releasing opens no connection", async () => {
    const server = await holdingServer();
    const { transport } = open(server.settings);
    for (let i = 0; i < 100; i++) transport.open(server.settings, use).release();
    await turn();
    expect(transport.stats()).toMatchObject({ pools: 1, sockets: 0, opened: 0 });
  });

  test("Z2: a released hold's calls finish, others keep the connection; the last one closes what is idle", async () => {
    const server = await holdingServer();
    const { pool, transport } = open(server.settings);
    const other = transport.open(server.settings, use);
    const calls = [send(pool), send(other)];
    await until(() => server.held.length === 2);
    other.release();
    server.answerAll();
    await Promise.all(calls);
    await turn();
    expect(pool.stats().sockets).toBe(1);
    const last = send(pool);
    await until(() => server.held.length === 1);
    pool.release();
    expect(transport.stats()).toMatchObject({ pools: 1, inFlight: 1 });
    server.answerAll();
    await last;
    await until(() => transport.stats().sockets === 0);
    await until(() => server.sockets.size === 0);
    expect(transport.stats()).toMatchObject({ pools: 0, opened: 1 });
  });

  test("Z2: a destroyed hold ends its own calls with its error, wherever they are, and nobody else's", async () => {
    const server = await holdingServer();
    const { pool, transport } = open(server.settings, { connections: 1 });
    const other = transport.open(server.settings, { ...use, connections: 1 });
    const mine = Array.from({ length: 60 }, () => send(pool));
    const theirs = Array.from({ length: 60 }, () => send(other));
    await until(() => server.held.length === 100);
    pool.destroy(closed);
    for (const call of mine) await expect(call).rejects.toBe(closed);
    let left = theirs.length;
    for (const call of theirs) void call.then(() => left--);
    while (left > 0) {
      server.answerAll();
      await turn();
    }
    expect(server.accepted).toBe(1);
    other.release();
  });

  test("Z2: calls that still wait for a connection when their hold is released get one", async () => {
    const server = await holdingServer();
    const { pool, transport, clock } = open(server.settings);
    const call = send(pool);
    pool.release();
    const late = open({ ...server.settings, protocol: "h2" }, { connections: 1 });
    const calls = Array.from({ length: 150 }, () => send(late.pool));
    late.pool.release();
    await clock.advance(1_000);
    let left = calls.length + 1;
    for (const each of [call, ...calls]) void each.then(() => left--);
    while (left > 0) {
      server.answerAll();
      await turn();
    }
    await until(() => transport.stats().sockets + late.transport.stats().sockets === 0);
    expect(server.accepted).toBe(2);
  });

  test("Z3: released and destroyed twice, in any order", async () => {
    const server = await holdingServer();
    const { pool, transport } = open(server.settings);
    const other = transport.open(server.settings, use);
    pool.release();
    pool.release();
    pool.destroy(closed);
    expect(transport.stats().pools).toBe(1);
    const call = send(other);
    await until(() => server.held.length === 1);
    server.answerAll();
    await call;
    other.destroy(closed);
    other.destroy(closed);
    expect(transport.stats().pools).toBe(0);
  });

  test("Z4: a call on a released hold is refused at once", async () => {
    const server = await holdingServer();
    const { pool } = open(server.settings);
    pool.release();
    await expect(send(pool)).rejects.toMatchObject({ code: "closed", sent: false });
  });

  test("Z1: destroyed while a connection is made, nothing is left", async () => {
    const silent = await rawServer((socket) => void socket.resume());
    const { pool, transport, clock } = open({ origin: silent.origin.replace("http", "https") });
    const call = send(pool);
    await until(() => silent.accepted === 1);
    pool.destroy(closed);
    await expect(call).rejects.toBe(closed);
    await until(() => transport.stats().sockets === 0 && silent.sockets.size === 0);
    expect(clock.pending).toBe(0);
  });

  test("a pool that is opened again while its last calls run is the same pool", async () => {
    const server = await holdingServer();
    const { pool, transport } = open(server.settings);
    const call = send(pool);
    await until(() => server.held.length === 1);
    pool.release();
    const again = transport.open(server.settings, use);
    expect(again.slots).toBe(pool.slots);
    server.answerAll();
    await call;
    await turn();
    const next = send(again);
    await until(() => server.held.length === 1);
    server.answerAll();
    await next;
    expect(server.accepted).toBe(1);
    again.release();
  });

  test("a pool that is opened again after its end is a new one, which the old one's last sockets do not touch", async () => {
    const server = await holdingServer();
    const { pool, transport } = open(server.settings);
    const call = send(pool);
    await until(() => server.held.length === 1);
    server.answerAll();
    await call;
    pool.release();
    const again = transport.open(server.settings, use);
    await until(() => server.sockets.size === 0);
    for (let i = 0; i < 5; i++) await turn();
    expect(transport.stats()).toMatchObject({ pools: 1, opened: 1 });
    const next = send(again);
    await until(() => server.held.length === 1);
    server.answerAll();
    await next;
    again.release();
  });
});

describe("the key of a pool", () => {
  const base = { origin: "https://api.example.com", protocol: "auto" } as const;

  test("is the same however the same settings are written", () => {
    expect(poolKey({ ...base, proxy: false, tls: {} })).toBe(poolKey(base));
    expect(poolKey({ ...base, origin: "https://API.example.com:443/" })).toBe(poolKey(base));
    expect(poolKey({ ...base, tls: { ca: "a", key: "b" } })).toBe(
      poolKey({ ...base, tls: { key: "b", ca: "a" } }),
    );
  });

  test("differs in each part", () => {
    const keys = [
      base,
      { ...base, origin: "https://api.example.com:444" },
      { ...base, origin: "http://api.example.com" },
      { ...base, protocol: "h1" },
      { ...base, proxy: "http://proxy:1" },
      { ...base, proxy: "http://me:secret@proxy:1" },
      { ...base, tls: { ca: "a" } },
      { ...base, tls: { ca: ["a"] } },
      { ...base, tls: { cert: "a" } },
      { ...base, tls: { rejectUnauthorized: false } },
    ].map((settings) => poolKey(settings as typeof base));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("shows no secret", () => {
    const key = poolKey({ ...base, proxy: "http://me:secret@proxy:1", tls: { key: "PRIVATE" } });
    expect(key).not.toMatch(/secret|PRIVATE|proxy/);
    expect(key).toContain("https://api.example.com");
  });
});

describe("N22: headers", () => {
  test.each(["a\nb", "a\r\nx-evil: 1", "a\0", "\u007f", "snow ☃"])(
    "a value that HTTP cannot carry (%j) is refused without it",
    async (value) => {
      const server = await holdingServer();
      const { pool } = open(server.settings);
      const error = await send(pool, { headers: { authorization: `Bearer SECRET${value}` } }).catch(
        (reason) => reason,
      );
      expect(error).toMatchObject({ code: "config", retryable: false, sent: false });
      expect(error.message).toContain('"authorization"');
      expect(`${error.stack}${JSON.stringify(error)}`).not.toContain("SECRET");
      expect(pool.stats()).toMatchObject({ inFlight: 0, waitingForSocket: 0 });
    },
  );

  test.each(["x y", "x:y", "", "X-Upper", "x\n"])(
    "a name that HTTP cannot carry (%j) is refused",
    async (name) => {
      const server = await holdingServer();
      const { pool } = open(server.settings);
      await expect(send(pool, { headers: { [name]: "v" } })).rejects.toMatchObject({
        code: "config",
        sent: false,
      });
    },
  );

  test.each([
    { path: "no-slash" },
    { path: "/a b" },
    { path: "/a\r\nb" },
    { method: "get" },
    { method: "GET /x" },
  ])("a target that would not stay what it is (%j) is refused", async (wrong) => {
    const server = await holdingServer();
    const { pool } = open(server.settings);
    await expect(send(pool, wrong)).rejects.toMatchObject({ code: "config", sent: false });
  });

  test.each(["h1", "h2"])(
    "what belongs to the connection is the pool's own on %s; an answer's repeated headers are joined",
    async (protocol) => {
      let seen: Record<string, unknown> = {};
      const answer = [
        ["set-cookie", ["a=1", "b=2"]],
        ["x-multi", ["1", "2"]],
      ] as const;
      const { origin } =
        protocol === "h1"
          ? await h1Server((request, response) => {
              seen = request.headers;
              for (const [name, values] of answer) response.setHeader(name, [...values]);
              response.end();
            })
          : await h2Server((stream, headers) => {
              seen = headers;
              stream.respond(
                { ":status": 200, "set-cookie": ["a=1", "b=2"], "x-multi": ["1", "2"] } as never,
                { endStream: true },
              );
            });
      const { pool } = open({ origin });
      const { headers, status } = await send(pool, {
        headers: {
          host: "evil.example",
          connection: "close",
          "keep-alive": "timeout=1",
          "transfer-encoding": "chunked",
          "content-length": "999",
          expect: "100-continue",
          upgrade: "x",
          te: "trailers",
          "x-mine": "kept",
        },
        body: "12345",
      });
      expect(status).toBe(200);
      expect(headers).toMatchObject({ "set-cookie": "a=1, b=2", "x-multi": "1, 2" });
      expect(Object.keys(headers).every((name) => !name.startsWith(":"))).toBe(true);
      expect(seen).toMatchObject({ "x-mine": "kept", "content-length": "5" });
      for (const name of ["transfer-encoding", "expect", "upgrade", "te"])
        expect(seen).not.toHaveProperty(name);
      expect(JSON.stringify(seen)).not.toContain("evil");
    },
  );
});

test("N13: readers, and whatever a connection does, run in no caller's async context", async () => {
  const server = await holdingServer();
  const { pool } = open(server.settings, { connections: 1 });
  const story = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const note = () => seen.push(story.getStore());
  const calls = Array.from({ length: 150 }, (_, i) =>
    story.run(`call ${i}`, () => send(pool, { onHead: note, onPart: note })),
  );
  await until(() => server.held.length === 100);
  server.answerAll();
  await until(() => server.held.length === 50);
  server.answerAll();
  await Promise.all(calls);
  expect(seen).toHaveLength(300);
  expect(new Set(seen)).toEqual(new Set([undefined]));
});

describe("Z7, Z8: the process", () => {
  const child = async (origin: string, what: string): Promise<string> => {
    const script = join(import.meta.dirname, "children", "exits.ts");
    const { stdout } = await promisify(execFile)(process.execPath, [script, origin, certificate.cert, what], {
      timeout: 15_000,
    });
    return stdout;
  };

  test.each(["h1", "h2"])("is held by a pending call on %s and not by idle connections", async (protocol) => {
    const { origin } =
      protocol === "h1"
        ? await h1Server((_request, response) => void setTimeout(() => response.end("x"), 300))
        : await h2Server((stream) => {
            setTimeout(() => {
              stream.respond({ ":status": 200 });
              stream.end("x");
            }, 300);
          });
    expect(await child(origin, "plain")).toBe("answered");
  });

  test.each(["abort", "done"])("is not held by what is left after an %s", async (what) => {
    const { origin } = await h2Server((stream) => {
      if (what === "abort") return;
      stream.respond({ ":status": 200 });
      stream.write("x");
    });
    expect(await child(origin, what)).toBe(what === "abort" ? "left" : "answered");
  });

  test("is not held by a connect that nobody waits for any more", async () => {
    const silent = await rawServer((socket) => void socket.resume());
    expect(await child(silent.origin.replace("http", "https"), "abort")).toBe("left");
  });
});
