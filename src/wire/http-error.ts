import { catalogue, type ErrorCode, TrunklineError } from "../core/errors.ts";
import { type AnswerFacts, type Progress, requestIdOf } from "./answer-facts.ts";
import { advice, codeFor, codeOfWord, phrases, protocolNames, statusOfWord } from "./error-words.ts";
import { isObject, memberOf, parseJson, textIn } from "./json-value.ts";
import { retryAfterMs } from "./retry-after.ts";
import { withoutKeys } from "./without-keys.ts";

/**
 * The error of an answer with a failing status. Prompts and keys are never in it: the provider's own message is
 * shown only for codes where it speaks of limits, sizes and names (`shown`), on one line, masked and cut; for
 * all others the body's code, type and parameter stand for it, with those names of the protocol that the message
 * mentions.
 *
 * ```ts
 * errorFrom({ status: 429, headers: { "retry-after": "2" }, model: "m", clock }, '{"error":{"code":"slow_down"}}');
 * // rate_limit, retryAfterMs 2000
 * ```
 */
export function errorFrom(facts: AnswerFacts, body: string): TrunklineError {
  const payload = parseJson(body);
  return isObject(payload) || Array.isArray(payload) || typeof payload === "string"
    ? errorOf(payload, facts)
    : build(noDetails, whatCame(body), facts, {});
}

/** The error that a parsed body, or an event of a stream, stands for, whatever the answer's own status was. */
export function errorOf(payload: unknown, facts: AnswerFacts, progress: Progress = {}): TrunklineError {
  return build(detailsOf(payload), "", facts, progress);
}

/** An error body with its many shapes taken off. */
interface Details {
  /** Lower-case words from code, type, status and reasons. */
  readonly words: readonly string[];
  readonly status: number | undefined;
  readonly message: string;
  readonly param: string | undefined;
  readonly requestId: string | undefined;
  /** The inner error object, where hints may stand. */
  readonly error: unknown;
}

const noDetails: Details = {
  words: [],
  status: undefined,
  message: "",
  param: undefined,
  requestId: undefined,
  error: undefined,
};

function detailsOf(payload: unknown): Details {
  // Google's compatible endpoint wraps its error in a list.
  const outer = Array.isArray(payload) ? payload[0] : payload;
  const error = memberOf(outer, "error") ?? outer;
  if (typeof error === "string") return { ...noDetails, message: error, error };
  if (!isObject(error)) return noDetails;
  const reasons = listOf(error.details).flatMap((each) => [memberOf(each, "reason"), ...dailyQuota(each)]);
  // Anthropic tells a spend limit from a rate limit only there.
  const inner = [memberOf(error.innererror, "code"), memberOf(error.details, "error_code")];
  const words = [error.code, error.type, error.status, ...inner, ...reasons]
    .filter((word): word is string => typeof word === "string" && isWord.test(word))
    .map((word) => word.toLowerCase());
  return {
    words: [...new Set(words)],
    status: asStatus(error.code) ?? asStatus(error.status) ?? asStatus(error.statusCode),
    message: textIn(error.message) ?? textIn(error.detail) ?? "",
    param: textIn(error.param),
    requestId: textIn(memberOf(outer, "request_id")),
    error,
  };
}

const isWord = /^(?!none$|null$|error$)[A-Za-z][\w.-]{0,63}$/i;

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value.slice(0, 20) : []);

/** Google counts a day's quota as a rate limit, but its wait is hours: that is a quota. */
function dailyQuota(detail: unknown): string[] {
  return listOf(memberOf(detail, "violations")).some((each) =>
    /PerDay/i.test(String(memberOf(each, "quotaId"))),
  )
    ? ["insufficient_quota"]
    : [];
}

function asStatus(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : value;
  return Number.isInteger(number) && (number as number) >= 300 && (number as number) < 600
    ? (number as number)
    : undefined;
}

