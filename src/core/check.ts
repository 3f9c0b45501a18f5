import { TrunklineError } from "./errors.ts";

/** How keys of providers begin. */
const keyLike = /^(sk|gsk|csk|pk|xai|rk|hf|key)[-_]|^AIza|^Bearer /i;

/** A short, safe picture of an option for an error message: never more than a line, never a key. */
export function show(value: unknown): string {
  if (typeof value !== "string") return kind(value);
  if (keyLike.test(value)) return "what looks like a key";
  return value.length > 60 ? kind(value) : JSON.stringify(value);
}

/** What sort of value it is, and nothing of what is in it: for prompts. */
export function kind(value: unknown): string {
  if (typeof value === "string") return `a string of ${value.length} characters`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) {
    const name = Object.getPrototypeOf(value)?.constructor?.name ?? "object";
    return name === "Object"
      ? `an object with the keys ${Object.keys(value).slice(0, 8).join(", ") || "(none)"}`
      : `a ${name}`;
  }
  return String(value);
}

/** The error of a wrong option: it names itself, what was expected and what came. */
export function wrongOption(name: string, expected: string, came: unknown): TrunklineError {
  return new TrunklineError("config", `${name}: expected ${expected}, got ${show(came)}`);
}

/** The error of a wrong question. It is the row's own side, and shows nothing of what was asked. */
export function wrongInput(place: string, expected: string, came: unknown): TrunklineError {
  return new TrunklineError("bad_request", `${place}: expected ${expected}, got ${kind(came)}`, {
    sent: false,
  });
}

/** What is wrong: an option, or the question itself. */
export type Fault = "config" | "bad_request";

/** The error of either. */
export function wrong(fault: Fault, place: string, expected: string, came: unknown): TrunklineError {
  return fault === "config" ? wrongOption(place, expected, came) : wrongInput(place, expected, came);
}

/** A check returns what it expects when the value is wrong, and undefined when it is right. */
export type Check = (value: unknown) => string | undefined;

const number =
  (expected: string, test: (value: number) => boolean): Check =>
  (value) =>
    typeof value === "number" && test(value) ? undefined : expected;

/** The checks that options share. */
export const checks = {
  string: (value: unknown) => (typeof value === "string" ? undefined : "a string"),
  boolean: (value: unknown) => (typeof value === "boolean" ? undefined : "true or false"),
  fn: (value: unknown) => (typeof value === "function" ? undefined : "a function"),
  finite: number("a finite number", Number.isFinite),
  count: number("a whole number of 0 or more", (n) => Number.isSafeInteger(n) && n >= 0),
  positiveCount: number("a whole number of 1 or more", (n) => Number.isSafeInteger(n) && n >= 1),
  /** Milliseconds to wait; Infinity means no limit. */
  duration: number("milliseconds above 0 (Infinity for none)", (n) => n > 0),
  rate: number("a number above 0", (n) => n > 0),
  plainObject: (value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? undefined : "an object",
  signal: (value: unknown) => (value instanceof AbortSignal ? undefined : "an AbortSignal"),
} satisfies Record<string, Check>;

/** A check for one of a few words. */
export function oneOf(...words: readonly string[]): Check {
  const expected = `one of ${words.map((word) => `"${word}"`).join(", ")}`;
  return (value) => (words.includes(value as string) ? undefined : expected);
}

/**
 * Holds `options` against a table of checks. Unknown names are errors too, with the nearest known one: a
 * misspelt option that is silently ignored costs more than a strict constructor.
 */
export function checkOptions(
  owner: string,
  options: unknown,
  table: Readonly<Record<string, Check>>,
  fault: Fault = "config",
): void {
  if (options === undefined) return;
  if (checks.plainObject(options) !== undefined) throw wrong(fault, owner, "an object of options", options);
  for (const [name, value] of Object.entries(options as object)) {
    if (value === undefined) continue;
    const check = Object.hasOwn(table, name) ? table[name] : undefined;
    if (check === undefined) {
      throw new TrunklineError(
        fault,
        `${owner}: unknown option ${show(name)}; ${didYouMean(name, Object.keys(table))}`,
      );
    }
    const expected = check(value);
    if (expected !== undefined) throw wrong(fault, `${owner}: ${name}`, expected, value);
  }
}

/** `did you mean "x"? Known are: a, b, c`, for an unknown name. */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  const list = `known are: ${[...known].sort().join(", ")}`;
  return near === undefined ? list : `did you mean "${near}"? ${list}`;
}

/** The known word within a third of the letters, or none. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const start = word.slice(0, 64).toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(start.length / 3)) + 1;
  for (const candidate of known) {
    const d = distance(start, candidate.toLowerCase());
    if (d < bestDistance) {
      bestDistance = d;
      best = candidate;
    }
  }
  return best;
}

/** Levenshtein's edit distance, one row at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same));
    }
    row = next;
  }
  return row[b.length]!;
}
