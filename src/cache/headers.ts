/** Headers that carry a call or name its sender, and say nothing about what is asked. */
const transport: ReadonlySet<string> = new Set([
  "accept", "accept-charset", "accept-encoding", "accept-language", "baggage", "b3", "cache-control", "connection",
  "content-encoding", "content-length", "content-type", "correlation-id", "date", "dnt", "expect", "forwarded", "from",
  "host", "http-referer", "idempotency-key", "keep-alive", "openai-organization", "openai-project", "origin", "pragma",
  "priority", "referer", "request-id", "sentry-trace", "te", "traceparent", "tracestate", "trailer",
  "transfer-encoding", "uber-trace-id", "upgrade", "user-agent", "via", "x-amzn-trace-id", "x-client-request-id",
  "x-cloud-trace-context", "x-correlation-id", "x-forwarded-for", "x-goog-user-project", "x-request-id",
  "x-request-start", "x-title", "x-trace-id",
]); // biome-ignore format: a list to read across

const transportFamilies = /^(x-b3-|x-datadog-|x-stainless-|x-envoy-|sec-|proxy-)/;

/** Credentials: they decide who may ask, not what is answered. */
const credentials =
  /(^|[-_])(authorization|auth|cookie|credentials?|password|secret|signature|token|((api|access|private|secret|subscription)[-_]?key))$/;

/** Headers of the transport that name an account. */
const accounts: ReadonlySet<string> = new Set([
  "openai-organization",
  "openai-project",
  "x-goog-user-project",
]);

/** Who asks, as far as a call's own headers say: equal texts for equal credentials and accounts. */
export function senderOf(headers: Readonly<Record<string, string>> = {}): string {
  const said = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return JSON.stringify(said.filter(([name]) => credentials.test(name) || accounts.has(name)).sort());
}

/**
 * The headers that may change an answer, by their names in small letters, sorted; undefined when there are none.
 * What is not known to be harmless counts: a miss costs one call, a wrong hit a wrong answer.
 */
export function semanticHeaders(
  ...all: readonly (Readonly<Record<string, string>> | undefined)[]
): readonly (readonly [string, string])[] | undefined {
  const found = new Map<string, string>();
  for (const headers of all) {
    if (headers === undefined) continue;
    for (const [name, value] of Object.entries(headers)) {
      const lower = name.toLowerCase();
      if (transport.has(lower) || transportFamilies.test(lower) || credentials.test(lower)) continue;
      found.set(lower, value);
    }
  }
  if (found.size === 0) return undefined;
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}
