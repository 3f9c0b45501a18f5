import { getEventListeners } from "node:events";
import { constants } from "node:http2";
import { expect, test } from "vitest";
import { isTrunklineError, TrunklineError } from "../../src/core/errors.ts";
import { seededRandom } from "../../src/testing/fake-clock.ts";
import { eachRequest, h2Server, open, rawServer, send, turn, until } from "./support.ts";

const { NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL } = constants;

/** A server that does with each request what chance says, and its origin. */
const servers = {
  async h2(random: () => number) {
    const server = await h2Server(
      (stream) => {
        stream.resume();
        const what = random();
        const answer = (): void => {
          if (stream.destroyed) return;
          stream.respond({ ":status": 200 });
          stream.end("an answer");
        };
        if (what < 0.04) stream.close(NGHTTP2_REFUSED_STREAM);
        else if (what < 0.06) stream.close(NGHTTP2_INTERNAL_ERROR);
        else if (what < 0.08) stream.close(NGHTTP2_CANCEL);
        else if (what < 0.085) stream.session?.goaway();
        else if (what < 0.09) stream.session?.goaway(0, Math.max(1, stream.id! - 20));
        else if (what < 0.095) stream.session?.destroy();
        else if (what < 0.3) setTimeout(answer, 5);
        else answer();
        if (what >= 0.08 && what < 0.095) setTimeout(answer, 2);
      },
      { settings: { maxConcurrentStreams: 20 } },
    );
    return server.origin;
  },
  async h1(random: () => number) {
    const server = await rawServer((socket) =>
      eachRequest(socket, () => {
        const what = random();
        const whole = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nan answer";
        if (what < 0.02) socket.destroy();
        else if (what < 0.04) socket.resetAndDestroy();
        else if (what < 0.06) socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nan");
        else if (what < 0.1) socket.end(whole);
        else if (what < 0.12) socket.write("nonsense\r\n\r\n");
        else if (what < 0.3) setTimeout(() => socket.write(whole), 5);
        else socket.write(whole);
      }),
    );
    return server.origin;
  },
};

/** A call that is lost must show as a test that hangs, and not hide behind a deadline. */
const endless = Number.POSITIVE_INFINITY;
const left = new TrunklineError("aborted", "left");

test.each([
  ["h1", 1],
  ["h1", 2],
  ["h2", 1],
  ["h2", 2],
  ["h2", 3],
] as const)(
  "N9: whatever happens on %s (seed %d), every call settles once and nothing is left behind",
  async (protocol, seed) => {
    const random = seededRandom(seed);
    const { pool, clock, transport } = open({ origin: await servers[protocol](random) }, { connections: 5 });
    const signals: AbortSignal[] = [];
    const counts = { answered: 0, aborted: 0, broken: 0 };
    let running = 0;
    const one = async (): Promise<void> => {
      const controller = new AbortController();
      signals.push(controller.signal);
      const { signal } = controller;
      if (random() < 0.2) setTimeout(() => controller.abort(left), random() * 10);
      try {
        const { text } = await send(pool, {
          signal,
          timeout: endless,
          firstByteTimeout: endless,
          idleTimeout: endless,
        });
        expect(text).toBe("an answer");
        counts.answered++;
      } catch (error) {
        if (error === left) counts.aborted++;
        else if (isTrunklineError(error) && error.code === "network") counts.broken++;
        else throw error;
      }
    };
    const worker = async (): Promise<void> => {
      running++;
      for (let i = 0; i < 10; i++) await one();
      running--;
    };
    const workers = Promise.all(Array.from({ length: 120 }, worker));
    while (running > 0) {
      await clock.advance(1);
      await turn();
      const { inFlight, waitingForSocket, sockets } = pool.stats();
      expect(inFlight).toBeLessThanOrEqual(protocol === "h1" ? 5 : sockets * 20);
      expect(inFlight + waitingForSocket).toBeLessThanOrEqual(120);
    }
    await workers;
    expect(counts.answered + counts.aborted + counts.broken).toBe(1_200);
    expect(counts.answered).toBeGreaterThan(600);
    expect(counts.broken).toBeGreaterThan(0);
    expect(pool.stats()).toMatchObject({ inFlight: 0, waitingForSocket: 0 });
    expect(transport.stats()).toMatchObject({ inFlight: 0, waitingForSocket: 0 });
    expect(signals.every((signal) => getEventListeners(signal, "abort").length === 0)).toBe(true);
    await until(() => clock.pending === 0);
    // A connect may still be under way, so that its session falls idle later than the others.
    while (pool.stats().sockets > 0) {
      await clock.advance(60_000);
      await turn();
    }
  },
);
