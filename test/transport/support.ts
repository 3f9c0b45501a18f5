import { once } from "node:events";
import { createServer as createPlain, type Server as PlainServer, type RequestListener } from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import * as net from "node:net";
import * as tls from "node:tls";
import { afterEach } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { selfSigned } from "../../src/testing/self-signed.ts";
import type { Exchange, Reading, ResponseHeaders } from "../../src/transport/exchange.ts";
import type { PoolSettings, PoolUse } from "../../src/transport/settings.ts";
import { type PoolHandle, Transport } from "../../src/transport/transport.ts";

/** Time moves by hand; turns of the loop are real ones, because the sockets are. */
export class TestClock extends FakeClock {
  override turn(fn: () => void): void {
    setImmediate(fn);
  }
}

export const certificate = selfSigned();

const cleanups: (() => unknown)[] = [];

/** Runs after the test, last first. */
export function cleanup(work: () => unknown): void {
  cleanups.push(work);
}

afterEach(async () => {
  for (const work of cleanups.splice(0).reverse()) await work();
});

/** Waits, turn by turn of the event loop, until something is so. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Some turns of the loop with pauses for the network: for what must not happen. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

interface Listening {
  readonly port: number;
  /** Sockets that are open now. */
  readonly sockets: Set<net.Socket>;
  /** Sockets that were ever accepted. */
  accepted: number;
}

async function listen<T extends net.Server>(server: T): Promise<T & Listening> {
  const sockets = new Set<net.Socket>();
  const listening = Object.assign(server, { sockets, accepted: 0, port: 0 });
  server.on("connection", (socket: net.Socket) => {
    listening.accepted++;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  listening.port = (server.address() as net.AddressInfo).port;
  cleanup(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return listening;
}

export type StreamListener = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void;

/** An HTTP/2 server over TLS. `sessions` are those it ever had. */
export async function h2Server(onStream: StreamListener, options: http2.SecureServerOptions = {}) {
  const server = await listen(http2.createSecureServer({ ...certificate, ...options }));
  const sessions: http2.ServerHttp2Session[] = [];
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    onStream(stream, headers);
  });
  return Object.assign(server, { sessions, origin: `https://localhost:${server.port}` });
}

export async function h1Server(listener: RequestListener) {
  const server = await listen(createPlain({ keepAliveTimeout: 0 }, listener) as PlainServer);
  return Object.assign(server, { origin: `http://127.0.0.1:${server.port}` });
}

export async function tlsH1Server(listener: RequestListener, options: https.ServerOptions = {}) {
  const server = await listen(https.createServer({ ...certificate, ...options }, listener));
  return Object.assign(server, { origin: `https://localhost:${server.port}` });
}

/** A server that speaks bytes. */
export async function rawServer(onSocket: (socket: net.Socket, nth: number) => void) {
  const server = await listen(net.createServer());
  server.on("connection", (socket) => onSocket(socket, server.accepted));
  return Object.assign(server, { origin: `http://127.0.0.1:${server.port}` });
}

export async function rawTlsServer(options: tls.TlsOptions, onSocket: (socket: tls.TLSSocket) => void) {
  const server = await listen(tls.createServer({ ...certificate, ...options }, onSocket));
  return Object.assign(server, { origin: `https://localhost:${server.port}` });
}

/** Calls `answer` for each whole HTTP/1.1 request (head and content-length body) that comes in on `socket`. */
export function eachRequest(socket: net.Socket, answer: (head: string, nth: number) => void): void {
  let text = "";
  let nth = 0;
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    for (;;) {
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = text.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      text = text.slice(end + 4 + length);
      answer(head, ++nth);
    }
  });
}

export interface Opened {
  readonly clock: TestClock;
  readonly transport: Transport;
  readonly pool: PoolHandle;
  readonly log: string[];
}

/** A pool on a transport of its own; both are gone after the test. */
export function open(
  settings: Partial<PoolSettings> & { origin: string },
  use: Partial<PoolUse> & { maxSockets?: number } = {},
): Opened {
  const { maxSockets = 2_000, ...rest } = use;
  const clock = new TestClock();
  const log: string[] = [];
  const logger = {
    debug() {},
    info: (line: string) => log.push(`info ${line}`),
    warn: (line: string) => log.push(`warn ${line}`),
  };
  const transport = new Transport({ clock, logger: () => logger, maxSockets });
  const pool = transport.open(
    { protocol: "auto", tls: { ca: certificate.cert }, ...settings },
    { connectTimeout: 10_000, ...rest },
  );
  cleanup(async () => {
    pool.destroy(new TrunklineError("closed", "the test is over"));
    await until(() => transport.stats().sockets === 0);
  });
  return { clock, transport, pool, log };
}

export interface Answer {
  status: number;
  headers: ResponseHeaders;
  text: string;
}

export const five = 300_000;

export interface Sending extends Partial<Exchange> {
  onSent?: () => void;
  onHead?: (status: number, headers: ResponseHeaders) => void;
  onData?: (text: string) => Reading;
  /** Like `onData`, where each piece is progress. */
  onPart?: (text: string) => void;
}

/** Sends one POST and collects the answer. */
export async function send(pool: PoolHandle, sending: Sending = {}): Promise<Answer> {
  const { onSent, onHead, onData, onPart, ...exchange } = sending;
  const answer: Answer = { status: 0, headers: {}, text: "" };
  await pool.send(
    {
      method: "POST",
      path: "/",
      headers: { "content-type": "text/plain" },
      body: "a question",
      timeout: five,
      firstByteTimeout: five,
      idleTimeout: five,
      ...exchange,
    },
    {
      onSent: () => onSent?.(),
      onHead(status, headers) {
        answer.status = status;
        answer.headers = headers;
        onHead?.(status, headers);
      },
      onData(chunk) {
        const text = Buffer.from(chunk).toString();
        answer.text += text;
        onPart?.(text);
        return onData?.(text) ?? "progress";
      },
    },
  );
  return answer;
}

/** The errors of those that rejected. */
export async function failures(promises: Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises);
  return settled.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
}
