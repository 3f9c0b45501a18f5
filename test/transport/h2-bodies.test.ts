import { createHash } from "node:crypto";
import type { ServerHttp2Stream } from "node:http2";
import { expect, test } from "vitest";
import { h2Server, open, send } from "./support.ts";

test("100 bodies of 2 MB in parallel arrive whole", async () => {
  const server = await h2Server((stream) => {
    const hash = createHash("sha256");
    stream.on("data", (chunk) => hash.update(chunk));
    stream.on("end", () => {
      stream.respond({ ":status": 200 });
      stream.end(hash.digest("hex"));
    });
  });
  const { pool } = open({ origin: server.origin }, { connections: 1 });
  const body = Buffer.alloc(2_000_000, "trunkline ");
  const expected = createHash("sha256").update(body).digest("hex");
  const answers = await Promise.all(Array.from({ length: 100 }, () => send(pool, { body })));
  expect(answers.every(({ text }) => text === expected)).toBe(true);
  expect(server.accepted).toBe(1);
});

test("100 answers of 1 MB in parallel arrive whole", async () => {
  const body = Buffer.alloc(1_000_000, "trunkline ");
  const answer = (stream: ServerHttp2Stream): void => {
    stream.respond({ ":status": 200 });
    stream.end(body);
  };
  const server = await h2Server(answer, { maxSessionMemory: 1_000 });
  const { pool } = open({ origin: server.origin }, { connections: 1 });
  const sizes = await Promise.all(
    Array.from({ length: 100 }, async () => {
      let size = 0;
      await pool.send(
        { method: "GET", path: "/", headers: {}, timeout: 1e6, firstByteTimeout: 1e6, idleTimeout: 1e6 },
        {
          onHead() {},
          onData(chunk) {
            size += chunk.length;
            return "progress";
          },
        },
      );
      return size;
    }),
  );
  expect(sizes.every((size) => size === body.length)).toBe(true);
});

test("a text body is sent as UTF-8 with its length", async () => {
  const server = await h2Server((stream, headers) => {
    let text = "";
    stream.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    stream.on("end", () => {
      stream.respond({ ":status": 200 });
      stream.end(`${headers["content-length"]} ${text}`);
    });
  });
  const { pool } = open({ origin: server.origin });
  expect((await send(pool, { body: "grüße 🌍" })).text).toBe("12 grüße 🌍");
});
