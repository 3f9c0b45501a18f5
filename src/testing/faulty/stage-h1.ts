import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Connection } from "./connection.ts";
import type { Host } from "./host.ts";
import { noStreams, type Stage } from "./play.ts";
import { piecesOf, type Reply } from "./reply.ts";

/** One HTTP/1.1 request, from its head to the last byte of the reply. */
export function serveH1(
  host: Host,
  connection: Connection,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const left = new Promise<void>((resolve) => response.once("close", resolve));
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  const record = host.arrive(
    { method: request.method ?? "", path: request.url ?? "", headers },
    connection,
    left,
  );
  const socket = response.socket as Duplex;
  const written = (write: (done: () => void) => void): Promise<void> =>
    new Promise((resolve) => write(resolve));
  const stage: Stage = {
    connection,
    record,
    left,
    head: (reply) => writeHead(response, reply),
    write: (piece) => written((done) => response.write(piece, done)),
    finish: () => written((done) => response.end(done)),
    rstStream: noStreams,
    raw: (piece) => written((done) => socket.write(piece, done)),
  };
  request.on("data", (chunk: Buffer) => record.add(chunk));
  if (host.decideAt === "headers") void host.answer(stage);
  else request.once("end", () => void host.answer(stage));
}

function writeHead(response: ServerResponse, reply: Reply): void {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(reply.headers ?? {})) {
    headers[name.toLowerCase()] = typeof value === "string" ? value : [...value];
  }
  const single =
    typeof reply.body === "string" || reply.body instanceof Uint8Array || reply.body === undefined;
  const framing = reply.framing ?? (single ? "length" : "chunked");
  if (framing === "close") {
    response.useChunkedEncodingByDefault = false;
    headers.connection = "close";
  } else if (framing === "length" && headers["content-length"] === undefined) {
    const length = piecesOf(reply.body).reduce((sum, piece) => sum + sizeOf(piece), 0);
    headers["content-length"] = String(length);
  }
  response.writeHead(reply.status ?? 200, headers);
  response.flushHeaders();
}

function sizeOf(piece: unknown): number {
  if (typeof piece === "string") return Buffer.byteLength(piece);
  return piece instanceof Uint8Array ? piece.length : 0;
}
