import { type Check, checkOptions, checks } from "../core/check.ts";

type Pem = string | Uint8Array;

/** TLS beyond the system's own. */
export interface TlsOptions {
  /** Certificate authorities to trust instead of the system's, in PEM. */
  readonly ca?: Pem | readonly Pem[];
  /** The client's own certificate, in PEM. */
  readonly cert?: Pem | readonly Pem[];
  /** The client's own private key, in PEM. */
  readonly key?: Pem;
  /** `false` accepts any certificate. For tests only: whoever sits between can then read the key. Default true. */
  readonly rejectUnauthorized?: boolean;
}

const isPem = (value: unknown): boolean =>
  value instanceof Uint8Array || (typeof value === "string" && value.includes("-----BEGIN"));
const pem: Check = (value) =>
  isPem(value) ? undefined : "PEM text (-----BEGIN ...) or its bytes, not a path";
const pems: Check = (value) => (Array.isArray(value) && value.every(isPem) ? undefined : pem(value));

const tlsChecks = {
  ca: pems,
  cert: pems,
  key: pem,
  rejectUnauthorized: checks.boolean,
} satisfies Record<keyof TlsOptions, Check>;

/** TLS options, checked, copied and frozen. */
export function readTls(name: string, tls: TlsOptions): TlsOptions {
  checkOptions(name, tls, tlsChecks);
  return Object.freeze({
    ...(tls.ca !== undefined && { ca: copyPems(tls.ca) }),
    ...(tls.cert !== undefined && { cert: copyPems(tls.cert) }),
    ...(tls.key !== undefined && { key: copyPem(tls.key) }),
    ...(tls.rejectUnauthorized !== undefined && { rejectUnauthorized: tls.rejectUnauthorized }),
  });
}

function copyPem(given: Pem): Pem {
  return typeof given === "string" ? given : given.slice();
}

function copyPems(given: Pem | readonly Pem[]): Pem | readonly Pem[] {
  return typeof given === "string" || given instanceof Uint8Array
    ? copyPem(given)
    : Object.freeze(given.map(copyPem));
}
