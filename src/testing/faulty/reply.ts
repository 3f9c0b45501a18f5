import type { Gate } from "../gate.ts";
import type { SeenRequest } from "./seen.ts";

/** Text or bytes that are sent as one piece (one chunk, one DATA frame), or a gate at which sending waits. */
export type Piece = string | Uint8Array | Gate;

/**
 * How an answer ends.
 * - `"whole"`: as the protocol wants it (the default).
 * - `"open"`: never; everything was sent, but the end does not come.
 * - `"fin"`: the socket is closed (FIN) without the framing's own end: no last chunk, a short content-length, an
 *   HTTP/2 connection that goes without GOAWAY.
 * - `"reset"`: the socket is torn down (RST) after what was sent; what the client has not taken by then is lost.
 * - `{ rstStream }`: HTTP/2: the stream is reset with this code; 7 is REFUSED_STREAM, 2 INTERNAL_ERROR, 8 CANCEL.
 */
export type End = "whole" | "open" | "fin" | "reset" | { readonly rstStream: number };

/** A GOAWAY frame. */
export interface Goaway {
  /** The last stream the server will answer; later ones are ignored. Default: the newest one it has seen. */
  readonly lastStreamId?: number;
  /** 0 (NO_ERROR) by default. */
  readonly code?: number;
}

/** What the server does with one request. An empty object is a 200 without a body. */
export interface Reply {
  /** Waited for before anything is sent: a stall at the headers. */
  readonly before?: Gate;
  /** HTTP/2: sent before the head. */
  readonly goaway?: Goaway;
  /** 200 by default. */
  readonly status?: number;
  /** Sent as they are, lies included: a wrong content-length stays wrong. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** `false` sends no head and no body: `end` comes at once. */
  readonly head?: boolean;
  /** One text or bytes, or pieces sent one after another, with gates between them where sending is to wait. */
  readonly body?: string | Uint8Array | readonly Piece[];
  /**
   * HTTP/1.1: how the body's end is marked. By default a single text has a content-length and a list is chunked;
   * "close" marks it by closing the socket.
   */
  readonly framing?: "length" | "chunked" | "close";
  /** Bytes written to the connection in place of head and body, whatever they are; `end` is then "fin" unless told. */
  readonly raw?: readonly Piece[];
  readonly end?: End;
}

/**
 * Decides what happens to each request: one reply for all, a list used up in order (more requests than replies
 * are an error), or a function of the request.
 */
export type Script = Reply | readonly Reply[] | ((request: SeenRequest) => Reply | Promise<Reply>);

/** One function from any form of script. */
export function readScript(script: Script): (request: SeenRequest) => Reply | Promise<Reply> {
  if (typeof script === "function") return script;
  if (!isList(script)) return () => script;
  let used = 0;
  return () => {
    const reply = script[used++];
    if (reply === undefined) throw new Error(`the script's ${script.length} replies are used up`);
    return reply;
  };
}

function isList(script: Reply | readonly Reply[]): script is readonly Reply[] {
  return Array.isArray(script);
}

/** The pieces of a reply's body; empty when there is none. */
export function piecesOf(body: Reply["body"]): readonly Piece[] {
  if (body === undefined) return [];
  return typeof body === "string" || body instanceof Uint8Array ? [body] : body;
}
