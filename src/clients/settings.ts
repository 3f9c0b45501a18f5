import { type Check, checkOptions, checks, oneOf } from "../core/check.ts";
import { env } from "../core/env.ts";
import { TrunklineError } from "../core/errors.ts";
import type { ProtocolChoice } from "../transport/settings.ts";
import { readBaseURL } from "./base-url.ts";
import { readHeaders, sendable } from "./headers.ts";
import { isKey, type Key, readKeys } from "./keys.ts";
import { readProxy } from "./proxy.ts";
import { readTls, type TlsOptions } from "./tls.ts";
import { count, firstFound, seconds } from "./variables.ts";

export type { Key, KeyFunction } from "./keys.ts";
export type { TlsOptions } from "./tls.ts";

/** What is known of a provider before anybody asks it anything: where it is, and which variables describe it. */
export interface ProviderFacts {
  /** As it stands before the slash in "provider/model". */
  readonly name: string;
  /** As people write it. */
  readonly label?: string;
  readonly baseURL?: string;
  /** Variables that may hold the base URL; the first one found wins over `baseURL`. */
  readonly baseURLVariables: readonly string[];
  /** Variables that may hold the key; the first one found wins. */
  readonly keyVariables: readonly string[];
  readonly keyRequired: boolean;
  readonly organizationVariable?: string;
  readonly projectVariable?: string;
  /** Holds the timeout of one attempt in seconds. */
  readonly timeoutVariable?: string;
  /** Holds the number of attempts after the first. */
  readonly retriesVariable?: string;
  /** Whether it keeps a prompt's prefix warm, so that the calls that share one should wait for the first. */
  readonly cachesPrefixes: boolean;
  /** Whether tokens read from its cache do not count against its limits. Default: they do. */
  readonly cachedTokensFree?: boolean;
  /** Whether it is bound by concurrency (one machine of one's own) and not by a rate. */
  readonly concurrencyBound: boolean;
  /** Calls that may run at once, where more would only wait inside it. */
  readonly maxParallelRequests?: number;
}

/**
 * What makes a Client: LMs whose options agree in all of these share one, LMs that differ in any have different
 * ones. Times are milliseconds.
 */
export interface ClientOptions {
  /**
   * The provider's key, or a function that brings it, called for each attempt. Default: the provider's variable.
   * `""` is for a server that wants none. White space around it is cut off; anything unprintable is an error.
   */
  readonly apiKey?: Key;
  /**
   * Several keys of one account or of many, in place of `apiKey`: each has limits of its own, each attempt takes the
   * one that can start it soonest, and one that is refused is left alone for a while. Default: one key.
   */
  readonly keys?: readonly Key[];
  /** Where the provider is: http or https, no credentials, no query. Default: the provider's variable, else its own. */
  readonly baseURL?: string;
  /** The organization that pays, where a provider has them. Default: the provider's variable, else none. */
  readonly organization?: string;
  /** The project within it. Default: the provider's variable, else none. */
  readonly project?: string;
  /** Headers of every call; letter case and order do not matter. Those of one call belong to the call. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * One attempt, from its own socket or stream to the last byte; Infinity is no limit. Default: the provider's
   * variable (seconds there), else 300,000.
   */
  readonly timeout?: number;
  /** From the same moment to the first byte of the answer. Default: `timeout`. */
  readonly firstByteTimeout?: number;
  /** Between two pieces of an answer; comments and pings are none. Default: `timeout`. */
  readonly idleTimeout?: number;
  /** Opening one connection. Default 10,000. */
  readonly connectTimeout?: number;
  /** Attempts after the first; 0 is one attempt only. Default: the provider's variable, else 3. */
  readonly maxRetries?: number;
  /** Calls of this Client that may run at once; more wait their turn. Default 2,000; 4 for `llama-cpp`. */
  readonly maxParallelRequests?: number;
  /** Sockets (HTTP/1.1) or sessions (HTTP/2) to the provider. Default: 256 sockets; 32 sessions, opened as needed. */
  readonly connections?: number;
  /** `"auto"` takes HTTP/2 where the server offers it, `"h2"` insists on it, `"h1"` avoids it. Default `"auto"`. */
  readonly protocol?: ProtocolChoice;
  /** The most requests a minute. Default: learnt from the provider's answers. */
  readonly requestsPerMinute?: number;
  /** The most tokens a minute, in and out. Default: learnt from the provider's answers. */
  readonly tokensPerMinute?: number;
  /** Default: the system's own certificates, and no certificate of ours. */
  readonly tls?: TlsOptions;
  /** A proxy's URL, or `false` for none. Default: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. */
  readonly proxy?: string | false;
}

