import { show } from "../core/check.ts";
import { type ErrorDetails, isTrunklineError, TrunklineError } from "../core/errors.ts";
import { textOf } from "../core/message.ts";
import type { ChatRequest } from "../core/request.ts";
import { codeOf, unwrap } from "../transport/failure.ts";
import { codeFor } from "../wire/error-words.ts";
import { withoutKeys } from "../wire/without-keys.ts";
import { withFacts } from "./error-facts.ts";

/** What HTTP clients of all kinds hang on the errors they throw. */
interface Foreign {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly statusCode?: unknown;
  readonly response?: { readonly status?: unknown };
  readonly cause?: unknown;
}

/** Node's and undici's words for a connection that failed; true where nothing can have been sent. */
const networkCodes: Readonly<Record<string, boolean>> = {
  ECONNREFUSED: true,
  ENOTFOUND: true,
  EAI_AGAIN: true,
  EHOSTUNREACH: true,
  ENETUNREACH: true,
  EMFILE: true,
  EADDRNOTAVAIL: true,
  UND_ERR_CONNECT_TIMEOUT: true,
  ECONNRESET: false,
  ECONNABORTED: false,
  EPIPE: false,
  ETIMEDOUT: false,
  UND_ERR_SOCKET: false,
  ERR_HTTP2_STREAM_ERROR: false,
  ERR_HTTP2_SESSION_ERROR: false,
  ERR_STREAM_PREMATURE_CLOSE: false,
};

const timeoutCodes: ReadonlySet<unknown> = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

/** Errors that a fault in the driver's own code throws: the same call would throw them again. */
const ownFaults: ReadonlySet<unknown> = new Set(["TypeError", "ReferenceError", "RangeError", "SyntaxError"]);

/**
 * Whatever a driver threw, as an error of the catalogue that names the provider and the model. The foreign error
 * stays as `cause`.
 */
export function ownError(came: unknown, provider: string, request: ChatRequest): TrunklineError {
  // An abort belongs to the caller and stays as it is.
  if (isTrunklineError(came)) {
    return came.code === "aborted" ? came : withFacts(came, { provider, model: request.model });
  }
  const { code, details, what, said } = readable(came, request);
  const message = `${provider} failed${what}: ${said}`;
  return new TrunklineError(code, message, { ...details, provider, model: request.model, cause: came });
}

/** Foreign errors may be anything, getters that throw included; the call must end all the same. */
function readable(came: unknown, request: ChatRequest): Judgement & { readonly said: string } {
  try {
    return { ...judge(came), said: firstLine(came, request) };
  } catch {
    return {
      code: "server_error",
      details: { retryable: false },
      what: "",
      said: "with an error that cannot be read",
    };
  }
}

interface Judgement {
  readonly code: TrunklineError["code"];
  readonly details: ErrorDetails;
  readonly what: string;
}

function judge(came: unknown): Judgement {
  const error = (typeof came === "object" && came !== null ? came : {}) as Foreign;
  const status = [error.status, error.statusCode, error.response?.status].find(isErrorStatus);
  if (status !== undefined) {
    return { code: codeFor(status), details: { status }, what: ` with HTTP ${status}` };
  }
  const code = firstCode(error);
  if (code !== undefined && Object.hasOwn(networkCodes, code)) {
    const details = networkCodes[code] ? { sent: false } : {};
    return { code: "network", details, what: ` with ${code}` };
  }
  if (error.name === "TimeoutError" || timeoutCodes.has(code)) {
    return { code: "timeout", details: { phase: "total" }, what: " with a timeout of its own" };
  }
  const details = ownFaults.has(error.name) ? { retryable: false } : {};
  return { code: "server_error", details, what: "" };
}

const isErrorStatus = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 400 && (value as number) <= 599;

/** fetch hides the reason of its "fetch failed" one or two causes deep. */
function firstCode(error: unknown): string | undefined {
  let at = unwrap(error);
  for (let depth = 0; depth < 4 && typeof at === "object" && at !== null; depth++) {
    const code = codeOf(at);
    if (code !== undefined) return code;
    at = unwrap((at as Foreign).cause);
  }
  return undefined;
}

/** More of a foreign message would be a page, not a reason; the whole of it is with `cause`. */
const longestMessage = 300;

/** The first line of what an error says of itself, without keys and the request's own texts: neither travels in one. */
function firstLine(came: unknown, request: ChatRequest): string {
  let said = came instanceof Error ? `${came.name}: ${came.message}` : `it threw ${show(came)}`;
  for (const { content } of request.messages) {
    const text = textOf(content);
    if (text.length > 3) said = said.replaceAll(text, "[prompt]");
  }
  // Masked before it is cut, so that no half of a secret slips through.
  return withoutKeys(said.split("\n", 1)[0]!.slice(0, 20_000)).slice(0, longestMessage);
}
