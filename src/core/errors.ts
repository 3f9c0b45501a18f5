import type { Completion } from "./answer.ts";

/**
 * Whose fault a code is. The row's own fails that row and the rest goes on; the provider's stops a run;
 * nobody's is an abort.
 */
export type Side = "row" | "provider" | "nobody";

interface CodeFacts {
  readonly side: Side;
  /** Whether the same request may succeed a little later, when the error itself does not say. */
  readonly retryable: boolean;
  readonly meaning: string;
}

/** Every way to fail. `docs/errors.md` shows the same table; a test holds the two equal. */
export const catalogue = {
  config: { side: "provider", retryable: false, meaning: "an option or setting is missing or wrong" },
  auth: { side: "provider", retryable: false, meaning: "the provider does not accept the key" },
  permission: { side: "provider", retryable: false, meaning: "the key may not do this" },
  not_found: { side: "provider", retryable: false, meaning: "no such model, deployment or address" },
  bad_request: { side: "row", retryable: false, meaning: "the provider or the driver refuses this request" },
  context_length: { side: "row", retryable: false, meaning: "the prompt does not fit the model" },
  content_filter: { side: "row", retryable: false, meaning: "the provider's filter withheld the answer" },
  rate_limit: { side: "provider", retryable: true, meaning: "too many requests or tokens for now" },
  quota: { side: "provider", retryable: false, meaning: "credit or quota is used up; waiting does not help" },
  overloaded: { side: "provider", retryable: true, meaning: "the provider is overloaded" },
  server_error: { side: "provider", retryable: true, meaning: "the provider failed" },
  network: { side: "provider", retryable: true, meaning: "the connection failed or broke" },
  timeout: { side: "row", retryable: true, meaning: "a deadline passed; `phase` says which" },
  aborted: { side: "nobody", retryable: false, meaning: "the caller aborted" },
  queue_full: { side: "row", retryable: true, meaning: "too many calls are waiting already" },
  closed: { side: "provider", retryable: false, meaning: "the client was closed" },
  bad_response: { side: "row", retryable: false, meaning: "the answer is not what the protocol promises" },
  incomplete: { side: "row", retryable: true, meaning: "the answer ended before it was complete" },
  parse: { side: "row", retryable: false, meaning: "the model's text does not fit the signature" },
  signature: { side: "row", retryable: false, meaning: "a signature, or an input for one, is wrong" },
  metric: { side: "row", retryable: false, meaning: "a metric failed or returned no usable score" },
  tool: { side: "row", retryable: false, meaning: "a tool is unusable or failed beyond repair" },
  budget: { side: "provider", retryable: false, meaning: "the budget is used up" },
  state: { side: "provider", retryable: false, meaning: "a saved program or a results file does not fit" },
  cache: { side: "provider", retryable: false, meaning: "the cache was asked for something it cannot do" },
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof catalogue;

/** Which wait a `timeout` ended. */
export type TimeoutPhase = "queue" | "connect" | "first_byte" | "idle" | "total";

export interface ErrorDetails {
  cause?: unknown;
  /** Overrides the catalogue's default. */
  retryable?: boolean;
  /** HTTP status, or the status an error body stands for. */
  status?: number;
  /** How long the provider asked to wait. */
  retryAfterMs?: number;
  /** The provider's id of the request, for its support. */
  requestId?: string;
  provider?: string;
  model?: string;
  phase?: TimeoutPhase;
  /** What had arrived before the failure. */
  partial?: Completion;
  /** The model's text that could not be read, as it came. Loggers that go through an error's members do not see it. */
  answer?: string;
  /** The finished rows of a run that was stopped. */
  rows?: readonly unknown[];
  /** How many rows of a stopped run were finished. */
  done?: number;
  /** False when it is certain that nothing reached the provider, so trying again can never pay twice. */
  sent?: boolean;
}

const brand = Symbol.for("trunkline.error");

/**
 * The one error of trunkline. Match on `code`, not on the message.
 *
 * ```ts
 * try {
 *   await lm.call("Say hi.");
 * } catch (error) {
 *   if (isTrunklineError(error) && error.code === "rate_limit") console.log(error.retryAfterMs);
 * }
 * ```
 */
export class TrunklineError extends Error {
  readonly code: ErrorCode;
  /** Whether the same call may succeed a little later. */
  readonly retryable: boolean;
  declare readonly status?: number;
  declare readonly retryAfterMs?: number;
  declare readonly requestId?: string;
  declare readonly provider?: string;
  declare readonly model?: string;
  declare readonly phase?: TimeoutPhase;
  declare readonly partial?: Completion;
  declare readonly answer?: string;
  declare readonly rows?: readonly unknown[];
  declare readonly done?: number;
  declare readonly sent?: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    const { cause, retryable, answer, ...facts } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TrunklineError";
    this.code = code;
    this.retryable = retryable ?? factsOf(code)?.retryable ?? false;
    Object.assign(this, facts);
    if (answer !== undefined) Object.defineProperty(this, "answer", { value: answer });
    Object.defineProperty(this, brand, { value: true });
  }

  /** True for errors of any copy of the package in this process. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isTrunklineError(value);
  }
}

/** Whether `value` is a TrunklineError, of this or of another copy of the package. */
export function isTrunklineError(value: unknown): value is TrunklineError {
  try {
    return typeof value === "object" && value !== null && brand in value;
  } catch {
    // A proxy that was revoked, say: anything can be thrown.
    return false;
  }
}

/** Undefined for a code of a newer copy of the package. */
function factsOf(code: ErrorCode): CodeFacts | undefined {
  return Object.hasOwn(catalogue, code) ? catalogue[code] : undefined;
}

/** Whose side an error is on. An error of no known code is the row's own: its program threw it. */
export function sideOf(error: unknown): Side {
  if (!isTrunklineError(error)) return "row";
  if (error.code === "timeout" && (error.phase === "queue" || error.phase === "connect")) return "provider";
  return factsOf(error.code)?.side ?? "row";
}
