import type { Signal } from "../core/signals.ts";

/** One HTTP request and its answer, as the pool takes it. Times are milliseconds; Infinity means no limit. */
export interface Exchange {
  readonly method: string;
  /** Path and query, from the origin's root. */
  readonly path: string;
  /** Lower-case names. What belongs to a connection (`connection`, `transfer-encoding`, ...) and `content-length` are the pool's own business and dropped. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Aborting rejects with `signal.reason` and frees the socket or stream. */
  readonly signal?: Signal;
  /** From the moment the exchange has its own socket or stream to the last byte. */
  readonly timeout: number;
  /** From the same moment to the first byte of the answer. */
  readonly firstByteTimeout: number;
  /** Between two pieces of progress. */
  readonly idleTimeout: number;
}

/** Lower-case names; a repeated header's values are joined with ", ". */
export type ResponseHeaders = Readonly<Record<string, string>>;

/**
 * What a piece of the body meant to its reader: "progress" restarts the idle deadline, "idle" does not (comments
 * and pings prove nothing), and "done" says that no more is wanted, so that the exchange ends well right there.
 */
export type Reading = "progress" | "idle" | "done";

/**
 * Who reads an answer. What a method throws, the exchange rejects with.
 *
 * A body that is cut short is an error where its framing shows the cut: a content-length not reached, a chunked
 * body without its last chunk, an HTTP/2 stream without its end. An HTTP/1.1 body that only the closing
 * connection ends (neither content-length nor chunked) shows nothing when the server closes in good order: there
 * the reader must know by the content (`[DONE]`, whole JSON) whether the answer was complete.
 */
export interface Receiver {
  /** The request was handed to the network; from here on it may have been received. Called at most once. */
  onSent?(): void;
  /** The answer's status and headers. Called once, before any data. */
  onHead(status: number, headers: ResponseHeaders): void;
  onData(chunk: Uint8Array): Reading;
}
