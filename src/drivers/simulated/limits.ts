import type { Clock } from "../../core/clock.ts";

export interface Limits {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

const minute = 60_000;

/** A bucket that holds a minute's worth and fills evenly, as providers count. */
class Bucket {
  #level: number;
  #at: number;
  readonly perMinute: number;

  constructor(perMinute: number, now: number) {
    this.perMinute = perMinute;
    this.#level = perMinute;
    this.#at = now;
  }

  level(now: number): number {
    this.#level = Math.min(this.perMinute, this.#level + ((now - this.#at) * this.perMinute) / minute);
    this.#at = now;
    return this.#level;
  }

  /** Milliseconds until `amount` is there; Infinity when it never fits. */
  waitFor(amount: number, now: number): number {
    if (amount > this.perMinute) return Number.POSITIVE_INFINITY;
    return Math.max(0, ((amount - this.level(now)) * minute) / this.perMinute);
  }

  take(amount: number, now: number): void {
    this.#level = this.level(now) - amount;
  }

  fullInMs(now: number): number {
    return ((this.perMinute - this.level(now)) * minute) / this.perMinute;
  }
}

/** Requests and tokens per minute of one account, with the headers that report them. */
export class RateLimits {
  readonly #clock: Pick<Clock, "now">;
  readonly #requests: Bucket | undefined;
  readonly #tokens: Bucket | undefined;

  constructor(clock: Pick<Clock, "now">, { requestsPerMinute, tokensPerMinute }: Limits) {
    this.#clock = clock;
    if (requestsPerMinute !== undefined) this.#requests = new Bucket(requestsPerMinute, clock.now());
    if (tokensPerMinute !== undefined) this.#tokens = new Bucket(tokensPerMinute, clock.now());
  }

  /** Takes one request of `tokens` from both, or nothing: then the milliseconds to wait, else 0. */
  take(tokens: number): number {
    const now = this.#clock.now();
    const wait = Math.max(this.#requests?.waitFor(1, now) ?? 0, this.#tokens?.waitFor(tokens, now) ?? 0);
    if (wait > 0) return wait;
    this.#requests?.take(1, now);
    this.#tokens?.take(tokens, now);
    return 0;
  }

  /** OpenAI's headers: limit, what remains, and the time until the bucket is full. */
  headers(): Record<string, string> {
    const now = this.#clock.now();
    const headers: Record<string, string> = {};
    for (const [name, bucket] of [
      ["requests", this.#requests],
      ["tokens", this.#tokens],
    ] as const) {
      if (bucket === undefined) continue;
      headers[`x-ratelimit-limit-${name}`] = String(bucket.perMinute);
      headers[`x-ratelimit-remaining-${name}`] = String(Math.max(0, Math.floor(bucket.level(now))));
      headers[`x-ratelimit-reset-${name}`] = duration(bucket.fullInMs(now));
    }
    return headers;
  }
}

/** Milliseconds as Go writes them: 12ms, 7.66s, 6m0s. */
function duration(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 10) / 100;
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${Math.round((seconds - minutes * 60) * 100) / 100}s`;
}
