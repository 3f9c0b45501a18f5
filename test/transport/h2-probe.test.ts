import type { Socket } from "node:net";
import { expect, test } from "vitest";
import {
  DATA,
  END_STREAM,
  endsRequest,
  frame,
  frameServer,
  HEADERS,
  ok,
  PING,
  RST_STREAM,
} from "./frames.ts";
import { failures, open, quiet, send, until } from "./support.ts";

/** The first connection accepts requests and answers nothing, perhaps not even a PING; later ones are well. */
async function silentFirst(answersPing: boolean) {
  const requests: { nth: number; id: number; socket: Socket }[] = [];
  let pings = 0;
  const server = await frameServer(
    (came, socket, nth) => {
      if (came.type === PING && came.flags === 0) pings++;
      if (!endsRequest(came)) return;
      requests.push({ nth, id: came.id, socket });
      if (nth > 0) socket.write(Buffer.concat([ok(came.id), frame(DATA, END_STREAM, came.id, "an answer")]));
    },
    { answersPing },
  );
  return Object.assign(server, { requests, pings: () => pings });
}

test("N10: a black-holed session is found by a PING after a deadline and replaced", async () => {
  const server = await silentFirst(false);
  const { pool, clock } = open({ origin: server.origin });
  const short = send(pool, { firstByteTimeout: 60_000 });
  const long = send(pool);
  await until(() => server.requests.length === 2);
  const lost = failures([short]);
  await clock.advance(60_000);
  expect((await lost)[0]).toMatchObject({ code: "timeout", phase: "first_byte" });
  await until(() => server.pings() === 1);
  await clock.advance(5_000);
  expect((await send(pool)).text).toBe("an answer");
  expect(server.requests.at(-1)).toMatchObject({ nth: 1 });
  // Who is still on it has his own deadline; the answer may yet come.
  expect(pool.stats()).toMatchObject({ inFlight: 1, sockets: 2 });
  const { id, socket } = server.requests[1]!;
  socket.write(Buffer.concat([ok(id), frame(DATA, END_STREAM, id, "late")]));
  expect((await long).text).toBe("late");
  await until(() => pool.stats().sockets === 1);
});

test("a black-holed session is gone once its last call has given up", async () => {
  const server = await silentFirst(false);
  const { pool, clock } = open({ origin: server.origin });
  const lost = failures([send(pool, { firstByteTimeout: 1_000 }), send(pool, { timeout: 20_000 })]);
  await until(() => server.requests.length === 2);
  await clock.advance(20_000);
  expect(await lost).toHaveLength(2);
  await until(() => pool.stats().sockets === 0);
});

test("a session that answers the PING stays", async () => {
  const server = await silentFirst(true);
  const { pool, clock } = open({ origin: server.origin });
  const lost = failures([send(pool, { firstByteTimeout: 1_000 })]);
  await until(() => server.requests.length === 1);
  await clock.advance(1_000);
  await lost;
  await until(() => server.pings() === 1);
  await quiet();
  await clock.advance(60_000);
  const next = send(pool);
  await until(() => server.requests.length === 2);
  expect(server.requests[1]).toMatchObject({ nth: 0 });
  await pool.destroy(new Error("over") as never);
  await expect(next).rejects.toThrow("over");
});

test("an idle deadline sends a PING too", async () => {
  const server = await frameServer(
    (came, socket, nth) => {
      if (!endsRequest(came)) return;
      socket.write(Buffer.concat([ok(came.id), frame(DATA, nth === 0 ? 0 : END_STREAM, came.id, "part")]));
    },
    { answersPing: false },
  );
  const { pool, clock } = open({ origin: server.origin });
  let parts = 0;
  const lost = failures([send(pool, { idleTimeout: 1_000, onPart: () => parts++ })]);
  await until(() => parts === 1);
  await clock.advance(1_000);
  expect((await lost)[0]).toMatchObject({ code: "timeout", phase: "idle" });
  await quiet();
  await clock.advance(5_000);
  expect((await send(pool)).text).toBe("part");
  expect(server.accepted).toBe(2);
});

test("resets of many aborted calls travel in the answer to one PING", async () => {
  const came: number[] = [];
  const server = await frameServer(({ type }) => void came.push(type));
  const { pool } = open({ origin: server.origin });
  const controllers = Array.from({ length: 50 }, () => new AbortController());
  const lost = failures(controllers.map(({ signal }) => send(pool, { signal })));
  await until(() => came.filter((type) => type === HEADERS).length === 50);
  for (const controller of controllers) controller.abort(new Error("left"));
  expect(await lost).toHaveLength(50);
  await until(() => came.filter((type) => type === RST_STREAM).length === 50);
  expect(came.filter((type) => type === PING)).toHaveLength(1);
  expect(came.lastIndexOf(PING)).toBeLessThan(came.indexOf(RST_STREAM));
});
