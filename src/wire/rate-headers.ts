import type { RateSignal } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import { plainNumber, untilMs } from "./duration.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Words of header names and the window they name. */
const windows: ReadonlyMap<string, number> = new Map([
  ["second", second],
  ["minute", minute],
  ["hour", hour],
  ["day", day],
]);

/** What a header's name ends up meaning: its dimension's words, sorted out of the rest. */
const dimensions: ReadonlyMap<string, RateSignal["of"]> = new Map([
  ["", "requests"],
  ["requests", "requests"],
  ["request", "requests"],
  ["req", "requests"],
  ["tokens", "tokens"],
  ["input-tokens", "input_tokens"],
  ["output-tokens", "output_tokens"],
]);

type Fact = "limit" | "remaining" | "reset";

interface Meaning {
  readonly fact: Fact;
  readonly of: RateSignal["of"];
  /** Undefined where the name tells none. */
  readonly windowMs: number | undefined;
  /** The plain form without a dimension: its window is told by its reset alone. */
  readonly bare: boolean;
}

export interface RateHints {
  readonly clock: Pick<Clock, "wall">;
  /** The window of request limits whose name tells none; a minute unless told (Groq counts a day). */
  readonly requestWindowMs?: number;
}

const noSignals: readonly RateSignal[] = Object.freeze([]);

/**
 * The limits that an answer's headers report, in every provider's form: OpenAI's and Groq's durations, Azure's
 * and Cerebras's seconds, Anthropic's instants, OpenRouter's epochs. Negative or unreadable values mean unknown.
 *
 * ```ts
 * rateSignals({ "x-ratelimit-limit-tokens": "200000", "x-ratelimit-reset-tokens": "6m0s" }, { clock });
 * // [{ of: "tokens", windowMs: 60_000, limit: 200_000, resetMs: 360_000 }]
 * ```
 */
export function rateSignals(
  headers: Readonly<Record<string, string>>,
  hints: RateHints,
): readonly RateSignal[] {
  let found: Found[] | undefined;
  for (const name in headers) {
    // Most answers have a dozen headers of other kinds: one look at each must do.
    if (!name.includes("ratelimit")) continue;
    const meaning = meaningOf(name);
    if (meaning === undefined) continue;
    found ??= [];
    note(found, meaning, headers[name]!, hints);
  }
  return found === undefined ? noSignals : signalsOf(found);
}

/** One bucket while its headers are gathered. */
interface Found {
  readonly of: RateSignal["of"];
  readonly windowMs: number;
  readonly bare: boolean;
  limit: number | undefined;
  remaining: number | undefined;
  resetMs: number | undefined;
}

function note(found: Found[], meaning: Meaning, value: string, hints: RateHints): void {
  const { fact, of, bare } = meaning;
  const windowMs = meaning.windowMs ?? ((of === "requests" && hints.requestWindowMs) || minute);
  let bucket = found.find((each) => each.of === of && each.windowMs === windowMs && each.bare === bare);
  if (bucket === undefined) {
    bucket = { of, windowMs, bare, limit: undefined, remaining: undefined, resetMs: undefined };
    found.push(bucket);
  }
  if (fact === "reset") bucket.resetMs = untilMs(value.trim(), hints.clock.wall());
  else {
    const number = plainNumber(value) ?? plainNumber(value.split(/[,;]/, 1)[0]!.trim());
    // A limit of nothing would hold a lane for ever; who sends it means that none is known.
    bucket[fact] = fact === "limit" && number === 0 ? undefined : number;
  }
}

function signalsOf(found: readonly Found[]): readonly RateSignal[] {
  const signals: RateSignal[] = [];
  for (const { of, windowMs, bare, limit, remaining, resetMs } of found) {
    if (limit === undefined && remaining === undefined) continue;
    const window = bare && resetMs !== undefined ? windowAround(resetMs) : windowMs;
    signals.push({ of, windowMs: window, limit, remaining, resetMs });
  }
  return signals;
}

/** The smallest usual window that a reset this far away fits into. */
function windowAround(resetMs: number): number {
  return resetMs <= minute ? minute : resetMs <= hour ? hour : day;
}

/** Names seen, so that each is taken apart once in a process; bounded, for names come from outside. */
const meanings = new Map<string, Meaning | undefined>();
const maxMeanings = 200;

function meaningOf(name: string): Meaning | undefined {
  if (meanings.has(name)) return meanings.get(name);
  const meaning = readName(name);
  if (meanings.size < maxMeanings) meanings.set(name, meaning);
  return meaning;
}

const family = /^(?:x-|anthropic-)?ratelimit-([a-z-]{1,60})$/;

function readName(name: string): Meaning | undefined {
  const rest = family.exec(name)?.[1];
  if (rest === undefined) return undefined;
  let fact: Fact | undefined;
  let windowMs: number | undefined;
  const dimension: string[] = [];
  for (const word of rest.split("-")) {
    if (word === "limit" || word === "remaining" || word === "reset") fact = word;
    else if (windows.has(word)) windowMs = windows.get(word);
    else if (word !== "per") dimension.push(word);
  }
  const of = dimensions.get(dimension.join("-"));
  if (fact === undefined || of === undefined) return undefined;
  return { fact, of, windowMs, bare: dimension.length === 0 && windowMs === undefined };
}
