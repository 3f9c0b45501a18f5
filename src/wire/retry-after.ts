import type { Clock } from "../core/clock.ts";
import { durationMs, plainNumber, untilMs } from "./duration.ts";
import { isObject, memberOf } from "./json-value.ts";

/** Where a hint may stand. */
export interface HintSource {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed error object of the body, if there was one. */
  readonly error?: unknown;
  readonly clock: Pick<Clock, "wall">;
}

/**
 * How long the provider asked to wait, in milliseconds: finite, 0 or more; 0 is "at once". Undefined when it
 * asked nothing, or nothing that can be read. Nothing is capped here: whoever waits compares with its deadline.
 *
 * ```ts
 * retryAfterMs({ headers: { "retry-after": "1.5" }, clock }) === 1500;
 * ```
 */
export function retryAfterMs(source: HintSource): number | undefined {
  const { headers, error, clock } = source;
  return (
    milliseconds(headers["retry-after-ms"]) ??
    milliseconds(headers["x-ms-retry-after-ms"]) ??
    fromHeader(headers["retry-after"], headers.date, clock) ??
    fromBody(error, clock) ??
    fromReset(headers, clock)
  );
}

function milliseconds(value: string | undefined): number | undefined {
  return value === undefined ? undefined : plainNumber(firstOf(value));
}

/** A header that came twice is joined by a comma; a date has a comma of its own. */
function firstOf(value: string): string {
  return value.split(",", 1)[0]!.trim();
}

const dateLike = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i;

function fromHeader(
  value: string | undefined,
  date: string | undefined,
  clock: Pick<Clock, "wall">,
): number | undefined {
  if (value === undefined || value.length > 100) return undefined;
  const trimmed = value.trim();
  if (!dateLike.test(trimmed)) return untilMs(firstOf(trimmed), clock.wall());
  const until = httpDate(trimmed);
  if (until === undefined) return undefined;
  // Counted from the server's own clock where it shows it, for ours may be wrong by hours.
  const now = date === undefined ? undefined : httpDate(date.trim());
  return Math.max(0, until - (now ?? clock.wall()));
}

/** The three forms of HTTP dates; the oldest has no zone and means GMT. */
function httpDate(value: string): number | undefined {
  if (value.length > 100 || !dateLike.test(value)) return undefined;
  const instant = Date.parse(/(?:gmt|utc|[+-]\d{4})$/i.test(value) ? value : `${value} GMT`);
  return Number.isNaN(instant) ? undefined : instant;
}

/** "try again in 6m0s", "Please retry in 46.2s", "retry after 10 seconds". */
const spoken =
  /(?:try again|retry) (?:in|after) (\d[\dhmsnuµ.]*)(?: ?(milliseconds?|seconds?|minutes?|hours?))?/i;

const spokenUnit: Readonly<Record<string, string>> = {
  millisecond: "ms",
  second: "s",
  minute: "m",
  hour: "h",
};

function fromBody(error: unknown, clock: Pick<Clock, "wall">): number | undefined {
  if (typeof error === "string") return fromText(error);
  if (!isObject(error)) return undefined;
  const { details, metadata, message } = error;
  return (
    fromRetryInfo(details) ??
    (isObject(metadata) ? fromMetadata(metadata, clock) : undefined) ??
    (typeof message === "string" ? fromText(message) : undefined)
  );
}

function fromRetryInfo(details: unknown): number | undefined {
  if (!Array.isArray(details)) return undefined;
  for (const detail of details.slice(0, 20)) {
    const delay = memberOf(detail, "retryDelay");
    if (typeof delay === "string") return durationMs(delay);
    const seconds = Number(memberOf(delay, "seconds"));
    if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1000;
  }
  return undefined;
}

/** A router repeats its upstream's headers there. */
function fromMetadata(metadata: Record<string, unknown>, clock: Pick<Clock, "wall">): number | undefined {
  if (!isObject(metadata.headers)) return undefined;
  for (const [name, value] of Object.entries(metadata.headers).slice(0, 20)) {
    const hint = typeof value === "string" || typeof value === "number" ? String(value) : "";
    if (/^(?:retry-after|x-ratelimit-reset)$/i.test(name)) return untilMs(hint, clock.wall());
  }
  return undefined;
}

function fromText(text: string): number | undefined {
  const [, amount = "", word] = spoken.exec(text.slice(0, 2000)) ?? [];
  // A sentence ends with a full stop, which is none of the number's.
  const bare = amount.replace(/\.+$/, "");
  const unit = word === undefined ? undefined : spokenUnit[word.toLowerCase().replace(/s$/, "")];
  return unit === undefined ? durationMs(bare) : durationMs(bare + unit);
}

/** An emptied bucket that says when it is full again: better than nothing. */
function fromReset(headers: HintSource["headers"], clock: Pick<Clock, "wall">): number | undefined {
  const reset = headers["x-ratelimit-reset"] ?? headers["ratelimit-reset"];
  return reset === undefined ? undefined : untilMs(firstOf(reset), clock.wall());
}
