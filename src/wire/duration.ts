const unitMs: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

const piece = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/y;

/**
 * Milliseconds of a duration with units, as Go and protobuf write them; undefined when it is none.
 *
 * ```ts
 * durationMs("6m0s") === 360_000;
 * durationMs("7.66s") === 7660;
 * ```
 */
export function durationMs(text: string): number | undefined {
  if (text === "" || text.length > 40) return undefined;
  let ms = 0;
  piece.lastIndex = 0;
  while (piece.lastIndex < text.length) {
    const found = piece.exec(text);
    if (found === null) return undefined;
    ms += Number(found[1]) * unitMs.get(found[2]!)!;
  }
  // Binary fractions: 7.66 * 1000 is 7660.000000000001.
  return Math.round(ms * 1e3) / 1e3;
}

const decimal = /^\d+(?:\.\d+)?$/;

/** A number of 0 or more, written plainly; signs, exponents, hexadecimal and words are none. */
export function plainNumber(text: string): number | undefined {
  if (text.length > 20 || !decimal.test(text)) return undefined;
  return Number(text);
}

/** From here on a number of seconds, or of milliseconds, can only be an instant since 1970. */
const epochSeconds = 1e9;
const epochMilliseconds = 1e12;
/** Past the year 2286 a number is no instant either. */
const tooLate = 1e13;

/**
 * Milliseconds until what `value` says, counted from `now` (milliseconds since 1970): seconds, a duration with
 * units, seconds or milliseconds since 1970, or an RFC 3339 instant. What has passed is 0; junk is undefined.
 */
export function untilMs(value: string, now: number): number | undefined {
  const number = plainNumber(value);
  if (number !== undefined) {
    if (number < epochSeconds) return Math.round(number * 1e6) / 1e3;
    if (number >= tooLate) return undefined;
    return Math.max(0, (number < epochMilliseconds ? number * 1000 : number) - now);
  }
  const duration = durationMs(value);
  if (duration !== undefined) return duration;
  if (!/^\d{4}-\d\d-\d\dT/.test(value)) return undefined;
  const instant = Date.parse(value);
  return Number.isNaN(instant) ? undefined : Math.max(0, instant - now);
}
