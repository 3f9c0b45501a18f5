import { TrunklineError } from "../core/errors.ts";
import type { ResponseHeaders } from "./exchange.ts";

/** Headers that speak of one connection or one framing, and so are the pool's to set. */
const ours = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const name = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const badValue = /[^\t\x20-\x7e\x80-\xff]/;

/** Frozen headers are those of every call of a client, so they are looked at once. */
const known = new WeakMap<object, readonly string[]>();

/**
 * Names and values in one flat list (`[name, value, ...]`). A name or value that HTTP cannot carry is
 * refused here, before anything could quote it: a key with a newline must not show up in an error text.
 */
export function flatHeaders(headers: Readonly<Record<string, string>>): readonly string[] {
  const before = known.get(headers);
  if (before !== undefined) return before;
  const flat = flatten(headers);
  if (Object.isFrozen(headers)) known.set(headers, flat);
  return flat;
}

function flatten(headers: Readonly<Record<string, string>>): readonly string[] {
  const flat: string[] = [];
  for (const key in headers) {
    const value = headers[key];
    if (value === undefined || ours.has(key)) continue;
    if (!name.test(key)) throw refused(name.test(key.toLowerCase()) ? key : undefined, "name");
    if (typeof value !== "string" || badValue.test(value)) throw refused(key, "value");
    flat.push(key, value);
  }
  return flat;
}

const badTarget = /[^\x21-\xff]|\x7f/;

/** What was found right last: call after call goes to the same place. */
const last = { method: "", path: "" };

/** Refuses a method or path that would not stay what it is on the wire. */
export function checkTarget(method: string, path: string): void {
  if (method === last.method && path === last.path) return;
  if (!/^[A-Z]+$/.test(method))
    throw new TrunklineError("config", "a method is written in capital letters", { sent: false });
  if (!path.startsWith("/") || badTarget.test(path)) {
    throw new TrunklineError(
      "config",
      "a path starts with / and holds no spaces or control characters (it is not shown)",
      {
        sent: false,
      },
    );
  }
  last.method = method;
  last.path = path;
}

function refused(key: string | undefined, what: "name" | "value"): TrunklineError {
  const message =
    what === "value"
      ? `the header "${key}" holds a line break or another character that HTTP cannot carry (its value is not shown); a key read from a file often ends in one`
      : key === undefined
        ? "a header's name holds characters that HTTP cannot carry (it is not shown)"
        : `the header "${key}" must be written in lower case`;
  return new TrunklineError("config", message, { sent: false });
}

/** Answers' headers as plain strings; pseudo-headers are left out. */
export function joinHeaders(headers: Readonly<Record<string, unknown>>): ResponseHeaders {
  const joined: Record<string, string> = {};
  for (const key in headers) {
    if (key.charCodeAt(0) === 58) continue;
    const value = headers[key];
    if (typeof value === "string") joined[key] = value;
    else if (Array.isArray(value)) joined[key] = value.join(", ");
  }
  return joined;
}
