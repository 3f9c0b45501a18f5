import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { catalogue, TrunklineError } from "../core/errors.ts";

/** What is known about an answer before its body is read. */
export interface AnswerFacts {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The model that was asked; the answer may name another. */
  readonly model: string;
  readonly provider?: string;
  readonly clock: Pick<Clock, "wall">;
  /** Takes secrets out of a provider's text before it may become part of an error. */
  readonly mask?: (text: string) => string;
}

/** What had happened before an answer turned out to be an error. */
export interface Progress {
  readonly partial?: Completion;
  /** A delta reached a listener: the same call must not run again by itself. */
  readonly delivered?: boolean;
}

/** The error of an answer that is not what the protocol promises, or that ended too early. */
export function brokenAnswer(
  code: "bad_response" | "incomplete" | "content_filter",
  message: string,
  facts: AnswerFacts,
  progress: Progress = {},
): TrunklineError {
  return new TrunklineError(code, `${facts.provider ?? "the provider"}: ${message}`, {
    status: facts.status,
    retryable: catalogue[code].retryable && !progress.delivered,
    ...requestIdOf(facts.headers),
    ...(facts.provider !== undefined && { provider: facts.provider }),
    model: facts.model,
    ...(progress.partial !== undefined && { partial: progress.partial }),
  });
}

const requestIdHeaders = [
  "x-request-id",
  "request-id",
  "apim-request-id",
  "x-amzn-requestid",
  "cf-ray",
] as const;

/** The provider's id of the request, for its support; `inBody` is what an error's body called it. */
export function requestIdOf(headers: AnswerFacts["headers"], inBody?: string): { requestId?: string } {
  const name = requestIdHeaders.find((each) => headers[each]);
  const requestId = name === undefined ? inBody : headers[name];
  return requestId !== undefined && /^[\w.:/=+-]{1,128}$/.test(requestId) ? { requestId } : {};
}
