import type { TLSSocket } from "node:tls";
import { describe, expect, test } from "vitest";
import { selfSigned } from "../../src/testing/self-signed.ts";
import {
  certificate,
  eachRequest,
  h1Server,
  h2Server,
  open,
  rawServer,
  rawTlsServer,
  send,
  tlsH1Server,
  turn,
  until,
} from "./support.ts";

const h2Answer = (stream: import("node:http2").ServerHttp2Stream) => {
  stream.respond({ ":status": 200 });
  stream.end("by h2");
};

/** A TLS server that speaks HTTP/1.1 alone and notes what ALPN offered. */
async function noting(protocols: string[]) {
  const offered: string[][] = [];
  const resumed: boolean[] = [];
  const server = await rawTlsServer(
    {
      ALPNCallback({ protocols: asked }) {
        offered.push(asked);
        return protocols.find((each) => asked.includes(each));
      },
    },
    (socket: TLSSocket) => {
      resumed.push(socket.isSessionReused());
      eachRequest(socket, () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nby h1"));
    },
  );
  return Object.assign(server, { offered, resumed });
}

describe("ALPN", () => {
  test('"auto" takes HTTP/2 where TLS offers it', async () => {
    const { origin } = await h2Server(h2Answer, { allowHTTP1: true });
    const { pool } = open({ origin });
    expect(pool.protocol).toBeUndefined();
    expect((await send(pool)).text).toBe("by h2");
    expect(pool.protocol).toBe("h2");
  });

  test('"auto" takes HTTP/1.1 else', async () => {
    const { origin } = await tlsH1Server((_request, response) => response.end("by h1"));
    const { pool } = open({ origin });
    expect((await send(pool)).text).toBe("by h1");
    expect(pool.protocol).toBe("h1");
  });

  test.each([
    ["auto", ["h2", "http/1.1"]],
    ["h1", ["http/1.1"]],
    ["h2", ["h2"]],
  ] as const)('"%s" offers %s', async (protocol, expected) => {
    const server = await noting(["http/1.1", "h2"]);
    const { pool, clock } = open({ origin: server.origin, protocol });
    const call = send(pool).catch((error) => error);
    await until(() => server.offered.length > 0);
    expect(server.offered[0]).toEqual(expected);
    if (protocol === "h2") await clock.advance(10_000);
    await call;
  });

  test.each([
    ["picks no protocol", {}],
    ["refuses the offer", { ALPNProtocols: ["http/1.1"] }],
  ])('"h2" is a config error where the server %s', async (_what, options) => {
    const server = await rawTlsServer(options, (socket) => void socket.resume());
    const { pool } = open({ origin: server.origin, protocol: "h2" });
    const error = await send(pool).catch((reason) => reason);
    expect(error).toMatchObject({ code: "config", retryable: false, sent: false });
    expect(error.message).toContain("protocol");
    await until(() => pool.stats().sockets === 0);
  });

  test('"h2" on http: is prior knowledge', async () => {
    const { createServer } = await import("node:http2");
    const server = createServer();
    server.on("stream", h2Answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as import("node:net").AddressInfo;
    const { pool } = open({ origin: `http://127.0.0.1:${port}`, protocol: "h2" });
    expect(pool.protocol).toBe("h2");
    expect((await send(pool)).text).toBe("by h2");
    pool.release();
    server.close();
  });

  test('"auto" on http: is HTTP/1.1', async () => {
    const { origin } = await h1Server((_request, response) => response.end("by h1"));
    const { pool } = open({ origin });
    expect(pool.protocol).toBe("h1");
    expect((await send(pool)).text).toBe("by h1");
  });
});

describe("certificates", () => {
  test("an authority of one's own is given as `ca`; without it the error says so and is final", async () => {
    const { origin } = await h2Server(h2Answer);
    const { pool } = open({ origin, tls: {} });
    const error = await send(pool).catch((reason) => reason);
    expect(error).toMatchObject({ code: "network", retryable: false, sent: false });
    expect(error.message).toContain("tls: { ca }");
    const { pool: trusting } = open({ origin, tls: { ca: [certificate.cert] } });
    expect((await send(trusting)).status).toBe(200);
    const { pool: careless } = open({ origin, tls: { rejectUnauthorized: false } });
    expect((await send(careless)).status).toBe(200);
  });

  test("a certificate for another name is refused, an address is checked as one", async () => {
    const other = selfSigned(["elsewhere.example"]);
    const wrong = await h2Server(h2Answer, other);
    const { pool } = open({ origin: wrong.origin, tls: { ca: other.cert } });
    await expect(send(pool)).rejects.toMatchObject({ code: "network", retryable: false });
    const right = await h2Server(h2Answer);
    const { pool: byAddress } = open({ origin: `https://127.0.0.1:${right.port}` });
    expect((await send(byAddress)).status).toBe(200);
  });

  test("a client's own certificate", async () => {
    const server = await h2Server(h2Answer, { requestCert: true, ca: certificate.cert });
    const { pool } = open({ origin: server.origin, tls: { ca: certificate.cert } });
    await expect(send(pool)).rejects.toMatchObject({ code: "network" });
    const { pool: known } = open({ origin: server.origin, tls: { ca: certificate.cert, ...certificate } });
    expect((await send(known)).status).toBe(200);
  });

  test("TLS where there is none is a final error", async () => {
    const plain = await rawServer((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const { pool } = open({ origin: plain.origin.replace("http", "https") });
    await expect(send(pool)).rejects.toMatchObject({
      code: "network",
      retryable: false,
      sent: false,
      message: expect.stringContaining("try http://"),
    });
  });
});

test("N8: later handshakes resume the first one's session, also after a collection of garbage", async () => {
  const server = await noting(["http/1.1"]);
  const { pool, clock } = open({ origin: server.origin });
  await send(pool);
  await turn();
  await clock.advance(5_000);
  await until(() => pool.stats().sockets === 0);
  globalThis.gc?.();
  await Promise.all(Array.from({ length: 5 }, () => send(pool)));
  expect(server.resumed).toEqual([false, true, true, true, true, true]);
});