/** The checks of every option that makes a Client. */
export const clientChecks = {
  apiKey: (value) => (isKey(value) ? undefined : "a string or a function"),
  // Looked at by readKeys: what is wrong in it may be a secret.
  keys: () => undefined,
  baseURL: checks.string,
  organization: checks.string,
  project: checks.string,
  // Looked at by readHeaders, which shows nothing of a wrong value: it may well be a secret.
  headers: () => undefined,
  timeout: checks.duration,
  firstByteTimeout: checks.duration,
  idleTimeout: checks.duration,
  connectTimeout: checks.duration,
  maxRetries: checks.count,
  maxParallelRequests: checks.positiveCount,
  connections: checks.positiveCount,
  protocol: oneOf("auto", "h1", "h2"),
  requestsPerMinute: checks.rate,
  tokensPerMinute: checks.rate,
  tls: checks.plainObject,
  proxy: (value) => (typeof value === "string" || value === false ? undefined : "a URL or false"),
} satisfies Record<keyof ClientOptions, Check>;

/** Options, environment and defaults together: everything that makes one Client differ from another. */
export interface ClientSettings {
  readonly provider: string;
  /** Undefined where the work is done in this process and there is nothing to connect to. */
  readonly baseURL: string | undefined;
  /** What does the work instead: known by reference only. */
  readonly backend: object | undefined;
  /** At least one, all different; `""` where none is wanted. */
  readonly keys: readonly Key[];
  readonly organization: string | undefined;
  readonly project: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeout: number;
  readonly firstByteTimeout: number;
  readonly idleTimeout: number;
  readonly connectTimeout: number;
  readonly maxRetries: number;
  readonly maxParallelRequests: number;
  /** Undefined leaves it to the protocol. */
  readonly connections: number | undefined;
  readonly protocol: ProtocolChoice;
  /** Undefined is learnt. */
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
  readonly tls: TlsOptions | undefined;
  readonly proxy: string | undefined;
}

/** The settings of a Client whose work is done elsewhere, read from options, environment and defaults right now. */
export function readSettings(provider: ProviderFacts, options: ClientOptions): ClientSettings {
  const owner = provider.name;
  checkOptions(owner, options, clientChecks);
  const baseURL = baseURLOf(provider, options);
  return {
    ...policy(provider, options),
    baseURL,
    backend: undefined,
    keys: readKeys(provider, options),
    organization: words(`${owner}: organization`, options.organization, provider.organizationVariable),
    project: words(`${owner}: project`, options.project, provider.projectVariable),
    headers: readHeaders(`${owner}: headers`, options.headers ?? {}),
    tls: options.tls && readTls(`${owner}: tls`, options.tls),
    proxy: readProxy(options.proxy, baseURL),
  };
}

/** Options that mean something where nothing is connected to. */
export const localChecks = {
  timeout: clientChecks.timeout,
  firstByteTimeout: clientChecks.firstByteTimeout,
  idleTimeout: clientChecks.idleTimeout,
  maxRetries: clientChecks.maxRetries,
  maxParallelRequests: clientChecks.maxParallelRequests,
  requestsPerMinute: clientChecks.requestsPerMinute,
  tokensPerMinute: clientChecks.tokensPerMinute,
};
export type LocalOptions = Pick<ClientOptions, keyof typeof localChecks>;

const noKey: readonly string[] = Object.freeze([""]);

/** The settings of a Client whose work is done in this process by `backend`, a function or an object. */
export function readLocalSettings(
  provider: ProviderFacts,
  backend: object,
  options: LocalOptions,
): ClientSettings {
  checkOptions(provider.name, options, localChecks);
  return {
    ...policy(provider, options),
    baseURL: undefined,
    backend,
    keys: noKey,
    organization: undefined,
    project: undefined,
    headers: readHeaders("headers", {}),
    tls: undefined,
    proxy: undefined,
  };
}

/** The settings that are numbers and words only. */
function policy(provider: ProviderFacts, options: ClientOptions) {
  const timeout = options.timeout ?? seconds(provider.timeoutVariable) ?? 300_000;
  return {
    provider: provider.name,
    timeout,
    firstByteTimeout: options.firstByteTimeout ?? timeout,
    idleTimeout: options.idleTimeout ?? timeout,
    connectTimeout: options.connectTimeout ?? 10_000,
    maxRetries: options.maxRetries ?? count(provider.retriesVariable) ?? 3,
    maxParallelRequests: options.maxParallelRequests ?? provider.maxParallelRequests ?? 2_000,
    connections: options.connections,
    protocol: options.protocol ?? "auto",
    requestsPerMinute: options.requestsPerMinute,
    tokensPerMinute: options.tokensPerMinute,
  };
}

function baseURLOf(provider: ProviderFacts, options: ClientOptions): string {
  if (options.baseURL !== undefined) return readBaseURL(`${provider.name}: baseURL`, options.baseURL);
  const found = firstFound(provider.baseURLVariables);
  if (found !== undefined) return readBaseURL(found.name, found.value);
  if (provider.baseURL !== undefined) return readBaseURL(`${provider.name}: baseURL`, provider.baseURL);
  const variables = provider.baseURLVariables.map((name) => `set ${name} or `).join("");
  const name = provider.label ?? provider.name;
  throw new TrunklineError("config", `${name}: no address; ${variables}pass baseURL`);
}

function words(name: string, option: string | undefined, variable: string | undefined): string | undefined {
  const text = option ?? (variable && env(variable));
  const value = text && sendable(option === undefined ? variable! : name, text.trim());
  return value || undefined;
}
