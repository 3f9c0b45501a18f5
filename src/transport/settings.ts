import { createHmac, randomBytes } from "node:crypto";
import { canonical } from "../core/json.ts";

/** What a TLS connection may be told; PEM text or bytes as `node:tls` takes them. */
export interface TlsSettings {
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  readonly cert?: string | Uint8Array | readonly (string | Uint8Array)[];
  readonly key?: string | Uint8Array;
  readonly rejectUnauthorized?: boolean;
}

/** "auto" takes HTTP/2 where TLS offers it; "h1" and "h2" offer only that one. */
export type ProtocolChoice = "auto" | "h1" | "h2";

/** Exactly what sockets depend on, and so what makes two Clients share a Pool. */
export interface PoolSettings {
  /** `https://host:port`, without a path. */
  readonly origin: string;
  readonly protocol: ProtocolChoice;
  readonly tls?: TlsSettings;
  /** The proxy's URL, already looked up; `false` or absent for none. */
  readonly proxy?: string | false;
}

/** What the Clients of one Pool may differ in; the largest value of the living ones holds. */
export interface PoolUse {
  /** Most sockets (HTTP/1.1) or sessions (HTTP/2); each protocol's default when absent. */
  readonly connections?: number;
  /** Milliseconds until a connection must be ready: name, TCP, proxy, TLS and HTTP/2 settings. */
  readonly connectTimeout: number;
}

/** Keys never leave the process, so a salt of its own keeps proxy passwords from being guessed out of them. */
const salt = randomBytes(16);

/** Equal for equal settings, however they are written; the origin stays readable, secrets do not. */
export function poolKey(settings: PoolSettings): string {
  const origin = new URL(settings.origin).origin;
  const hidden = canonical([settings.tls ?? {}, settings.proxy || false]);
  const digest = createHmac("sha256", salt).update(hidden).digest("base64url").slice(0, 22);
  return `${origin} ${settings.protocol} ${digest}`;
}
