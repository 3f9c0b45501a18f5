import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catalogue, isTrunklineError } from "../../src/core/errors.ts";
import { errorFrom } from "../../src/wire/http-error.ts";
import { bytes, factsOf, read } from "./support.ts";

const fail = (status: number, body: unknown = "", headers: Record<string, string> = {}) =>
  errorFrom(factsOf({ status, headers }), typeof body === "string" ? body : JSON.stringify(body));

const openai = (code: string | null, type: string, message = "m", rest: object = {}) => ({
  error: { message, type, param: null, code, ...rest },
});
const google = (code: number, status: string, message = "m", details: unknown[] = []) => ({
  error: { code, message, status, details },
});
const anthropic = (type: string, message = "m") => ({
  type: "error",
  error: { type, message },
  request_id: "req_1",
});

describe("codes by status alone", () => {
  const table: readonly (readonly [number, string, boolean])[] = [
    [400, "bad_request", false],
    [401, "auth", false],
    [402, "quota", false],
    [403, "permission", false],
    [404, "not_found", false],
    [405, "bad_request", false],
    [408, "server_error", true],
    [409, "server_error", true],
    [410, "not_found", false],
    [413, "context_length", false],
    [422, "bad_request", false],
    [425, "server_error", true],
    [429, "rate_limit", true],
    [498, "overloaded", true],
    [500, "server_error", true],
    [502, "server_error", true],
    [503, "overloaded", true],
    [504, "server_error", true],
    [520, "server_error", true],
    [529, "overloaded", true],
    [302, "not_found", false],
  ];
  for (const [status, code, retryable] of table) {
    test(`L7 L8: ${status} is ${code}`, () => {
      const expected = { code, retryable, status, provider: "prov", model: "asked" };
      for (const body of ["", "<html></html>", "text", "{}", { error: {} }, { error: null }]) {
        expect(fail(status, body)).toMatchObject(expected);
      }
    });
  }
});

