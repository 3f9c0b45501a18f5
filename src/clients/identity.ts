import { canonical } from "../core/json.ts";
import type { Fingerprints } from "./secret.ts";
import type { ClientSettings } from "./settings.ts";
import type { TlsOptions } from "./tls.ts";

/**
 * The text that is equal for equal settings and different for different ones, whatever the order they were
 * written in. What may be secret (key, header values, proxy, certificates) is in it only as a keyed hash, what is
 * known by reference only as a number. The model is no part of it.
 */
export function clientKey(settings: ClientSettings, fingerprints: Fingerprints): string {
  const { apiKey, backend, headers, tls, proxy, ...plain } = settings;
  return canonical({
    ...finite(plain),
    apiKey: keyIdentity(apiKey, fingerprints),
    backend: backend && fingerprints.token(backend),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, fingerprints.hash(value)]),
    ),
    tls: tls && tlsIdentity(tls, fingerprints),
    proxy: proxy && fingerprints.hash(proxy),
  });
}

/** Who pays: calls with one account share the provider's limits, whatever else their Clients differ in. */
export function accountOf(settings: ClientSettings, fingerprints: Fingerprints): string {
  const { apiKey, backend, organization, project } = settings;
  const who = [
    keyIdentity(apiKey, fingerprints),
    backend ? fingerprints.token(backend) : null,
    organization ?? null,
    project ?? null,
  ];
  return fingerprints.hash(canonical(who));
}

/** A secret by its hash, a function by its number, and `""` as itself. */
function keyIdentity(apiKey: ClientSettings["apiKey"], fingerprints: Fingerprints): string | number {
  if (typeof apiKey === "function") return fingerprints.token(apiKey);
  return apiKey && fingerprints.hash(apiKey);
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
