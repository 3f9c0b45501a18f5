import { createServer, type Server, type Socket } from "node:net";
import { Connection } from "./faulty/connection.ts";
import { Host } from "./faulty/host.ts";
import { protocolServers } from "./faulty/protocols.ts";
import { type Goaway, readScript, type Script } from "./faulty/reply.ts";
import { Memory, type Seen } from "./faulty/seen.ts";
import { tlsEnd } from "./faulty/tls-end.ts";
import { type Gate, isGate } from "./gate.ts";
import { type SelfSigned, selfSigned } from "./self-signed.ts";

/**
 * What happens to a connection before its protocol begins.
 * - `"serve"`: it is served.
 * - `"reset"`: it is torn down at once (RST).
 * - `"blackHole"`: it is accepted; nothing is ever read or answered, no TLS handshake either.
 * - a gate: the server waits there before its first byte, the TLS handshake included.
 */
export type ConnectionFate = "serve" | "reset" | "blackHole" | Gate;

export interface FaultyServerOptions {
  /** `"auto"` speaks h2 and h1 as ALPN decides (TLS only); `"raw"` is bytes without a protocol. Default `"h1"`. */
  readonly protocol?: "h1" | "h2" | "auto" | "raw";
  /** Default: only for `"auto"`. A certificate of your own may be given. */
  readonly tls?: boolean | SelfSigned;
  /** What ALPN offers, when it shall not be what the protocol says; `[]` offers nothing. */
  readonly alpn?: readonly string[];
  /** What to do with each request. Default: `{}`, a 200 without a body. */
  readonly script?: Script;
  /** What to do with each connection, counted from 1. Default: serve it. */
  readonly onConnection?: (number: number) => ConnectionFate;
  /** Ask the script when a request's headers are there, or its whole body (the default). */
  readonly decideAt?: "headers" | "body";
  /** HTTP/2: streams the server allows at once in a session. Default 100. */
  readonly maxConcurrentStreams?: number;
  /** Port on loopback; default: any free one. */
  readonly port?: number;
  /** Requests, connections and bytes of each body that are remembered. Default 20,000 and 1 MiB. */
  readonly keepRequests?: number;
  readonly keepBodyBytes?: number;
}

export interface FaultyServer extends AsyncDisposable {
  /** The origin, as in `https://127.0.0.1:40123`. */
  readonly url: string;
  readonly port: number;
  /** The certificate to trust; undefined without TLS. */
  readonly ca: string | undefined;
  /** What has been seen so far; live. */
  readonly seen: Seen;
  /** Waits until the predicate holds for what was seen. Rejects when the server closes before that. */
  saw(predicate: (seen: Seen) => boolean): Promise<Seen>;
  /** Open connections become black holes: they stay open, and nothing is read, written or pinged back. */
  freeze(): void;
  /** Sends GOAWAY on every open HTTP/2 session. Its earlier streams go on; those above the last are ignored. */
  goaway(frame?: Goaway): void;
  /** Closes (FIN) every connection that has no request in progress. */
  closeIdle(): void;
  /** Tears down (RST) every open connection. */
  reset(): void;
  /** Ends everything at once. Rejects when the script itself has failed. */
  close(): Promise<void>;
}

/**
 * A server on loopback that fails as it is told to, over real sockets, and remembers what it saw.
 *
 * ```ts
 * import { faultyServer, gate, replies } from "trunkline/testing";
 *
 * const late = gate();
 * await using server = await faultyServer({
 *   protocol: "h2",
 *   tls: true,
 *   script: ({ number }) => {
 *     if (number === 1) return replies.error(429, {}, { "retry-after": "2" });
 *     if (number === 2) return { head: false, end: { rstStream: 7 } }; // REFUSED_STREAM
 *     if (number === 3) return replies.events(['data: {"par', late, 't": 1}\n\n'], { end: "reset" });
 *     return replies.chat("Hello.");
 *   },
 * });
 * // ... point a client at server.url, trusting server.ca ...
 * void server.saw((seen) => seen.requests.length === 3).then(() => late.open());
 * ```
 */
export async function faultyServer(options: FaultyServerOptions = {}): Promise<FaultyServer> {
  const { protocol = "h1", tls = protocol === "auto" } = options;
  if (protocol === "auto" && !tls)
    throw new TypeError('faultyServer: protocol "auto" is chosen by ALPN and needs tls');
  const memory = new Memory();
  const keep = { requests: options.keepRequests ?? 20_000, bodyBytes: options.keepBodyBytes ?? 2 ** 20 };
  const host = new Host(memory, readScript(options.script ?? {}), options.decideAt ?? "body", keep);
  const serve = protocolServers(host, options.maxConcurrentStreams ?? 100);
  const identity = tls === false ? undefined : tls === true ? selfSigned() : tls;
  const secure = identity && tlsEnd(identity, options.alpn ?? offered[protocol], memory);
  const open = new Set<Connection>();

  const fateOf = (number: number): ConnectionFate => {
    try {
      return options.onConnection?.(number) ?? "serve";
    } catch (error) {
      host.scriptError ??= error;
      return "reset";
    }
  };
  const accept = (socket: Socket): void => {
    memory.sockets.enter();
    const connection = new Connection(memory.sockets.ever, socket, () => {
      open.delete(connection);
      memory.sockets.leave();
      memory.changed();
    });
    open.add(connection);
    if (memory.connections.length < keep.requests) memory.connections.push(connection);
    memory.changed();
    void admit(connection, fateOf(connection.number), () => {
      if (secure === undefined) serve(connection, protocol === "auto" ? "h1" : protocol, socket);
      else
        secure(connection, socket, (outer, spoken) =>
          serve(connection, protocol === "auto" ? spoken : protocol, outer),
        );
    });
  };

  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, accept);
  await listening(listener, options.port ?? 0);
  const { port } = listener.address() as { port: number };
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
    for (const connection of open) connection.destroy();
    memory.close();
    await closed;
    if (host.scriptError !== undefined) throw host.scriptError;
  };
  return {
    url: `${identity ? "https" : "http"}://127.0.0.1:${port}`,
    port,
    ca: identity?.cert,
    seen: memory,
    saw: (predicate) => memory.saw(predicate),
    freeze() {
      for (const connection of open) connection.freeze();
    },
    goaway(frame = {}) {
      for (const connection of open) if (connection.protocol === "h2") connection.goaway(frame);
    },
    closeIdle() {
      for (const connection of open) if (connection.requests.now === 0) void connection.fin();
    },
    reset() {
      for (const connection of open) void connection.reset();
    },
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

const offered = { h1: ["http/1.1"], h2: ["h2"], auto: ["h2", "http/1.1"], raw: [] } as const;

async function admit(connection: Connection, fate: ConnectionFate, serve: () => void): Promise<void> {
  if (fate === "blackHole") return connection.freeze();
  if (fate === "reset") return connection.reset();
  if (isGate(fate)) await fate.opened;
  if (connection.open) serve();
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", 8_192, resolve);
  });
}
