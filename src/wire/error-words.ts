import type { ErrorCode } from "../core/errors.ts";

/** Words of error bodies, lower case, that say more than a status does. */
const wordsOf: Partial<Record<ErrorCode, readonly string[]>> = {
  quota: [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "enforced_spend_limit_reached",
    "billing_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "payment_required",
  ],
  rate_limit: [
    "rate_limit_exceeded",
    "rate_limit_error",
    "ratelimitreached",
    "too_many_requests",
    "resource_exhausted",
    "slow_down",
  ],
  overloaded: ["overloaded_error", "server_is_overloaded", "service_unavailable_error", "engine_overloaded"],
  context_length: ["context_length_exceeded", "request_too_large", "exceed_context_size_error"],
  content_filter: [
    "content_filter",
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "moderation_blocked",
    "bio_policy",
    "image_content_policy_violation",
  ],
  auth: ["invalid_api_key", "wrong_api_key", "api_key_invalid", "authentication_error", "unauthenticated"],
  permission: ["permission_error", "permission_denied", "unsupported_country_region_territory"],
  not_found: ["model_not_found", "not_found_error", "deploymentnotfound"],
};

export const codeOfWord: ReadonlyMap<string, ErrorCode> = new Map(
  Object.entries(wordsOf).flatMap(([code, words]) => words.map((word) => [word, code as ErrorCode] as const)),
);

/** Words that only stand for a status: they count where the answer itself had none, as in a stream after 200. */
export const statusOfWord: ReadonlyMap<string, number> = new Map([
  ["invalid_request_error", 400],
  ["invalid_argument", 400],
  ["failed_precondition", 400],
  ["badrequesterror", 400],
  ["invalid_prompt", 400],
  ["invalid_image", 400],
  ["invalid_image_format", 400],
  ["invalid_base64_image", 400],
  ["invalid_image_url", 400],
  ["image_too_large", 400],
  ["image_too_small", 400],
  ["image_parse_error", 400],
  ["invalid_image_mode", 400],
  ["image_file_too_large", 400],
  ["unsupported_image_media_type", 400],
  ["empty_image_file", 400],
  ["failed_to_download_image", 400],
  ["image_file_not_found", 400],
  ["authentication_error", 401],
  ["unauthenticated", 401],
  ["billing_error", 402],
  ["permission_error", 403],
  ["permission_denied", 403],
  ["not_found_error", 404],
  ["not_found", 404],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
  ["rate_limit_exceeded", 429],
  ["resource_exhausted", 429],
  ["api_error", 500],
  ["server_error", 500],
  ["internal_error", 500],
  ["internal", 500],
  ["unavailable", 503],
  ["service_unavailable_error", 503],
  ["timeout_error", 504],
  ["deadline_exceeded", 504],
  ["overloaded_error", 529],
]);

/** Statuses whose code is not that of their hundred. */
const codeOfStatus: ReadonlyMap<number, ErrorCode> = new Map([
  [401, "auth"],
  [402, "quota"],
  [403, "permission"],
  [404, "not_found"],
  [408, "server_error"],
  [409, "server_error"],
  [410, "not_found"],
  [413, "context_length"],
  [425, "server_error"],
  [429, "rate_limit"],
  [498, "overloaded"],
  [499, "server_error"],
  [503, "overloaded"],
  [529, "overloaded"],
]);

/** The code of a status alone. A redirect is an address that is not the API's. */
export function codeFor(status: number | undefined): ErrorCode {
  if (status === undefined || status >= 500) return codeOfStatus.get(status ?? 0) ?? "server_error";
  return codeOfStatus.get(status) ?? (status >= 400 ? "bad_request" : "not_found");
}

/** What messages give away where neither word nor status does; each holds only for the codes it may refine. */
export const phrases: readonly {
  readonly code: ErrorCode;
  readonly refines: readonly ErrorCode[];
  readonly says: RegExp;
}[] = [
  {
    code: "quota",
    refines: ["bad_request", "permission", "rate_limit"],
    says: /spend limit|credit balance is too low|insufficient (?:credit|balance|funds)|\blimit: 0\b/i,
  },
  {
    code: "context_length",
    refines: ["bad_request"],
    says: /context (?:length|window|size)|prompt is too long|input token count .{0,80}exceeds|too many tokens/i,
  },
  { code: "auth", refines: ["bad_request"], says: /api key (?:not valid|expired|not found|is invalid)/i },
  {
    code: "content_filter",
    refines: ["bad_request", "permission"],
    says: /content management policy|flagged (?:by|as|for)|requires moderation/i,
  },
  { code: "overloaded", refines: ["server_error"], says: /overloaded|server busy|maximum pending requests/i },
];

/**
 * Names of the protocol. Where a message cannot be shown because it may repeat the prompt, those of them that it
 * mentions still tell what was refused.
 */
export const protocolNames: readonly string[] = [
  "response_format",
  "json_schema",
  "json_object",
  "response_schema",
  "responseSchema",
  "response_mime_type",
  "responseMimeType",
  "output_format",
  "output_config",
  "guided_json",
  "grammar",
  "max_tokens",
  "max_completion_tokens",
  "temperature",
  "top_p",
  "seed",
  "stop",
  "tools",
  "tool_choice",
  "tool_calls",
  "tool_call_id",
  "parallel_tool_calls",
  "stream_options",
  "reasoning_effort",
  "reasoning_content",
  "image_url",
  "developer",
];

/** What to do about a code, in a few words. */
export const advice: Partial<Record<ErrorCode, string>> = {
  auth: "check the API key",
  permission: "check what this key may use",
  quota: "waiting does not help: check credit and limits at the provider",
  not_found: "check the model's name and the baseURL",
  context_length: "shorten the prompt or choose a model with a longer context",
};
