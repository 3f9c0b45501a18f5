import type { Duplex } from "node:stream";
import type { Connection } from "./connection.ts";
import type { Host } from "./host.ts";
import { noStreams, type Stage } from "./play.ts";
import type { RequestRecord } from "./seen.ts";

/**
 * Bytes without a protocol: what arrives while no reply is under way is a new request, what arrives meanwhile
 * belongs to it. Status and headers are not sent; the body is, as it is.
 */
export function serveRaw(host: Host, connection: Connection, socket: Duplex): void {
  const closed = new Promise<void>((resolve) => socket.once("close", resolve));
  let current: RequestRecord | undefined;
  socket.on("data", (chunk: Buffer) => {
    if (current !== undefined) return current.add(chunk);
    const over = Promise.withResolvers<void>();
    const record = host.arrive({ method: "", path: "", headers: {} }, connection, over.promise);
    current = record;
    record.add(chunk);
    void closed.then(over.resolve);
    void host.answer(stageOf(connection, record, socket, closed)).then(() => {
      current = undefined;
      over.resolve();
    });
  });
  socket.on("end", () => socket.end());
}

function stageOf(connection: Connection, record: RequestRecord, socket: Duplex, left: Promise<void>): Stage {
  const write = (piece: Uint8Array): Promise<void> =>
    new Promise((resolve) => socket.write(piece, () => resolve()));
  return {
    connection,
    record,
    left,
    head() {},
    write,
    finish: async () => {},
    rstStream: noStreams,
    raw: write,
  };
}
