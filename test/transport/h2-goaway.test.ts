import { constants, type ServerHttp2Stream } from "node:http2";
import { describe, expect, test } from "vitest";
import type { TrunklineError } from "../../src/core/errors.ts";
import { failures, h2Server, open, quiet, send, until } from "./support.ts";

const { NGHTTP2_REFUSED_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_ENHANCE_YOUR_CALM } = constants;

/** Keeps streams until `answer` is called and counts how often each body was received. */
async function countingServer(onStream: (stream: ServerHttp2Stream, body: string, nth: number) => void) {
  const received = new Map<string, number>();
  let nth = 0;
  const server = await h2Server((stream) => {
    let body = "";
    const mine = nth++;
    stream.on("data", (chunk) => (body += chunk));
    stream.on("end", () => {
      received.set(body, (received.get(body) ?? 0) + 1);
      onStream(stream, body, mine);
    });
  });
  return Object.assign(server, { received });
}

function answer(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200 });
  stream.end("an answer");
}

describe("N9: GOAWAY", () => {
  test("running streams finish, new calls go elsewhere at once, nothing is sent twice", async () => {
    const held: ServerHttp2Stream[] = [];
    const server = await countingServer((stream, body) => {
      if (body.startsWith("long")) held.push(stream);
      else answer(stream);
    });
    const { pool } = open({ origin: server.origin });
    const long = Array.from({ length: 20 }, (_, i) => send(pool, { body: `long ${i}` }));
    await until(() => held.length === 20);
    server.sessions[0]!.goaway(NGHTTP2_NO_ERROR);
    const short = Array.from({ length: 20 }, (_, i) => send(pool, { body: `short ${i}` }));
    // They end while their neighbours of before still run.
    await Promise.all(short);
    expect(server.sessions).toHaveLength(2);
    expect(pool.stats()).toMatchObject({ inFlight: 20, sockets: 2 });
    for (const stream of held) answer(stream);
    await Promise.all(long);
    expect([...server.received.values()].every((times) => times === 1)).toBe(true);
    expect(server.received.size).toBe(40);
    await until(() => pool.stats().sockets === 1);
  });

  test("twice, with long streams on both sessions: the third serves at once, nothing is sent twice", async () => {
    const held: ServerHttp2Stream[] = [];
    const server = await countingServer((stream, body) => {
      if (body.startsWith("long")) held.push(stream);
      else answer(stream);
    });
    const { pool } = open({ origin: server.origin });
    const long: Promise<unknown>[] = [];
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 10; i++) long.push(send(pool, { body: `long ${round} ${i}` }));
      await until(() => held.length === (round + 1) * 10);
      server.sessions[round]!.goaway(NGHTTP2_NO_ERROR);
      await send(pool, { body: `short ${round}` });
    }
    expect(server.sessions).toHaveLength(3);
    for (const stream of held) answer(stream);
    await Promise.all(long);
    expect([...server.received.values()].every((times) => times === 1)).toBe(true);
    expect(server.received.size).toBe(22);
  });

  test("streams above its last id are sent again on a new session, those below finish", async () => {
    const held: ServerHttp2Stream[] = [];
    let said = false;
    const server = await countingServer((stream) => {
      if (said) answer(stream);
      else held.push(stream);
    });
    const { pool } = open({ origin: server.origin });
    const calls = Array.from({ length: 10 }, (_, i) => send(pool, { body: `call ${i}` }));
    await until(() => held.length === 10);
    said = true;
    const last = held[4]!.id!;
    server.sessions[0]!.goaway(NGHTTP2_NO_ERROR, last);
    await until(() => server.sessions.length === 2);
    for (const stream of held) if (stream.id! <= last && !stream.destroyed) answer(stream);
    await Promise.all(calls);
    // The server of this test had seen them all; what it promised not to have processed came once more.
    expect([...server.received.entries()].filter(([, times]) => times === 2).map(([body]) => body)).toEqual(
      Array.from({ length: 5 }, (_, i) => `call ${i + 5}`),
    );
  });

  test("with an error code Node ends the session: unprocessed streams are sent again, others are lost connections", async () => {
    const held: ServerHttp2Stream[] = [];
    let said = false;
    const server = await countingServer((stream) => {
      if (said) answer(stream);
      else held.push(stream);
    });
    const { pool } = open({ origin: server.origin });
    const calls = Array.from({ length: 6 }, (_, i) => send(pool, { body: `call ${i}` }));
    await until(() => held.length === 6);
    said = true;
    server.sessions[0]!.goaway(NGHTTP2_ENHANCE_YOUR_CALM, held[2]!.id!);
    const errors = (await failures(calls)) as TrunklineError[];
    expect(errors).toHaveLength(3);
    for (const error of errors) {
      expect(error).toMatchObject({ code: "network", retryable: true });
      expect(error.sent).toBeUndefined();
    }
    expect(server.received.get("call 0")).toBe(1);
    expect(server.received.get("call 5")).toBe(2);
  });
});

describe("refused streams", () => {
  test("a refused stream is sent again at once, and once only", async () => {
    const server = await countingServer((stream, body, nth) => {
      if (body === "always" || nth === 0) stream.close(NGHTTP2_REFUSED_STREAM);
      else answer(stream);
    });
    const { pool } = open({ origin: server.origin });
    expect((await send(pool, { body: "once" })).status).toBe(200);
    expect(server.received.get("once")).toBe(2);
    const error = await send(pool, { body: "always" }).catch((reason) => reason);
    expect(error).toMatchObject({ code: "network", sent: false, retryable: true });
    expect(server.received.get("always")).toBe(2);
    expect(server.accepted).toBe(1);
  });

  test("the deadline of one that is sent again begins anew, and onSent is told once", async () => {
    const held: ServerHttp2Stream[] = [];
    const server = await countingServer((stream) => held.push(stream));
    const { pool, clock } = open({ origin: server.origin });
    let sent = 0;
    const call = send(pool, { timeout: 1_000, firstByteTimeout: 1_000, onSent: () => sent++ });
    await until(() => held.length === 1);
    await clock.advance(900);
    held[0]!.close(NGHTTP2_REFUSED_STREAM);
    await until(() => held.length === 2);
    await clock.advance(900);
    answer(held[1]!);
    await call;
    expect(sent).toBe(1);
  });

  test("any other reset is not sent again", async () => {
    const server = await countingServer((stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    const { pool } = open({ origin: server.origin });
    const error = await send(pool, { body: "x" }).catch((reason) => reason);
    expect(error).toMatchObject({ code: "network", retryable: true });
    expect(error.sent).toBeUndefined();
    await quiet();
    expect(server.received.get("x")).toBe(1);
  });
});
