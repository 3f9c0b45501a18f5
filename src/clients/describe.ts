import type { Key } from "./keys.ts";
import { mask } from "./secret.ts";
import type { ClientSettings } from "./settings.ts";
import type { TlsOptions } from "./tls.ts";

/** A Client's settings for people: secrets masked, what is not set left out. */
export type SettingsView = Readonly<Record<string, unknown>>;

/** Settings with nothing secret in them: the key's last four characters, names of headers, no proxy password. */
export function describe(settings: ClientSettings): SettingsView {
  const { provider, baseURL, backend, keys, headers, tls, proxy } = settings;
  const view: Record<string, unknown> = {
    provider,
    baseURL: baseURL ?? "in this process",
    apiKey: backend === undefined && keys.length === 1 ? describeKey(keys[0]!) : undefined,
    keys: keys.length === 1 ? undefined : keys.map(describeKey),
    organization: settings.organization,
    project: settings.project,
    headers: hidden(headers),
    timeout: settings.timeout,
    firstByteTimeout: settings.firstByteTimeout,
    idleTimeout: settings.idleTimeout,
    connectTimeout: settings.connectTimeout,
    maxRetries: settings.maxRetries,
    maxParallelRequests: settings.maxParallelRequests,
    connections: settings.connections,
    protocol: settings.protocol,
    requestsPerMinute: settings.requestsPerMinute,
    tokensPerMinute: settings.tokensPerMinute,
    tls: tls && describeTls(tls),
    proxy: proxy && new URL(proxy).origin,
  };
  return Object.fromEntries(Object.entries(view).filter(([, value]) => value !== undefined));
}

function describeKey(key: Key): string {
  if (typeof key === "function") return "a function";
  return key === "" ? "none" : mask(key);
}

/** The names with their values covered, or nothing when there are none. */
function hidden(members: object): Record<string, string> | undefined {
  const names = Object.keys(members);
  return names.length === 0 ? undefined : Object.fromEntries(names.map((name) => [name, "****"]));
}

function describeTls({ rejectUnauthorized, ...pems }: TlsOptions): object {
  return { ...hidden(pems), ...(rejectUnauthorized !== undefined && { rejectUnauthorized }) };
}

/** One line for a log. */
export function inOneLine(view: SettingsView): string {
  return Object.entries(view)
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ");
}
