import { checks, show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";

/** Headers that belong to the connection or to the body's framing; a second opinion on them breaks the exchange. */
const reserved = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** The first character that no header value can carry. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

/** Headers with lower-case names, checked and frozen. A value is never in the error text: it may be a secret. */
export function readHeaders(
  name: string,
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (checks.plainObject(given) !== undefined)
    throw wrong(name, `expected an object of strings, got ${kind(given)}`);
  const headers: Record<string, string> = Object.create(null);
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const lower = key.toLowerCase();
    if (!headerName.test(key)) throw wrong(name, `${show(key)} is not the name of a header`);
    if (reserved.has(lower)) throw wrong(name, `"${lower}" is set by the connection itself; leave it out`);
    if (lower in headers) throw wrong(name, `"${lower}" is there twice, in different letter case`);
    if (typeof value !== "string") throw wrong(name, `"${lower}" must be a string, got ${kind(value)}`);
    headers[lower] = sendable(`${name}: "${lower}"`, value.trim());
  }
  return Object.freeze(headers);
}

/** A header value as it is, or an error that tells the place of the character that cannot be sent, never the value. */
export function sendable(name: string, value: string): string {
  const at = value.search(unsendable);
  if (at < 0) return value;
  const code = value.codePointAt(at)!.toString(16).toUpperCase().padStart(4, "0");
  throw wrong(name, `character ${at + 1} of ${value.length} (U+${code}) cannot be sent in a header`);
}

function kind(value: unknown): string {
  return typeof value === "string" ? "a string" : show(value);
}

function wrong(name: string, what: string): TrunklineError {
  return new TrunklineError("config", `${name}: ${what}`);
}
