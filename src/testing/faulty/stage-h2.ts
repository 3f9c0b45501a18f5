import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { type Connection, ignore } from "./connection.ts";
import type { Host } from "./host.ts";
import type { Stage } from "./play.ts";

/** Counts a session and its PINGs. */
export function watchSession(host: Host, connection: Connection, session: ServerHttp2Session): void {
  host.memory.sessions.enter();
  session.on("error", ignore);
  session.on("ping", () => {
    connection.pings++;
    host.memory.changed();
  });
  session.once("close", () => {
    host.memory.sessions.leave();
    host.memory.changed();
  });
}

/** One HTTP/2 stream, from its head to the last byte of the reply. */
export function serveH2(
  host: Host,
  connection: Connection,
  stream: ServerHttp2Stream,
  received: IncomingHttpHeaders,
): void {
  stream.on("error", ignore);
  const streamId = stream.id ?? 0;
  connection.newestStream = Math.max(connection.newestStream, streamId);
  const left = new Promise<void>((resolve) => stream.once("close", resolve));
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(received)) {
    if (value !== undefined && !name.startsWith(":"))
      headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  const method = String(received[":method"]);
  const path = String(received[":path"]);
  const record = host.arrive({ method, path, headers, streamId }, connection, left);
  if (streamId > connection.lastStream) {
    record.state = "ignored";
    host.memory.changed();
    return;
  }
  stream.once("close", () => {
    if (record.state === "answering" || record.state === "arriving") record.resetCode = stream.rstCode;
  });
  const stage: Stage = {
    connection,
    record,
    left,
    head: ({ status = 200, headers = {} }) => {
      stream.respond({ ":status": status, ...(headers as Record<string, string | string[]>) });
    },
    write: (piece) => new Promise((resolve) => stream.write(piece, () => resolve())),
    finish: () => new Promise((resolve) => stream.end(resolve)),
    rstStream: async (code) => {
      await connection.rstStream(streamId, code);
      stream.close(code);
    },
    raw: async (piece) => connection.write(piece),
  };
  stream.on("data", (chunk: Buffer) => record.add(chunk));
  if (host.decideAt === "headers") void host.answer(stage);
  else stream.once("end", () => void host.answer(stage));
}
