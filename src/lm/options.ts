import type { Price } from "../core/answer.ts";
import type { Delta, Priority } from "../core/call.ts";
import { priorities } from "../core/call.ts";
import { type Check, checks, oneOf } from "../core/check.ts";
import { type Sampling, samplingChecks } from "../core/request.ts";
import { type CacheOption, cacheCheck, rolloutCheck } from "./cache-use.ts";

/** How a call behaves on its way; an LM's options hold the defaults. Times are milliseconds. */
export interface Behaviour {
  /** One attempt, from its own socket or stream to the last byte. Default 300,000. */
  readonly timeout?: number;
  /** From the same moment to the first byte. Default: `timeout`. */
  readonly firstByteTimeout?: number;
  /** Between two pieces of an answer; comments and pings are no progress. Default: `timeout`. */
  readonly idleTimeout?: number;
  /** The whole call, queue and retries included. Default: none. */
  readonly deadline?: number;
  /** Each wait for admission. Default: none. */
  readonly queueTimeout?: number;
  /** A call that finds this many waiting in its lane is refused. Default 100,000. */
  readonly maxQueue?: number;
  /** Attempts after the first. Default 3. */
  readonly maxRetries?: number;
  /** When work that nobody waits for and that ignores its abort is written off. Default 30,000. */
  readonly abandonAfter?: number;
  /** Who goes first among one caller's waiting calls. Default "interactive"; runs over rows use "batch". */
  readonly priority?: Priority;
  /** Calls with one key share one fair share of a lane. Default: the outermost run, else one key for the rest. */
  readonly fairnessKey?: string;
  /** Whether calls with one long prefix wait for the first to warm the provider's cache. Default "auto". */
  readonly prefixSharing?: "auto" | false | { readonly minTokens?: number; readonly prefixWait?: number };
  /** Whether and where answers are remembered. Default true. */
  readonly cache?: CacheOption;
  /** What the model's tokens cost in US dollars per million. Default: the price table. */
  readonly price?: Price;
}

/** What a single call may say. */
export interface CallInit extends Sampling, Behaviour {
  /** Aborts this call: its promise rejects at once, its work ends as soon as it can. */
  readonly signal?: AbortSignal;
  /** Hears the answer while it is written. The promise still brings the whole of it. */
  readonly onDelta?: (delta: Delta) => void;
  /** A sample of its own: calls that differ in it never share an answer. It is not sent. */
  readonly rolloutId?: string | number;
  /** Headers of this call alone. */
  readonly headers?: Readonly<Record<string, string>>;
}

const prefixSharing: Check = (value) => {
  if (value === "auto" || value === false) return undefined;
  const expected = '"auto", false or { minTokens, prefixWait }';
  if (checks.plainObject(value) !== undefined) return expected;
  const { minTokens, prefixWait, ...rest } = value as Record<string, unknown>;
  const right =
    (minTokens === undefined || checks.count(minTokens) === undefined) &&
    (prefixWait === undefined || checks.duration(prefixWait) === undefined) &&
    Object.keys(rest).length === 0;
  return right ? undefined : expected;
};

const price: Check = (value) => {
  const { input, output, cachedInput, cacheWrite, ...rest } = Object(value) as Record<string, unknown>;
  const right =
    [input, output, cachedInput ?? 0, cacheWrite ?? 0].every((usd) => typeof usd === "number" && usd >= 0) &&
    Object.keys(rest).length === 0;
  return right ? undefined : "{ input, output, cachedInput?, cacheWrite? } in US dollars per million tokens";
};

export const behaviourChecks = {
  timeout: checks.duration,
  firstByteTimeout: checks.duration,
  idleTimeout: checks.duration,
  deadline: checks.duration,
  queueTimeout: checks.duration,
  maxQueue: checks.count,
  maxRetries: checks.count,
  abandonAfter: checks.duration,
  priority: oneOf(...priorities),
  fairnessKey: checks.string,
  prefixSharing,
  cache: cacheCheck,
  price,
} satisfies Record<keyof Behaviour, Check>;

const headers: Check = (value) =>
  checks.plainObject(value) === undefined &&
  Object.values(value as object).every((v) => typeof v === "string")
    ? undefined
    : "an object of strings";

export const callChecks = {
  ...samplingChecks,
  ...behaviourChecks,
  signal: checks.signal,
  onDelta: checks.fn,
  rolloutId: rolloutCheck,
  headers,
} satisfies Record<keyof CallInit, Check>;
