import { getEventListeners } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { DATA, END_STREAM, endsRequest, frame, frameServer, ok } from "./frames.ts";
import { failures, h2Server, open, quiet, send, turn, until } from "./support.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that are still held after a collection. */
function heldMemory(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** Answers each stream only when told to. */
async function holdingServer(options = {}) {
  const held: ServerHttp2Stream[] = [];
  let most = 0;
  const open = new Map<unknown, number>();
  const server = await h2Server((stream) => {
    const session = stream.session;
    open.set(session, (open.get(session) ?? 0) + 1);
    most = Math.max(most, open.get(session)!);
    stream.on("close", () => open.set(session, open.get(session)! - 1));
    stream.resume();
    held.push(stream);
  }, options);
  const answerAll = (): void => {
    for (const stream of held.splice(0)) {
      if (stream.destroyed) continue;
      stream.respond({ ":status": 200 });
      stream.end("an answer");
    }
  };
  return Object.assign(server, { held, answerAll, mostOnOne: () => most });
}

describe("HTTP/2 sessions", () => {
  test("2,000 calls are 20 sessions of 100, and the next 2,000 open none", async () => {
    const server = await holdingServer({ settings: { maxConcurrentStreams: 250 } });
    const { pool, transport } = open({ origin: server.origin });
    for (let round = 0; round < 2; round++) {
      const calls = Array.from({ length: 2_000 }, () => send(pool));
      await until(() => server.held.length === 2_000);
      expect(pool.stats()).toEqual({ sockets: 20, inFlight: 2_000, waitingForSocket: 0 });
      server.answerAll();
      for (const { status, text } of await Promise.all(calls)) {
        expect(status + text).toBe("200an answer");
      }
    }
    expect(server.mostOnOne()).toBe(100);
    expect(server.accepted).toBe(20);
    expect(transport.stats()).toMatchObject({ pools: 1, sockets: 20, opened: 20, inFlight: 0 });
  });

  test("N10: the server's own stream limit is kept, and nothing waits inside a session", async () => {
    const server = await holdingServer({ settings: { maxConcurrentStreams: 7 } });
    const { pool } = open({ origin: server.origin }, { connections: 2 });
    const calls = Array.from({ length: 30 }, () => send(pool));
    await until(() => server.held.length === 14);
    expect(pool.stats()).toEqual({ sockets: 2, inFlight: 14, waitingForSocket: 16 });
    expect(pool.slots.limit).toBe(14);
    const rest = Promise.all(calls);
    let done = false;
    void rest.then(() => (done = true));
    while (!done) {
      server.answerAll();
      await turn();
    }
    expect(server.mostOnOne()).toBe(7);
  });

  test("a limit that the server lowers later is kept from then on", async () => {
    const server = await holdingServer({ settings: { maxConcurrentStreams: 50 } });
    const { pool } = open({ origin: server.origin }, { connections: 1 });
    const first = send(pool);
    await until(() => server.held.length === 1);
    expect(pool.slots.limit).toBe(50);
    server.sessions[0]!.settings({ maxConcurrentStreams: 3 });
    await until(() => pool.slots.limit === 3);
    const calls = [first, ...Array.from({ length: 5 }, () => send(pool))];
    await until(() => server.held.length === 3);
    expect(pool.stats()).toMatchObject({ inFlight: 3, waitingForSocket: 3 });
    server.answerAll();
    await until(() => server.held.length === 3);
    server.answerAll();
    await Promise.all(calls);
  });

  test("never more than 32 sessions, and one log line names the option", async () => {
    const server = await holdingServer({ settings: { maxConcurrentStreams: 2 } });
    const { pool, log } = open({ origin: server.origin });
    const calls = Array.from({ length: 100 }, () => send(pool));
    await until(() => server.held.length === 64);
    expect(pool.stats()).toEqual({ sockets: 32, inFlight: 64, waitingForSocket: 36 });
    expect(log).toHaveLength(1);
    expect(log[0]).toContain("`connections`");
    server.answerAll();
    await until(() => server.held.length === 36);
    server.answerAll();
    await Promise.all(calls);
    expect(server.accepted).toBe(32);
  });

  test("a new call goes to the least loaded session", async () => {
    const server = await holdingServer({ settings: { maxConcurrentStreams: 4 } });
    const { pool } = open({ origin: server.origin });
    const calls = Array.from({ length: 8 }, () => send(pool));
    await until(() => server.held.length === 8);
    const [first, second] = server.sessions;
    const end = (session: unknown, streams: number): void => {
      for (const stream of server.held.filter((each) => each.session === session).slice(0, streams)) {
        stream.respond({ ":status": 200 });
        stream.end();
      }
    };
    end(first, 1);
    end(second, 3);
    await until(() => pool.stats().inFlight === 4);
    await quiet();
    const more = [send(pool), send(pool)];
    await until(() => server.held.length === 10);
    expect(server.held.slice(8).every((stream) => stream.session === second)).toBe(true);
    server.answerAll();
    await Promise.all([...calls, ...more]);
    expect(server.accepted).toBe(2);
  });

  test("1,000 of 2,000 calls on 8 sessions are aborted at once: the others all succeed, memory stays flat", async () => {
    const server = await holdingServer({ settings: { maxConcurrentStreams: 100 } });
    const { pool, transport } = open({ origin: server.origin }, { connections: 8 });
    const reason = new Error("left");
    const one = async (): Promise<void> => {
      const controllers = Array.from({ length: 2_000 }, () => new AbortController());
      const calls = controllers.map(({ signal }) => send(pool, { signal }));
      await until(() => server.held.length === 800);
      expect(pool.stats()).toEqual({ sockets: 8, inFlight: 800, waitingForSocket: 1_200 });
      for (let i = 0; i < 2_000; i += 2) controllers[i]!.abort(reason);
      let left = 2_000;
      for (const call of calls) {
        call.then(
          () => left--,
          () => left--,
        );
      }
      while (left > 0) {
        server.answerAll();
        await turn();
      }
      const errors = await failures(calls);
      expect(errors).toHaveLength(1_000);
      expect(errors.every((error) => error === reason)).toBe(true);
      for (const { signal } of controllers) expect(getEventListeners(signal, "abort")).toHaveLength(0);
    };
    await one();
    const before = heldMemory();
    await one();
    await one();
    expect(heldMemory() - before).toBeLessThan(1e6);
    expect(server.mostOnOne()).toBeLessThanOrEqual(100);
    expect(transport.stats()).toMatchObject({ sockets: 8, opened: 8, inFlight: 0, waitingForSocket: 0 });
  });

  test("a place is free only one turn of the loop after its stream has closed", async () => {
    const server = await holdingServer({ settings: { maxConcurrentStreams: 1 } });
    const { pool, clock } = open({ origin: server.origin }, { connections: 1 });
    const first = send(pool);
    await until(() => server.held.length === 1);
    const turns: (() => void)[] = [];
    clock.turn = (fn) => void turns.push(fn);
    const second = send(pool);
    server.answerAll();
    await first;
    await until(() => turns.length > 0);
    await quiet();
    expect(server.held).toHaveLength(0);
    expect(pool.stats()).toMatchObject({ inFlight: 0, waitingForSocket: 1 });
    clock.turn = (fn) => void setImmediate(fn);
    for (const fn of turns) fn();
    await until(() => server.held.length === 1);
    server.answerAll();
    await second;
  });

  test("20 sessions on a slow handshake: one probe, then four at a time, and every call succeeds", async () => {
    const server = await holdingServer();
    let shaking = 0;
    let mostShaking = 0;
    server.on("connection", (socket) => {
      shaking++;
      mostShaking = Math.max(mostShaking, shaking);
      socket.pause();
      setTimeout(() => socket.resume(), 20);
    });
    server.on("secureConnection", () => shaking--);
    const { pool } = open({ origin: server.origin });
    const calls = Array.from({ length: 2_000 }, () => send(pool));
    await until(() => server.accepted === 1);
    expect(pool.protocol).toBeUndefined();
    expect(pool.slots.limit).toBe(256);
    await until(() => server.held.length === 2_000);
    expect(pool.protocol).toBe("h2");
    expect(pool.slots.limit).toBe(3_200);
    expect(server.accepted).toBe(20);
    expect(mostShaking).toBe(4);
    server.answerAll();
    await Promise.all(calls);
  });

  test("the head comes before the data, also where both come at once", async () => {
    const server = await frameServer((came, socket) => {
      if (!endsRequest(came)) return;
      socket.write(
        Buffer.concat([ok(came.id), frame(DATA, 0, came.id, "a"), frame(DATA, END_STREAM, came.id, "b")]),
      );
    });
    const { pool } = open({ origin: server.origin });
    const seen: string[] = [];
    await send(pool, { onHead: () => seen.push("head"), onPart: (text) => seen.push(text) });
    expect(seen).toEqual(["head", "a", "b"]);
  });

  test("garbage on the wire ends the session with its calls and its socket, also while bodies are on their way", async () => {
    let streams = 0;
    const server = await h2Server(() => streams++);
    const { pool } = open({ origin: server.origin });
    const call = send(pool, { body: Buffer.alloc(20_000_000) }).catch((error) => error);
    await until(() => streams === 1);
    for (const socket of server.sockets) {
      socket.pause();
      socket.write("garbage, and no record of TLS at all");
    }
    expect(await call).toMatchObject({ code: "network", retryable: true });
    await until(() => pool.stats().sockets === 0);
  });

  test("a session lives 300 s unused, then its socket is closed", async () => {
    const server = await h2Server((stream) => stream.respond({ ":status": 204 }, { endStream: true }));
    const { pool, clock } = open({ origin: server.origin });
    await send(pool);
    await until(() => pool.stats().sockets === 1);
    await turn();
    await clock.advance(299_000);
    await send(pool);
    await turn();
    await clock.advance(299_000);
    expect(pool.stats().sockets).toBe(1);
    await clock.advance(1_000);
    await until(() => pool.stats().sockets === 0 && server.sockets.size === 0);
    await send(pool);
    expect(server.accepted).toBe(2);
  });
});
