import { type ErrorDetails, isTrunklineError, TrunklineError } from "../core/errors.ts";

/** Codes by which the operating system says that it has no descriptor or port left: nothing was sent. */
const shortages = new Set(["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS"]);

/** Codes of TLS that trying again does not cure. */
const wrongCertificate =
  /^(ERR_TLS_CERT|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH)/;
const wrongTls = /^ERR_(SSL|OSSL)_/;

/** What a user can do about such a code. */
const tlsHints: readonly (readonly [RegExp, string])[] = [
  [wrongCertificate, "; a private authority is given by `tls: { ca }`"],
  [/WRONG_VERSION_NUMBER/, "; it seems to speak no TLS there: try http:// in place of https://"],
];

/**
 * The one error inside an AggregateError that tells most: Node wraps what happened at each address of a name, with
 * an empty message around it.
 */
export function unwrap(error: unknown): unknown {
  if (!(error instanceof AggregateError) || error.errors.length === 0) return error;
  return unwrap(error.errors.find((each) => shortages.has(codeOf(each) ?? "")) ?? error.errors[0]);
}

export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/** Whether descriptors or ports ran out. */
export function isShortage(error: unknown): boolean {
  return shortages.has(codeOf(unwrap(error)) ?? "");
}

/** A connection that could not be made to `where`. Nothing was sent on it. */
export function connectFailure(where: string, error: unknown): TrunklineError {
  if (isTrunklineError(error)) return error;
  const inner = unwrap(error);
  const code = codeOf(inner);
  const details: ErrorDetails = { cause: inner, sent: false };
  if (code !== undefined && (wrongCertificate.test(code) || wrongTls.test(code))) {
    const hint = tlsHints.find(([codes]) => codes.test(code))?.[1] ?? "";
    const message = `connecting to ${where}: TLS failed (${textOf(inner)})${hint}`;
    return new TrunklineError("network", message, { ...details, retryable: false });
  }
  return new TrunklineError("network", `connecting to ${where} failed: ${textOf(inner)}`, details);
}

/** A connection that broke under a call, or an answer that broke the protocol. */
export function brokenExchange(origin: string, what: string, error: unknown, sent?: false): TrunklineError {
  // A parser's error carries the bytes it stumbled over, and those may quote the prompt.
  const { data } = (error ?? {}) as { data?: unknown };
  const cause = data === undefined && error !== undefined ? { cause: error } : {};
  const text = error === undefined ? what : `${what} (${textOf(error)})`;
  return new TrunklineError("network", `${origin}: ${text}`, sent === false ? { ...cause, sent } : cause);
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = codeOf(error);
  if (code === undefined || error.message.includes(code)) return error.message || error.name;
  return error.message === "" ? code : `${error.message}, ${code}`;
}
