import { once } from "node:events";
import { createServer } from "node:http";
import * as https from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import {
  certificate,
  cleanup,
  h1Server,
  h2Server,
  open,
  rawServer,
  send,
  tlsH1Server,
  until,
} from "./support.ts";

/** A proxy that tunnels, and notes what it was asked. */
async function proxyServer({ secure = false, refuse = 0 } = {}) {
  const server = secure ? https.createServer(certificate) : createServer();
  const asked: { target: string; authorization: string | undefined }[] = [];
  const sockets = new Set<Socket>();
  server.on("connect", (request, socket: Socket) => {
    asked.push({ target: request.url!, authorization: request.headers["proxy-authorization"] });
    sockets.add(socket);
    if (refuse > 0) {
      socket.end(`HTTP/1.1 ${refuse} No\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const onward = connect(Number(port), hostname === "localhost" ? "127.0.0.1" : hostname, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(onward).pipe(socket);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return { asked, port, url: `http${secure ? "s" : ""}://localhost:${port}` };
}

describe("proxies", () => {
  test("HTTP/2 through CONNECT: 500 calls, 5 tunnels", async () => {
    const server = await h2Server((stream) => {
      stream.respond({ ":status": 200 });
      stream.end("by h2");
    });
    const proxy = await proxyServer();
    const { pool } = open({ origin: server.origin, proxy: proxy.url });
    const answers = await Promise.all(Array.from({ length: 500 }, () => send(pool)));
    expect(answers.every(({ text }) => text === "by h2")).toBe(true);
    expect(proxy.asked).toHaveLength(5);
    expect(proxy.asked[0]).toEqual({ target: `localhost:${server.port}`, authorization: undefined });
  });

  test("HTTP/1.1 over TLS through CONNECT", async () => {
    const server = await tlsH1Server((_request, response) => response.end("by h1"));
    const proxy = await proxyServer();
    const { pool } = open({ origin: server.origin, proxy: proxy.url });
    expect((await send(pool)).text).toBe("by h1");
    expect((await send(pool)).text).toBe("by h1");
    expect(proxy.asked).toHaveLength(1);
  });

  test("plain HTTP through CONNECT", async () => {
    const server = await h1Server((_request, response) => response.end("plain"));
    const proxy = await proxyServer();
    const { pool } = open({ origin: server.origin, proxy: proxy.url });
    expect((await send(pool)).text).toBe("plain");
    expect(proxy.asked[0]!.target).toBe(`127.0.0.1:${server.port}`);
  });

  test("TLS within TLS: a proxy that is reached by https:", async () => {
    const server = await h2Server((stream) => {
      stream.respond({ ":status": 200 });
      stream.end("by h2");
    });
    const proxy = await proxyServer({ secure: true });
    const { pool } = open({ origin: server.origin, proxy: proxy.url });
    expect((await send(pool)).text).toBe("by h2");
    expect(proxy.asked).toHaveLength(1);
  });

  test("user and password go to the proxy and nowhere else", async () => {
    let seen: string | undefined;
    const server = await h1Server((request, response) => {
      seen = JSON.stringify(request.headers);
      response.end();
    });
    const proxy = await proxyServer();
    const { pool } = open({ origin: server.origin, proxy: `http://me:p%40ss@localhost:${proxy.port}` });
    await send(pool);
    expect(proxy.asked[0]!.authorization).toBe(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
    expect(seen).not.toContain("proxy-authorization");
  });

  test.each([
    [407, false],
    [403, false],
    [502, true],
  ])("a refusal (%d) is an error that names the proxy and shows no password", async (status, retryable) => {
    const server = await h1Server((_request, response) => response.end());
    const proxy = await proxyServer({ refuse: status });
    const { pool } = open({ origin: server.origin, proxy: `http://me:secret@localhost:${proxy.port}` });
    const error = await send(pool).catch((reason) => reason);
    expect(error).toMatchObject({ code: "network", status, retryable, sent: false });
    expect(error.message).toContain(`localhost:${proxy.port}`);
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain("secret");
    await until(() => pool.stats().sockets === 0);
  });

  test("a proxy that never answers is a connect timeout", async () => {
    const silent = await rawServer((socket) => void socket.resume());
    const { pool, clock } = open({ origin: "https://localhost:1", proxy: silent.origin });
    const call = send(pool).catch((error) => error);
    await until(() => silent.accepted === 1);
    await clock.advance(10_000);
    expect(await call).toMatchObject({
      code: "timeout",
      phase: "connect",
      sent: false,
      message: expect.stringContaining(`through the proxy ${silent.origin.slice("http://".length)}`),
    });
    await until(() => silent.sockets.size === 0);
  });

  test("a proxy that hangs up is a failed connect", async () => {
    const rude = await rawServer((socket) => socket.once("data", () => socket.destroy()));
    const proxy = rude.origin.replace("http://", "http://me:secret@");
    const { pool } = open({ origin: "https://localhost:1", proxy });
    await expect(send(pool)).rejects.toMatchObject({
      code: "network",
      sent: false,
      retryable: true,
      message: expect.stringMatching(/^(?!.*secret).*through the proxy/),
    });
  });

  test.each(["socks5://me:secret@localhost:1", "secret"])(
    "what is no HTTP proxy is a config error without its text",
    (proxy) => {
      expect(() => open({ origin: "https://localhost:1", proxy })).toThrow(
        /^proxy: expected an http:\/\/ or https:\/\/ URL, got (?!.*secret)/,
      );
    },
  );
});
