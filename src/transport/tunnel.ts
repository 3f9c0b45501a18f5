import { request } from "node:http";
import type { Socket } from "node:net";
import { TrunklineError } from "../core/errors.ts";
import { limits } from "./limits.ts";

/** Asks a proxy for a way through to `target` and leaves the socket as bare as it was. */
export async function tunnel(socket: Socket, proxy: URL, target: string): Promise<Socket> {
  const asked = request({
    createConnection: () => socket,
    method: "CONNECT",
    path: target,
    headers: { host: target, ...authorization(proxy) },
    maxHeaderSize: limits.headerBytes,
  });
  const status = await new Promise<number>((resolve, reject) => {
    asked.on("connect", (answer, _socket, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(answer.statusCode ?? 0);
    });
    asked.on("error", reject);
    asked.end();
  });
  if (status >= 200 && status < 300) return socket;
  socket.destroy();
  const hint = status === 407 ? "; put the user and password into the proxy's URL" : "";
  throw new TrunklineError(
    "network",
    `the proxy ${proxy.host} answered ${status} to CONNECT ${target}${hint}`,
    {
      sent: false,
      retryable: status >= 500,
      status,
    },
  );
}

function authorization(proxy: URL): Record<string, string> {
  if (proxy.username === "") return {};
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(user).toString("base64")}` };
}

/** Checks a proxy's URL without showing it: it may hold a password. */
export function proxyUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  const came = url === undefined ? "something that is no URL" : `a ${url.protocol}// URL`;
  throw new TrunklineError("config", `proxy: expected an http:// or https:// URL, got ${came}`);
}
