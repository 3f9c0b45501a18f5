import { connect as connectTcp, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import type { Clock } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import { codeOf } from "./failure.ts";
import { limits } from "./limits.ts";
import { Lookup } from "./lookup.ts";
import type { PoolSettings } from "./settings.ts";
import { proxyUrl, tunnel } from "./tunnel.ts";

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
  readonly #lookup: Lookup;
  /** The origin's last: a resumed session spares both sides most of the handshake. */
  #tlsSession: Buffer | undefined;

  constructor(settings: PoolSettings, clock: Clock) {
    this.#lookup = new Lookup(clock);
    this.#settings = settings;
    this.#origin = new URL(settings.origin);
    this.#proxy = settings.proxy ? proxyUrl(settings.proxy) : undefined;
  }

  /** Where it connects to, for people; never the proxy's user or password. */
  get where(): string {
    const { origin } = this.#origin;
    return this.#proxy === undefined ? origin : `${origin} through the proxy ${this.#proxy.host}`;
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
        socket = await this.#tls(socket, bare(proxy.hostname), ["http/1.1"], {});
      }
      socket = await tunnel(socket, proxy, `${this.#origin.hostname}:${target.port}`);
    }
    if (this.#origin.protocol === "http:") return { socket, protocol: this.known ?? "h1" };
    return this.#secure(socket, target.host);
  }

  async #secure(over: Socket, host: string): Promise<Connection> {
    const wanted = this.#settings.protocol;
    const { cert, key } = this.#settings.tls ?? {};
    const own = {
      ...(cert !== undefined && { cert: cert as string }),
      ...(key !== undefined && { key: key as string }),
      ...(this.#tlsSession !== undefined && { session: this.#tlsSession }),
    };
    try {
      const socket = await this.#tls(over, host, offers[wanted], own);
      socket.on("session", (session: Buffer) => (this.#tlsSession = session));
      const protocol = socket.alpnProtocol === "h2" ? "h2" : "h1";
      if (wanted === "h2" && protocol === "h1") throw h2Refused(this.#origin.origin);
      return { socket, protocol };
    } catch (error) {
      if (wanted === "h2" && codeOf(error)?.includes("NO_APPLICATION_PROTOCOL"))
        throw h2Refused(this.#origin.origin, error);
      throw error;
    }
  }

  async #tcp(to: { host: string; port: number }, hold: (socket: Socket) => void): Promise<Socket> {
    const socket = connectTcp({
      ...to,
      lookup: this.#lookup.find,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: limits.addressAttempt,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
    });
    hold(socket);
    try {
      await event(socket, "connect");
    } catch (error) {
      this.#lookup.expire();
      throw error;
    }
    return socket;
  }

  /** `own` is what only the origin may see and not a proxy. */
  async #tls(over: Socket, host: string, offered: string[], own: ConnectionOptions): Promise<TLSSocket> {
    const { ca, rejectUnauthorized } = this.#settings.tls ?? {};
    const socket = connectTls({
      socket: over,
      host,
      ...(isIP(host) === 0 && { servername: host }),
      ALPNProtocols: offered,
      ...(ca !== undefined && { ca: ca as string }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      ...own,
    });
    await event(socket, "secureConnect");
    return socket;
  }
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
