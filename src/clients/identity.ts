import { canonical } from "../core/json.ts";
import type { Key } from "./keys.ts";
import type { Fingerprints } from "./secret.ts";
import type { ClientSettings } from "./settings.ts";
import type { TlsOptions } from "./tls.ts";

/**
 * The text that is equal for equal settings and different for different ones, whatever the order they were
 * written in. What may be secret (key, header values, proxy, certificates) is in it only as a keyed hash, what is
 * known by reference only as a number. The model is no part of it.
 */
export function clientKey(settings: ClientSettings, fingerprints: Fingerprints): string {
  const { keys, backend, headers, tls, proxy, ...plain } = settings;
  const ofKeys = keys.map((key) => keyIdentity(key, fingerprints));
  return canonical({
    ...finite(plain),
    ...(keys.length === 1 ? { apiKey: ofKeys[0] } : { keys: ofKeys }),
    backend: backend && fingerprints.token(backend),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, fingerprints.hash(value)]),
    ),
    tls: tls && tlsIdentity(tls, fingerprints),
    proxy: proxy && fingerprints.hash(proxy),
  });
}

/** Who pays, for each key: calls with one account share the provider's limits, whatever else their Clients differ in. */
export function accountsOf(settings: ClientSettings, fingerprints: Fingerprints): readonly string[] {
  const { keys, backend, organization, project } = settings;
  const rest = [backend ? fingerprints.token(backend) : null, organization ?? null, project ?? null];
  const accounts = keys.map((key) => fingerprints.hash(canonical([keyIdentity(key, fingerprints), ...rest])));
  return Object.freeze(accounts);
}

/** A secret by its hash, a function by its number, and `""` as itself. */
function keyIdentity(key: Key, fingerprints: Fingerprints): string | number {
  if (typeof key === "function") return fingerprints.token(key);
  return key && fingerprints.hash(key);
}

/** Infinity has no canonical form; here it has one meaning only, no limit. */
function finite(plain: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [name, value === Number.POSITIVE_INFINITY ? "none" : value]),
  );
}

function tlsIdentity(tls: TlsOptions, fingerprints: Fingerprints): object {
  const hashes = (pem: TlsOptions["ca"]): readonly string[] | undefined =>
    pem === undefined
      ? undefined
      : (typeof pem === "string" || pem instanceof Uint8Array ? [pem] : pem).map((one) =>
          fingerprints.hash(one),
        );
  return {
    ca: hashes(tls.ca),
    cert: hashes(tls.cert),
    key: hashes(tls.key),
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
  };
}
