import { createServer as createH1, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createH2, type ServerHttp2Stream } from "node:http2";
import { createServer as createPlain, type Server, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import type { SelfSigned } from "../self-signed.ts";
import { Tally } from "../tally.ts";
import type { Desk, Out } from "./desk.ts";

/** The protocols that ALPN may agree on. */
export type ProviderProtocol = "h2" | "http/1.1";

export interface ServeOptions {
  readonly protocols: readonly ProviderProtocol[];
  readonly identity: SelfSigned | undefined;
  readonly maxConcurrentStreams: number;
  readonly port: number;
}

export interface Serving {
  readonly port: number;
  readonly sockets: Tally;
  close(): Promise<void>;
}

/** Listens on loopback and brings every request to the desk, by the bare handlers of node:http and node:http2. */
export async function serve(desk: Desk, options: ServeOptions): Promise<Serving> {
  const { protocols, identity } = options;
  const sockets = new Tally();
  const open = new Set<Socket>();
  const h1 = createH1({ keepAliveTimeout: 60_000 }, (request, response) => answerH1(desk, request, response));
  const h2 = createH2({
    settings: { maxConcurrentStreams: options.maxConcurrentStreams },
    maxSessionMemory: 1_000,
  });
  h2.on("stream", (stream, headers) => {
    answerH2(desk, stream, String(headers[":method"]), String(headers[":path"]));
  });
  h2.on("sessionError", ignore);
  const speak = (socket: Socket, protocol: string | false | null | undefined): void => {
    (protocol === "h2" ? h2 : h1).emit("connection", socket);
  };
  const listener: Server =
    identity === undefined
      ? createPlain({ noDelay: true }, (socket) => speak(socket, protocols[0]))
      : createTls({ ...identity, ALPNProtocols: [...protocols], noDelay: true }, (socket) =>
          speak(socket, socket.alpnProtocol || protocols.at(-1)),
        );
  listener.on("connection", (socket: Socket) => {
    sockets.enter();
    open.add(socket);
    socket.on("error", ignore);
    socket.once("close", () => {
      sockets.leave();
      open.delete(socket);
    });
  });
  listener.on("tlsClientError", ignore);
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(options.port, "127.0.0.1", 8_192, resolve);
  });
  return {
    port: (listener.address() as { port: number }).port,
    sockets,
    close() {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      for (const socket of open) socket.destroy();
      return closed;
    },
  };
}

function answerH2(desk: Desk, stream: ServerHttp2Stream, method: string, path: string): void {
  const out: Out = {
    onLeave: undefined,
    head: (status, headers) => stream.respond({ ":status": status, ...headers }),
    write: (text) => stream.write(text),
    end: (text) => stream.end(text),
    whole(status, headers, body) {
      if (stream.destroyed) return;
      stream.respond({ ":status": status, ...headers });
      stream.end(body);
    },
  };
  stream.on("error", ignore);
  stream.on("close", () => out.onLeave?.());
  bodyOf(stream, (body) => desk.answer(method, path, body, out));
}

function answerH1(desk: Desk, request: IncomingMessage, response: ServerResponse): void {
  const out: Out = {
    onLeave: undefined,
    head: (status, headers) => response.writeHead(status, headers),
    write: (text) => response.write(text),
    end: (text) => response.end(text),
    whole(status, headers, body) {
      response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
      response.end(body);
    },
  };
  response.on("close", () => out.onLeave?.());
  bodyOf(request, (body) => desk.answer(request.method ?? "", request.url ?? "", body, out));
}

/** A prompt of 16 MiB is more than any provider takes. */
const maxBodyBytes = 16 * 2 ** 20;

function bodyOf(from: ServerHttp2Stream | IncomingMessage, done: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  from.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBodyBytes) from.destroy();
    else chunks.push(chunk);
  });
  from.on("end", () => done((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString()));
}

function ignore(): void {}
