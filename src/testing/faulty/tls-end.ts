import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer, type TLSSocket } from "node:tls";
import type { SelfSigned } from "../self-signed.ts";
import { type Connection, ignore } from "./connection.ts";
import type { Memory } from "./seen.ts";

/** Shakes hands, then hands on the decrypted side and what ALPN agreed on. */
type Secure = (
  connection: Connection,
  socket: Socket,
  done: (outer: Duplex, spoken: "h1" | "h2") => void,
) => void;

/** The server's end of TLS on sockets that somebody else has accepted. */
export function tlsEnd(identity: SelfSigned, alpn: readonly string[], memory: Memory): Secure {
  const waiting = new Map<number, (socket: TLSSocket) => void>();
  const server = createServer({
    ...identity,
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    handshakeTimeout: 0x7fffffff,
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", ignore);
    socket.allowHalfOpen = true;
    waiting.get(socket.remotePort ?? 0)?.(socket);
  });
  server.on("tlsClientError", () => {
    memory.failedHandshakes++;
    memory.changed();
  });
  return (
    connection: Connection,
    socket: Socket,
    done: (outer: Duplex, spoken: "h1" | "h2") => void,
  ): void => {
    const port = socket.remotePort ?? 0;
    waiting.set(port, (secured) => {
      connection.resumed = secured.isSessionReused();
      done(secured, secured.alpnProtocol === "h2" ? "h2" : "h1");
    });
    socket.once("close", () => waiting.delete(port));
    // A client that leaves in the middle of its handshake must not leave half a socket behind.
    socket.allowHalfOpen = false;
    server.emit("connection", socket);
  };
}
