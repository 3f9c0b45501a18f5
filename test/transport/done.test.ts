import { describe, expect, test } from "vitest";
import { DATA, END_STREAM, endsRequest, frame, frameServer, ok, RST_STREAM } from "./frames.ts";
import { eachRequest, open, rawServer, send, turn, until } from "./support.ts";

const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const done = () => "done" as const;

describe("E5: a reader that wants no more, on HTTP/1.1", () => {
  test("resolves at once; the end that follows keeps the socket", async () => {
    let end!: () => void;
    const server = await rawServer((socket) =>
      eachRequest(socket, (_head, nth) => {
        socket.write(chunked + chunk("[DONE]"));
        if (nth > 1) socket.write("0\r\n\r\n");
        else end = () => void socket.write("0\r\n\r\n");
      }),
    );
    const { pool } = open({ origin: server.origin }, { connections: 1 });
    expect((await send(pool, { onData: done })).text).toBe("[DONE]");
    expect(pool.stats()).toMatchObject({ inFlight: 0, sockets: 1 });
    const next = send(pool, { onData: done });
    await turn();
    expect(pool.stats().waitingForSocket).toBe(1);
    end();
    await next;
    expect(server.accepted).toBe(1);
  });

  test("a gateway that holds the answer open loses the socket after a moment", async () => {
    const server = await rawServer((socket) =>
      eachRequest(socket, () => socket.write(chunked + chunk("[DONE]"))),
    );
    const { pool, clock } = open({ origin: server.origin }, { connections: 1 });
    await send(pool, { onData: done });
    await clock.advance(249);
    expect(pool.stats().sockets).toBe(1);
    const next = send(pool, { onData: done });
    await clock.advance(1);
    await next;
    expect(server.accepted).toBe(2);
  });

  test("an answer that goes on and on loses it too", async () => {
    const server = await rawServer((socket) =>
      eachRequest(socket, () => {
        socket.write(chunked + chunk("[DONE]"));
        for (let i = 0; i < 10; i++) socket.write(chunk("x".repeat(10_000)));
      }),
    );
    const { pool } = open({ origin: server.origin });
    await send(pool, { onData: done });
    await until(() => pool.stats().sockets === 0);
  });
});

describe("E5: on HTTP/2", () => {
  test("resolves at once; a stream that does not end is reset, its session stays", async () => {
    const resets: number[] = [];
    const server = await frameServer((came, socket) => {
      if (came.type === RST_STREAM) resets.push(came.payload.readUInt32BE());
      if (endsRequest(came)) socket.write(Buffer.concat([ok(came.id), frame(DATA, 0, came.id, "[DONE]")]));
    });
    const { pool, clock } = open({ origin: server.origin });
    await send(pool, { onData: done });
    await clock.advance(250);
    await until(() => resets.length === 1);
    expect(resets).toEqual([8]);
    await send(pool, { onData: done });
    expect(server.accepted).toBe(1);
    await clock.advance(250);
    await until(() => resets.length === 2);
  });

  test("an end that follows needs no reset", async () => {
    const types: number[] = [];
    const server = await frameServer((came, socket) => {
      types.push(came.type);
      if (!endsRequest(came)) return;
      socket.write(Buffer.concat([ok(came.id), frame(DATA, 0, came.id, "[DONE]")]));
      setImmediate(() => socket.write(frame(DATA, END_STREAM, came.id)));
    });
    const { pool, clock } = open({ origin: server.origin });
    for (let i = 0; i < 3; i++) await send(pool, { onData: done });
    await until(() => pool.slots.limit > 1);
    await clock.advance(10_000);
    expect(types).not.toContain(RST_STREAM);
  });

  test("an answer that goes on and on is reset", async () => {
    const resets: number[] = [];
    const server = await frameServer((came, socket) => {
      if (came.type === RST_STREAM) resets.push(came.id);
      if (!endsRequest(came)) return;
      socket.write(Buffer.concat([ok(came.id), frame(DATA, 0, came.id, "[DONE]")]));
      for (let i = 0; i < 10; i++) socket.write(frame(DATA, 0, came.id, Buffer.alloc(10_000)));
    });
    const { pool } = open({ origin: server.origin });
    await send(pool, { onData: done });
    await until(() => resets.length === 1);
  });
});

describe("N11: a reader that fails ends the exchange with its own error and pins nothing", () => {
  const oops = new Error("oops");
  const fails = () => {
    throw oops;
  };

  test.each(["onHead", "onData", "onSent"] as const)("on HTTP/1.1, in %s", async (where) => {
    const server = await rawServer((socket) =>
      eachRequest(socket, () => socket.write(chunked + chunk("text"))),
    );
    const { pool } = open({ origin: server.origin }, { connections: 1 });
    for (let i = 0; i < 3; i++) await expect(send(pool, { [where]: fails })).rejects.toBe(oops);
    await until(() => pool.stats().sockets === 0);
  });

  test.each(["onHead", "onData", "onSent"] as const)("on HTTP/2, in %s", async (where) => {
    const resets: number[] = [];
    const server = await frameServer((came, socket) => {
      if (came.type === RST_STREAM) resets.push(came.id);
      if (endsRequest(came)) socket.write(Buffer.concat([ok(came.id), frame(DATA, 0, came.id, "text")]));
    });
    const { pool } = open({ origin: server.origin }, { connections: 1 });
    for (let i = 0; i < 3; i++) await expect(send(pool, { [where]: fails })).rejects.toBe(oops);
    await until(() => resets.length === 3);
    expect(server.accepted).toBe(1);
  });
});

test("an answer larger than the bound is refused", async () => {
  const server = await rawServer((socket) => {
    const body = Buffer.alloc(1 << 20);
    eachRequest(socket, () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${2 ** 40}\r\n\r\n`);
      const more = (): void => {
        while (!socket.destroyed && socket.write(body));
        if (!socket.destroyed) socket.once("drain", more);
      };
      more();
    });
  });
  const { pool } = open({ origin: server.origin });
  const call = pool.send(
    { method: "GET", path: "/", headers: {}, timeout: 1e6, firstByteTimeout: 1e6, idleTimeout: 1e6 },
    { onHead() {}, onData: () => "progress" },
  );
  await expect(call).rejects.toMatchObject({ code: "bad_response" });
});

test("a head larger than the bound is refused", async () => {
  const server = await rawServer((socket) =>
    eachRequest(socket, () => socket.write(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}\r\n\r\n`)),
  );
  const { pool } = open({ origin: server.origin });
  await expect(send(pool)).rejects.toMatchObject({ code: "network" });
});
