import { constants } from "node:http2";
import { describe, expect, test } from "vitest";
import { DATA, END_STREAM, endsRequest, frame, frameServer, ok, reset } from "./frames.ts";
import { eachRequest, h2Server, open, quiet, rawServer, send, until } from "./support.ts";

const failed = { code: "network", retryable: true };

async function answering(bytes: string, then: "end" | "reset" | "keep" = "end") {
  return rawServer((socket) =>
    eachRequest(socket, () => {
      socket.write(bytes, () => {
        if (then === "end") socket.end();
        if (then === "reset") socket.resetAndDestroy();
      });
    }),
  );
}

const outcome = async (origin: string) => {
  const { pool } = open({ origin });
  return send(pool).catch((error) => error);
};

describe("HTTP/1.1: a body that ends early is an error in every framing", () => {
  test.each(["end", "reset"] as const)("content-length not reached (%s)", async (then) => {
    const { origin } = await answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this", then);
    expect(await outcome(origin)).toMatchObject(failed);
  });

  test.each(["end", "reset"] as const)(
    "content-length not reached on a closing connection (%s)",
    async (then) => {
      const head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n";
      const { origin } = await answering(`${head}only this`, then);
      expect(await outcome(origin)).toMatchObject(failed);
    },
  );

  test.each([
    ["within a chunk", "5\r\nhel"],
    ["between chunks", "5\r\nhello\r\n"],
    ["within the last chunk's size", "5\r\nhello\r\n0"],
    ["before the closing line", "5\r\nhello\r\n0\r\n"],
  ])("chunked, cut %s", async (_where, body) => {
    const { origin } = await answering(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}`);
    expect(await outcome(origin)).toMatchObject(failed);
  });

  test("chunked on a closing connection", async () => {
    const head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    const { origin } = await answering(`${head}5\r\nhello\r\n`);
    expect(await outcome(origin)).toMatchObject(failed);
  });

  test("within the head", async () => {
    const { origin } = await answering("HTTP/1.1 200 OK\r\ncontent-le");
    expect(await outcome(origin)).toMatchObject(failed);
  });

  test("a body that the connection's end delimits is whole after a close in good order", async () => {
    const { origin } = await answering("HTTP/1.1 200 OK\r\n\r\nall of it");
    expect(await outcome(origin)).toMatchObject({ status: 200, text: "all of it" });
  });

  test("and an error after a reset", async () => {
    const server = await rawServer((socket) => {
      eachRequest(socket, () => void socket.write("HTTP/1.1 200 OK\r\n\r\npart of it"));
    });
    const { pool } = open({ origin: server.origin });
    const onData = () => {
      for (const socket of server.sockets) socket.resetAndDestroy();
      return "progress" as const;
    };
    expect(await send(pool, { onData }).catch((error) => error)).toMatchObject(failed);
  });

  test("what is no HTTP is an error that does not quote it", async () => {
    const { origin } = await answering("SECRET nonsense\r\n\r\n");
    const error = await outcome(origin);
    expect(error).toMatchObject(failed);
    expect(`${error.message}${JSON.stringify(error.cause)}`).not.toContain("SECRET");
  });
});

describe("HTTP/2: a body that ends early is an error", () => {
  const { NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR } = constants;

  test.each([
    ["NO_ERROR", NGHTTP2_NO_ERROR],
    ["CANCEL", NGHTTP2_CANCEL],
    ["INTERNAL_ERROR", NGHTTP2_INTERNAL_ERROR],
  ])("the stream is reset with %s", async (_name, code) => {
    const server = await frameServer((came, socket) => {
      if (endsRequest(came))
        socket.write(Buffer.concat([ok(came.id), frame(DATA, 0, came.id, "part"), reset(came.id, code)]));
    });
    expect(await outcome(server.origin)).toMatchObject(failed);
  });

  test("the stream is reset with NO_ERROR after its end, as it may", async () => {
    const server = await frameServer((came, socket) => {
      if (!endsRequest(came)) return;
      const whole = frame(DATA, END_STREAM, came.id, "all of it");
      socket.write(Buffer.concat([ok(came.id), whole, reset(came.id, NGHTTP2_NO_ERROR)]));
    });
    expect(await outcome(server.origin)).toMatchObject({ status: 200, text: "all of it" });
  });

  test("content-length not reached", async () => {
    const server = await h2Server((stream) => {
      stream.respond({ ":status": 200, "content-length": 100 });
      stream.end("only this");
    });
    expect(await outcome(server.origin)).toMatchObject(failed);
  });

  test.each(["destroy", "resetAndDestroy"] as const)("the connection goes (%s)", async (how) => {
    const server = await h2Server((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("only this");
    });
    const { pool } = open({ origin: server.origin });
    const onData = () => {
      for (const socket of server.sockets) socket[how]();
      return "progress" as const;
    };
    expect(await send(pool, { onData }).catch((error) => error)).toMatchObject(failed);
    await until(() => pool.stats().sockets === 0);
  });

  test("a whole answer is good although the server then resets the stream, as it may", async () => {
    const server = await h2Server((stream) => {
      stream.respond({ ":status": 413 });
      stream.end("too long");
      stream.on("finish", () => stream.close(NGHTTP2_NO_ERROR));
    });
    const { pool } = open({ origin: server.origin });
    const body = Buffer.alloc(10_000_000);
    expect(await send(pool, { body })).toMatchObject({ status: 413, text: "too long" });
    await quiet();
    expect(await send(pool)).toMatchObject({ status: 413 });
    expect(server.accepted).toBe(1);
  });
});
