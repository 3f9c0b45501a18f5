import { type Gate, isGate } from "../gate.ts";
import type { Connection } from "./connection.ts";
import { type Piece, piecesOf, type Reply } from "./reply.ts";
import type { RequestRecord } from "./seen.ts";

/** What a protocol lets a reply do. Its functions do nothing once the client has left. */
export interface Stage {
  readonly connection: Connection;
  readonly record: RequestRecord;
  /** Settles when the client has closed its side, or the connection is gone. */
  readonly left: Promise<void>;
  head(reply: Reply): void;
  /** Settles when the piece is on its way. */
  write(piece: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  rstStream(code: number): Promise<void>;
  /** Writes to the connection itself, in place of head and body. */
  raw(piece: Uint8Array): Promise<void>;
}

/** Does what the reply says, as long as the client is there. */
export async function play(stage: Stage, reply: Reply): Promise<void> {
  if (reply.before !== undefined) await reached(reply.before, stage);
  if (gone(stage)) return;
  if (reply.goaway !== undefined) stage.connection.goaway(reply.goaway);
  if (reply.raw !== undefined) {
    await send(reply.raw, stage, (piece) => stage.raw(piece));
  } else if (reply.head !== false) {
    stage.head(reply);
    await send(piecesOf(reply.body), stage, (piece) => stage.write(piece));
  }
  if (!gone(stage)) await end(stage, reply.end ?? (reply.raw === undefined ? "whole" : "fin"));
}

async function send(
  pieces: readonly Piece[],
  stage: Stage,
  write: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  for (const piece of pieces) {
    if (gone(stage)) return;
    if (isGate(piece)) await reached(piece, stage);
    else await Promise.race([write(typeof piece === "string" ? Buffer.from(piece) : piece), stage.left]);
  }
}

async function end(stage: Stage, how: NonNullable<Reply["end"]>): Promise<void> {
  if (how === "open") return stage.left;
  stage.record.state = "answered";
  if (how === "whole") await Promise.race([stage.finish(), stage.left]);
  else if (how === "fin") await stage.connection.fin();
  else if (how === "reset") await stage.connection.reset();
  else await stage.rstStream(how.rstStream);
}

function reached(gate: Gate, stage: Stage): Promise<void> {
  return Promise.race([gate.opened, stage.left]);
}

/** A GOAWAY may exclude a stream while its reply is under way. */
function gone({ connection, record }: Stage): boolean {
  return record.state !== "answering" || (record.streamId ?? 0) > connection.lastStream;
}

/** `rstStream` of protocols that have no streams. */
export async function noStreams(): Promise<void> {
  throw new Error("faultyServer: RST_STREAM exists on HTTP/2 only");
}
