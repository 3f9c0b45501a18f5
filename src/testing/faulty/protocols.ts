import { createServer as createH1Server } from "node:http";
import { createServer as createH2Server, type ServerHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { type Connection, ignore } from "./connection.ts";
import type { Host } from "./host.ts";
import { serveH1 } from "./stage-h1.ts";
import { serveH2, watchSession } from "./stage-h2.ts";
import { serveRaw } from "./stage-raw.ts";

type ServeConnection = (connection: Connection, protocol: "h1" | "h2" | "raw", outer: Duplex) => void;

/** node:http, node:http2 and plain bytes behind one function; none of them listens by itself. */
export function protocolServers(host: Host, maxConcurrentStreams: number): ServeConnection {
  const owners = new WeakMap<object, Connection>();
  const h1 = createH1Server(
    { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 },
    (request, response) => {
      serveH1(host, owners.get(request.socket)!, request, response);
    },
  );
  h1.on("clientError", (_, socket) => socket.destroy());
  const h2 = createH2Server({
    settings: { maxConcurrentStreams },
    maxSessionMemory: 1_000,
  });
  h2.on("stream", (stream, headers) => {
    const connection = stream.session && owners.get(stream.session);
    if (connection) serveH2(host, connection, stream, headers);
  });
  h2.on("sessionError", ignore);
  return (connection: Connection, protocol: "h1" | "h2" | "raw", outer: Duplex): void => {
    const inner = connection.serve(protocol, outer);
    if (protocol === "raw") {
      serveRaw(host, connection, inner);
      return;
    }
    owners.set(inner, connection);
    if (protocol === "h1") {
      h1.emit("connection", inner);
      return;
    }
    // The session is made, and announced, before `emit` returns.
    h2.once("session", (session: ServerHttp2Session) => {
      owners.set(session, connection);
      watchSession(host, connection, session);
    });
    h2.emit("connection", inner);
  };
}
