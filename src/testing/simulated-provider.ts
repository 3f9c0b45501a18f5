import { type Clock, systemClock } from "../core/clock.ts";
import {
  type Limits,
  type PrefixCacheOptions,
  SimulatedModel,
  type SimulatedModelOptions,
  type SimulatedStats,
} from "../drivers/simulated.ts";
import { Desk } from "./provider/desk.ts";
import { type ProviderProtocol, serve } from "./provider/serve.ts";
import { selfSigned } from "./self-signed.ts";
import type { Counter } from "./tally.ts";

export interface SimulatedProviderOptions extends Limits, Pick<SimulatedModelOptions, "answer"> {
  /** Equal seeds and requests give equal answers. Default 0. */
  readonly seed?: number;
  /** Milliseconds to the first token. Default 0. */
  readonly latencyMs?: number;
  /** Milliseconds for each further token. Default 0. */
  readonly tokenMs?: number;
  /** About how long an answer is. Default 32. */
  readonly answerTokens?: number;
  /** The provider's own prompt cache. Default: none. */
  readonly prefixCache?: PrefixCacheOptions | false;
  /** What ALPN offers, best first. Default: h2, then http/1.1; without TLS: http/1.1. */
  readonly protocols?: readonly ProviderProtocol[];
  /** Default true. Without it there is no ALPN, so exactly one protocol. */
  readonly tls?: boolean;
  /** Streams an HTTP/2 session may have at once. Default 100. */
  readonly maxConcurrentStreams?: number;
  /** What `GET /v1/models` lists; other names are answered too. */
  readonly models?: readonly string[];
  /** Port on loopback; default: any free one. */
  readonly port?: number;
  readonly clock?: Clock;
}

export interface SimulatedProviderStats extends SimulatedStats {
  /** TCP connections ever, now, and at the same time at most. */
  readonly sockets: Counter;
  /** Chat requests being answered. */
  readonly inFlight: Counter;
  /** Answers whose client left before their end. */
  readonly left: number;
}

export interface SimulatedProvider extends AsyncDisposable {
  /** The base URL that clients want, as in `https://127.0.0.1:40123/v1`. */
  readonly url: string;
  /** The certificate to trust; undefined without TLS. */
  readonly ca: string | undefined;
  stats(): SimulatedProviderStats;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

/**
 * A provider on loopback that speaks OpenAI's chat completions, plain and streamed, over real TLS, answering from
 * a simulated model.
 *
 * ```ts
 * import { simulatedProvider } from "trunkline/testing";
 *
 * await using provider = await simulatedProvider({ latencyMs: 200, tokenMs: 10, requestsPerMinute: 500 });
 * // ... point a client at provider.url, trusting provider.ca ...
 * console.log(provider.stats().sockets.peak);
 * ```
 */
export async function simulatedProvider(options: SimulatedProviderOptions = {}): Promise<SimulatedProvider> {
  const { clock = systemClock, tls = true, latencyMs = 0, tokenMs = 0 } = options;
  const { protocols = tls ? ["h2", "http/1.1"] : ["http/1.1"] } = options;
  if (!tls && protocols.length !== 1) {
    throw new TypeError(
      "simulatedProvider: protocols: without tls there is no ALPN to choose; name exactly one",
    );
  }
  const { seed, answerTokens, answer, prefixCache, requestsPerMinute, tokensPerMinute } = options;
  const latency = { firstTokenMs: latencyMs, perTokenMs: tokenMs };
  const model = new SimulatedModel({
    clock,
    latency,
    seed,
    answerTokens,
    answer,
    prefixCache,
    requestsPerMinute,
    tokensPerMinute,
  });
  const desk = new Desk(model, clock, options.models ?? ["simulated"]);
  const identity = tls ? selfSigned() : undefined;
  const { maxConcurrentStreams = 100, port = 0 } = options;
  const serving = await serve(desk, { protocols, identity, maxConcurrentStreams, port });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= serving.close());
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${serving.port}/v1`,
    ca: identity?.cert,
    stats: () => ({
      ...model.stats,
      sockets: { ...serving.sockets },
      inFlight: { ...desk.stats.inFlight },
      left: desk.stats.left,
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}