describe("codes by the body", () => {
  const table: readonly (readonly [string, number, unknown, string])[] = [
    ["OpenAI rate limit", 429, openai("rate_limit_exceeded", "tokens"), "rate_limit"],
    ["OpenAI slow down", 503, openai("slow_down", "requests"), "rate_limit"],
    ["L15: OpenAI quota", 429, openai("insufficient_quota", "insufficient_quota"), "quota"],
    ["L15: OpenAI quota by type", 429, openai(null, "insufficient_quota"), "quota"],
    ["L15: spend limit", 429, openai("organization_spend_limit_exceeded", "rate_limit_error"), "quota"],
    ["L15: credit", 429, openai("credit_balance_exhausted", "x"), "quota"],
    ["L15: Anthropic billing", 402, anthropic("billing_error"), "quota"],
    [
      "L15: Anthropic credit as 400",
      400,
      anthropic("invalid_request_error", "Your credit balance is too low to"),
      "quota",
    ],
    ["OpenAI context", 400, openai("context_length_exceeded", "invalid_request_error"), "context_length"],
    [
      "Anthropic context",
      400,
      anthropic("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
      "context_length",
    ],
    ["Anthropic size", 413, anthropic("request_too_large"), "context_length"],
    [
      "Gemini context",
      400,
      google(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum"),
      "context_length",
    ],
    [
      "vLLM context",
      400,
      { object: "error", message: "This model's maximum context length is 8 tokens", code: 400 },
      "context_length",
    ],
    ["Groq: larger than its rate", 413, openai("rate_limit_exceeded", "tokens"), "context_length"],
    [
      "Azure filter",
      400,
      openai("content_filter", "x", "m", { innererror: { code: "ResponsibleAIPolicyViolation" } }),
      "content_filter",
    ],
    [
      "Azure filter, inner code alone",
      400,
      { error: { innererror: { code: "ResponsibleAIPolicyViolation" } } },
      "content_filter",
    ],
    ["OpenAI policy", 400, openai("content_policy_violation", "x"), "content_filter"],
    [
      "OpenRouter moderation",
      403,
      { error: { code: 403, message: "this model requires moderation and your input was flagged" } },
      "content_filter",
    ],
    ["OpenAI key", 401, openai("invalid_api_key", "invalid_request_error"), "auth"],
    ["Gemini key as 400", 400, google(400, "INVALID_ARGUMENT", "m", [{ reason: "API_KEY_INVALID" }]), "auth"],
    ["Gemini key in words", 400, google(400, "INVALID_ARGUMENT", "API key not valid."), "auth"],
    ["Anthropic permission", 403, anthropic("permission_error"), "permission"],
    ["OpenAI model", 404, openai("model_not_found", "invalid_request_error"), "not_found"],
    ["Azure deployment", 404, openai("DeploymentNotFound", "x"), "not_found"],
    ["Ollama model", 404, { error: "model 'x' not found" }, "not_found"],
    ["Ollama busy", 503, { error: "server busy, maximum pending requests exceeded" }, "overloaded"],
    ["Ollama's type for everything", 503, openai(null, "api_error"), "overloaded"],
    [
      "OpenAI overload as 500",
      500,
      openai(null, "server_error", "The model is currently overloaded"),
      "overloaded",
    ],
    ["Anthropic overload", 529, anthropic("overloaded_error"), "overloaded"],
    [
      "Gemini rate",
      429,
      google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, check your plan and billing"),
      "rate_limit",
    ],
    ["Gemini rate, in a list", 429, [google(429, "RESOURCE_EXHAUSTED")], "rate_limit"],
    [
      "Gemini a day's quota",
      429,
      google(429, "RESOURCE_EXHAUSTED", "m", [{ violations: [{ quotaId: "RequestsPerDayPerProject" }] }]),
      "quota",
    ],
    [
      "Gemini a minute's quota",
      429,
      google(429, "RESOURCE_EXHAUSTED", "m", [{ violations: [{ quotaId: "RequestsPerMinute" }] }]),
      "rate_limit",
    ],
    [
      "Gemini quota of zero",
      429,
      google(429, "RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0, model: x"),
      "quota",
    ],
    ["Gemini unavailable", 503, google(503, "UNAVAILABLE"), "overloaded"],
    ["a gateway's flat body", 404, { statusCode: 404, message: "Resource not found" }, "not_found"],
    ["a framework's detail", 422, { detail: [{ loc: ["body"] }] }, "bad_request"],
  ];
  for (const [title, status, body, code] of table) {
    test(title, () => {
      const error = fail(status, body);
      expect(error).toMatchObject({ code, status });
      expect(error.retryable).toBe(catalogue[error.code].retryable);
    });
  }
});

describe("x-should-retry", () => {
  test("overrides the status", () => {
    expect(fail(429, "", { "x-should-retry": "false" }).retryable).toBe(false);
    expect(fail(400, "", { "x-should-retry": "true" }).retryable).toBe(true);
    expect(fail(500, "", { "x-should-retry": "maybe" }).retryable).toBe(true);
  });
  test("L15: but an empty account stays empty", () => {
    expect(fail(429, openai("insufficient_quota", "x"), { "x-should-retry": "true" }).retryable).toBe(false);
  });
});

describe("facts", () => {
  test("retry hints of headers and bodies", () => {
    expect(fail(429, "", { "retry-after": "2" }).retryAfterMs).toBe(2000);
    expect(fail(503, "", { "retry-after": "0" }).retryAfterMs).toBe(0);
    expect(fail(429, openai(null, "tokens", "Please try again in 6m0s.")).retryAfterMs).toBe(360_000);
    expect(fail(429, [google(429, "RESOURCE_EXHAUSTED", "m", [{ retryDelay: "46s" }])]).retryAfterMs).toBe(
      46_000,
    );
    expect(fail(429).retryAfterMs).toBeUndefined();
  });
  test("no hint where waiting has no meaning", () => {
    expect(fail(400, "", { "retry-after": "2" }).retryAfterMs).toBeUndefined();
  });
  test("request ids, of headers before the body, and only such that look like one", () => {
    expect(fail(500, anthropic("api_error"), { "x-request-id": "h-1" }).requestId).toBe("h-1");
    expect(fail(500, "", { "cf-ray": "8a-FRA" }).requestId).toBe("8a-FRA");
    expect(fail(500, anthropic("api_error")).requestId).toBe("req_1");
    expect(fail(500, "", { "x-request-id": "two words" }).requestId).toBeUndefined();
    expect(fail(500, "", { "x-request-id": "x".repeat(500) }).requestId).toBeUndefined();
  });
});

describe("what a message says", () => {
  const prompt = "my secret prompt";

  test("who, which status, the body's words, and what to do", () => {
    expect(
      fail(401, openai("invalid_api_key", "invalid_request_error", "Incorrect API key: sk-abc")).message,
    ).toBe("prov answered 401 (invalid_api_key, invalid_request_error); check the API key");
  });

  test("limits and names are told in the provider's words", () => {
    expect(fail(429, openai("rate_limit_exceeded", "tokens", "Limit 3,\n used 3.")).message).toBe(
      "prov answered 429 (rate_limit_exceeded, tokens): Limit 3, used 3.",
    );
    expect(fail(400, openai("context_length_exceeded", "x", "maximum is 8 tokens, got 9")).message).toContain(
      "got 9",
    );
  });

  test("what may repeat the prompt is not told, the protocol's names in it are", () => {
    for (const status of [400, 401, 403, 422, 500, 502]) {
      for (const body of [
        openai(null, "x", `cannot read "${prompt}"`),
        { error: `at ${prompt}` },
        { detail: prompt },
        prompt,
        `<html>${prompt}`,
      ]) {
        expect(fail(status, body).message).not.toContain("secret");
      }
    }
    const body = openai(
      "unsupported_parameter",
      "invalid_request_error",
      `Use max_completion_tokens for ${prompt}`,
      { param: "max_tokens" },
    );
    expect(fail(400, body).message).toBe(
      "prov answered 400 (unsupported_parameter, invalid_request_error): about max_tokens, max_completion_tokens",
    );
    expect(fail(400, openai(null, "x", "response_format is not supported", { param: prompt })).message).toBe(
      "prov answered 400 (x): about response_format",
    );
  });

  test("words that are none are not told", () => {
    expect(fail(400, openai(prompt, `${"x".repeat(100)}`)).message).toBe("prov answered 400");
  });

  test("secrets are masked before the text is cut, and it is cut", () => {
    const key = "my-own-key-0123456789";
    const mask = (text: string) => text.replaceAll(key, "[key]");
    const message = `${"x".repeat(190)}${key}${"y".repeat(300)}`;
    const error = errorFrom(factsOf({ status: 429, mask }), JSON.stringify(openai(null, "x", message)));
    expect(error.message).toContain("[key]");
    expect(error.message).not.toContain("my-own");
    expect(error.message.length).toBeLessThan(260);
  });

  test("what looks like a key is masked, whoever's it is", () => {
    const keys = [
      "sk-proj-abcdefghijkl",
      "gsk_abcdefghijkl",
      "AIzaSyA-abcdefghijk",
      "Bearer abc.def-ghi",
      "sk-ab***************xyz",
    ];
    for (const key of keys) {
      expect(fail(429, openai(null, "x", `Limit of key ${key} reached`)).message).toMatch(
        /Limit of key \*\*\* reached/,
      );
    }
  });

  test("pages and texts are named for what they are", () => {
    expect(fail(502, "<!DOCTYPE html><title>x</title>").message).toMatch(
      /502 with an HTML page, which a proxy/,
    );
    expect(fail(404, "404 page not found").message).toMatch(
      /404 with 18 characters that are not JSON; check the model's name/,
    );
    expect(fail(500).message).toBe("prov answered 500 with an empty body");
  });
});

describe("through the reader", () => {
  test("a failing status is the error of its body, however it is cut", () => {
    const body = bytes(JSON.stringify(openai("insufficient_quota", "x")));
    const { error, deltas } = read([body.subarray(0, 5), body.subarray(5)], { status: 429 });
    expect(error).toMatchObject({ code: "quota", status: 429 });
    expect(deltas).toEqual([]);
  });
  test("a failing status with a stream's content-type is still an error", () => {
    const facts = { status: 500, headers: { "content-type": "text/event-stream" } };
    expect(
      read('data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n', facts).error?.code,
    ).toBe("server_error");
  });
  test("no more than an error's worth is read", () => {
    const piece = new Uint8Array(10_000).fill(120);
    const { readings, error } = read(
      Array.from({ length: 50 }, () => piece),
      { status: 500 },
    );
    expect(readings).toEqual([
      "progress",
      "progress",
      "progress",
      "progress",
      "progress",
      "progress",
      "done",
    ]);
    expect(error?.message).toMatch(/with 65536 characters/);
  });
});

test("any status, headers and body give an error of the catalogue, on one bounded line", () => {
  const value = fc.jsonValue({ maxDepth: 3 });
  const error = fc.record(
    {
      message: value,
      type: value,
      code: value,
      status: value,
      param: value,
      details: value,
      metadata: value,
      innererror: value,
    },
    { requiredKeys: [] },
  );
  const body = fc.oneof(
    fc.string(),
    fc.record({ error: fc.oneof(error, value) }).map((v) => JSON.stringify(v)),
    value.map((v) => JSON.stringify(v)),
  );
  const headers = fc.dictionary(
    fc.constantFrom("retry-after", "x-request-id", "x-should-retry", "date"),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.integer({ min: 300, max: 999 }), headers, body, (status, some, text) => {
      const found = fail(status, text, some);
      expect(isTrunklineError(found)).toBe(true);
      expect(found.code in catalogue).toBe(true);
      expect(found.status).toBe(status);
      expect(found.message.length).toBeLessThan(900);
      expect(found.message).not.toMatch(/[\r\n]/);
    }),
    { numRuns: 500 },
  );
});