function build(details: Details, came: string, facts: AnswerFacts, progress: Progress): TrunklineError {
  const { headers, provider, clock } = facts;
  const status = facts.status >= 300 ? facts.status : statusIn(details);
  const code = codeOf(details, status);
  const retryable = !progress.delivered && mayRetry(code, headers["x-should-retry"]);
  const retryAfter = retryAfterMs({ headers, error: details.error, clock });
  return new TrunklineError(code, messageOf(code, status, details, came, facts), {
    retryable,
    ...(status !== undefined && { status }),
    ...(retryAfter !== undefined && waitable.has(code) && { retryAfterMs: retryAfter }),
    ...requestIdOf(headers, details.requestId),
    ...(provider !== undefined && { provider }),
    model: facts.model,
    ...(progress.partial !== undefined && { partial: progress.partial }),
  });
}

const waitable: ReadonlySet<ErrorCode> = new Set(["rate_limit", "quota", "overloaded", "server_error"]);

function statusIn(details: Details): number | undefined {
  if (details.status !== undefined) return details.status;
  const word = details.words.find((each) => statusOfWord.has(each));
  return word === undefined ? undefined : statusOfWord.get(word);
}

function codeOf({ words, message }: Details, status: number | undefined): ErrorCode {
  // "Too large for your rate" comes as 413 with a word for rate limits, but no wait makes it smaller.
  const byWord = status === 413 ? undefined : strongest(words);
  const code = byWord ?? codeFor(status);
  const start = message.slice(0, 1000);
  return phrases.find(({ refines, says }) => refines.includes(code) && says.test(start))?.code ?? code;
}

/** A quota among the words settles it: the same body may also speak of rates. */
function strongest(words: readonly string[]): ErrorCode | undefined {
  const codes = words.map((word) => codeOfWord.get(word)).filter((code) => code !== undefined);
  return codes.includes("quota") ? "quota" : codes[0];
}

/** The server's own word counts, but no word of it makes an empty account worth another try. */
function mayRetry(code: ErrorCode, should: string | undefined): boolean {
  if (should === "false" || code === "quota") return false;
  return should === "true" || catalogue[code].retryable;
}

/** Codes whose messages speak of limits, sizes and names, never of what the prompt said. */
const shown: ReadonlySet<ErrorCode> = new Set([
  "rate_limit",
  "quota",
  "overloaded",
  "context_length",
  "not_found",
]);

const longestMessage = 200;

function messageOf(
  code: ErrorCode,
  status: number | undefined,
  details: Details,
  came: string,
  facts: AnswerFacts,
): string {
  const who = facts.provider ?? "the provider";
  const head =
    facts.status >= 300 ? `${who} answered ${status}` : `${who} reported an error${inside(status)}`;
  const words = details.words.length === 0 ? "" : ` (${details.words.slice(0, 4).join(", ")})`;
  const text = shown.has(code) ? safe(details.message, facts.mask) : mentioned(details);
  const todo = advice[code];
  return `${head}${words}${came}${text === "" ? "" : `: ${text}`}${todo === undefined ? "" : `; ${todo}`}`;
}

const inside = (status: number | undefined): string =>
  status === undefined ? " inside its answer" : ` (as status ${status}) inside its answer`;

function safe(message: string, mask: AnswerFacts["mask"]): string {
  // Masked before it is cut, so that no half of a secret slips through.
  const bounded = message.slice(0, 20_000);
  const masked = withoutKeys(mask === undefined ? bounded : mask(bounded));
  const line = masked.replace(/\s+/g, " ").trim();
  return line.length > longestMessage ? `${line.slice(0, longestMessage)}...` : line;
}

function mentioned({ message, param }: Details): string {
  const start = message.slice(0, 2000);
  const names = protocolNames.filter((name) => new RegExp(`\\b${name}\\b`).test(start));
  if (param !== undefined && /^[\w.[\]]{1,64}$/.test(param) && !names.includes(param)) names.unshift(param);
  return names.length === 0 ? "" : `about ${names.slice(0, 5).join(", ")}`;
}

/** What a body that is no JSON looks like, for a message. */
export function whatCame(body: string): string {
  const start = body.slice(0, 1000).trimStart();
  if (start === "") return " with an empty body";
  if (/^<(?:!doctype|html|head|body|\?xml)/i.test(start)) {
    return " with an HTML page, which a proxy or a wrong baseURL may have sent";
  }
  return ` with ${body.length} characters that are not JSON`;
}
