import { request } from "node:http";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { TrunklineError } from "../core/errors.ts";
import { limits } from "./limits.ts";
import type { PoolSettings } from "./settings.ts";

/** What ALPN settled, or what was known before. */
export interface Connection {
  readonly socket: Socket;
  readonly protocol: "h1" | "h2";
}

const offers = { auto: ["h2", "http/1.1"], h1: ["http/1.1"], h2: ["h2"] };

/**
 * Makes every socket of one pool: TCP, the proxy's tunnel where there is one, TLS with ALPN and with the last
 * session resumed. Own because undici's `buildConnector` always offers HTTP/1.1 too, keeps sessions only as long as
 * the garbage collector does, and gives a socket up only when it is ready.
 */
export class Connector {
  readonly #origin: URL;
  readonly #proxy: URL | undefined;
  readonly #settings: PoolSettings;
  /** One a host: a resumed session spares both sides most of the handshake. */
  #tlsSession: Buffer | undefined;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.#origin = new URL(settings.origin);
    this.#proxy = settings.proxy ? proxyUrl(settings.proxy) : undefined;
  }

  /** The protocol, where it does not depend on what a server says. */
  get known(): "h1" | "h2" | undefined {
    const { protocol } = this.#settings;
    if (protocol !== "auto") return protocol;
    return this.#origin.protocol === "http:" ? "h1" : undefined;
  }

  /** `hold` gets the TCP socket at once; all else is built on it, so destroying it ends the attempt. */
  async connect(hold: (socket: Socket) => void): Promise<Connection> {
    const target = { host: bare(this.#origin.hostname), port: portOf(this.#origin) };
    const proxy = this.#proxy;
    let socket = await this.#tcp(proxy ? { host: bare(proxy.hostname), port: portOf(proxy) } : target, hold);
    if (proxy !== undefined) {
      if (proxy.protocol === "https:") {
        socket = await this.#tls(socket, bare(proxy.hostname), ["http/1.1"]);
      }
      socket = await tunnel(socket, proxy, `${this.#origin.hostname}:${target.port}`);
    }
    if (this.#origin.protocol === "http:") return { socket, protocol: this.known ?? "h1" };
    const secure = await this.#tls(socket, target.host, offers[this.#settings.protocol]);
    return { socket: secure, protocol: this.#agreed(secure) };
  }

  #agreed(socket: TLSSocket): "h1" | "h2" {
    const protocol = socket.alpnProtocol === "h2" ? "h2" : "h1";
    if (protocol === "h1" && this.#settings.protocol === "h2") {
      socket.destroy();
      throw h2Refused(this.#origin.origin);
    }
    return protocol;
  }

  async #tcp(to: { host: string; port: number }, hold: (socket: Socket) => void): Promise<Socket> {
    const socket = connectTcp({
      ...to,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: limits.addressAttempt,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
    });
    hold(socket);
    await event(socket, "connect");
    return socket;
  }

  async #tls(over: Socket, host: string, offered: string[]): Promise<TLSSocket> {
    const { ca, cert, key, rejectUnauthorized } = this.#settings.tls ?? {};
    const toTarget = host === bare(this.#origin.hostname);
    const socket = connectTls({
      socket: over,
      ALPNProtocols: offered,
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      ...(ca !== undefined && { ca: ca as string }),
      ...(cert !== undefined && { cert: cert as string }),
      ...(key !== undefined && { key: key as string }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      ...(toTarget && this.#tlsSession !== undefined && { session: this.#tlsSession }),
    });
    if (toTarget) socket.on("session", (session: Buffer) => (this.#tlsSession = session));
    try {
      await event(socket, "secureConnect");
    } catch (error) {
      if (
        this.#settings.protocol === "h2" &&
        /NO_APPLICATION_PROTOCOL/.test(String((error as { code?: string }).code))
      ) {
        throw h2Refused(this.#origin.origin, error);
      }
      throw error;
    }
    return socket;
  }
}

/** Asks a proxy for a way through to `target` and leaves the socket as bare as it was. */
async function tunnel(socket: Socket, proxy: URL, target: string): Promise<Socket> {
  const asked = request({
    createConnection: () => socket,
    method: "CONNECT",
    path: target,
    headers: { host: target, ...authorization(proxy) },
    maxHeaderSize: limits.headerBytes,
    agent: false,
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
function proxyUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  const came = url === undefined ? "something that is no URL" : `a ${url.protocol}// URL`;
  throw new TrunklineError("config", `proxy: expected an http:// or https:// URL, got ${came}`);
}

function h2Refused(origin: string, cause?: unknown): TrunklineError {
  return new TrunklineError(
    "config",
    `${origin} does not offer HTTP/2; set \`protocol\` to "auto" or "h1"`,
    cause === undefined ? { sent: false } : { sent: false, cause },
  );
}

/** A host without the brackets that URLs put around IPv6 addresses. */
function bare(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === "https:" ? 443 : 80);
}

/** Resolves at the event; rejects when the socket fails or closes before. Leaves an error listener, since sockets may fail at any time. */
function event(socket: Socket, name: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(name, resolve);
    socket.on("error", reject);
    socket.once("close", () => reject(new Error("the connection closed while it was being set up")));
  });
}
