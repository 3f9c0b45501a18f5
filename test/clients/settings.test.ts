import { inspect } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Configs, resolveConfig } from "../../src/clients/config.ts";
import { mask } from "../../src/clients/secret.ts";
import type { ClientOptions, ProviderFacts } from "../../src/clients/settings.ts";
import { local, openai, setUp, testKey, thrown } from "./parts.ts";

const resolve = (options: ClientOptions, provider: ProviderFacts = openai) =>
  resolveConfig(provider, options, new Configs());
const failure = (options: ClientOptions, provider?: ProviderFacts) =>
  thrown(() => resolve(options, provider));

beforeEach(() => {
  for (const name of [
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_TIMEOUT",
    "OPENAI_MAX_RETRIES",
    "OPENAI_ORG_ID",
  ]) {
    vi.stubEnv(name, undefined);
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe("the key", () => {
  test("R84: a missing key is a config error that names the variable", () => {
    const error = failure({});
    expect(error.code).toBe("config");
    expect(error.message).toMatch(/OpenAI: no API key; set OPENAI_API_KEY or pass apiKey/);
  });

  test("R6: it comes from the environment; the first variable found wins", () => {
    const gemini = { ...openai, name: "gemini", keyVariables: ["GOOGLE_TEST_KEY", "GEMINI_TEST_KEY"] };
    vi.stubEnv("GEMINI_TEST_KEY", "second");
    expect(resolve({}, gemini).keys[0]).toBe("second");
    vi.stubEnv("GOOGLE_TEST_KEY", "first");
    expect(resolve({}, gemini).keys[0]).toBe("first");
    vi.stubEnv("GOOGLE_TEST_KEY", "  ");
    expect(resolve({}, gemini).keys[0]).toBe("second");
  });

  test('"" is a server that wants none, and needs no variable', () => {
    expect(resolve({ apiKey: "" }).keys[0]).toBe("");
    expect(resolve({}, { ...openai, keyRequired: false }).keys[0]).toBe("");
  });

  test("a blank key is not an absent one", () => {
    expect(failure({ apiKey: " \n" }).message).toMatch(/apiKey: is blank/);
  });

  test("N22: the line break that a file ends with is cut off", () => {
    expect(resolve({ apiKey: `${testKey}\r\n` }).keys[0]).toBe(testKey);
    expect(resolve({ apiKey: `${testKey}\n` }).keys[0]).toBe(resolve({ apiKey: testKey }).keys[0]);
  });

  test("N22: an inner control character is an error that tells the place and nothing of the key", () => {
    const printable = fc.string({
      minLength: 4,
      maxLength: 40,
      unit: fc.constantFrom(..."abcdefXYZ0123456789"),
    });
    const control = fc.constantFrom("\n", "\r", "\0", "\x7f", "\u2028", "\u{1f511}");
    fc.assert(
      fc.property(printable, control, printable, (before, bad, after) => {
        const error = failure({ apiKey: before + bad + after });
        expect(error.code).toBe("config");
        expect(error.message).toContain(`character ${before.length + 1} of `);
        expect(inspect(error)).not.toContain(before);
        expect(inspect(error)).not.toContain(after);
      }),
    );
  });

  test("N22: the same holds for a key from the environment, and the variable is named", () => {
    vi.stubEnv("OPENAI_API_KEY", "sk-first\nsk-second");
    const error = failure({});
    expect(error.message).toMatch(/^OPENAI_API_KEY: character 9 of 18 \(U\+000A\)/);
    expect(inspect(error)).not.toMatch(/sk-/);
  });

  test.each([[42], [{ key: "sk-inner" }], [["sk-inner"]], [null]])(
    "%j is no key, and not shown",
    (apiKey) => {
      const error = failure({ apiKey: apiKey as never });
      expect(error.message).toMatch(/openai: apiKey: expected a string or a function/);
      expect(error.message).not.toContain("sk-inner");
    },
  );
});

describe("the environment", () => {
  test("R85, R86: OPENAI_TIMEOUT in seconds, default 300; OPENAI_MAX_RETRIES, default 3", () => {
    expect(resolve({ apiKey: "k" })).toMatchObject({ timeout: 300_000, maxRetries: 3 });
    vi.stubEnv("OPENAI_TIMEOUT", "12.5");
    vi.stubEnv("OPENAI_MAX_RETRIES", "0");
    expect(resolve({ apiKey: "k" })).toMatchObject({
      timeout: 12_500,
      maxRetries: 0,
      firstByteTimeout: 12_500,
    });
  });

  test("R69, Z13: it is read at each call, and what it said then stays", () => {
    vi.stubEnv("OPENAI_TIMEOUT", "10");
    const configs = new Configs();
    const first = resolveConfig(openai, { apiKey: "k" }, configs);
    vi.stubEnv("OPENAI_TIMEOUT", "20");
    const second = resolveConfig(openai, { apiKey: "k" }, configs);
    expect([first.timeout, second.timeout]).toEqual([10_000, 20_000]);
    expect(first.key).not.toBe(second.key);
    vi.stubEnv("OPENAI_TIMEOUT", "10");
    expect(resolveConfig(openai, { apiKey: "k" }, configs)).toBe(first);
  });

  test("options go before variables", () => {
    vi.stubEnv("OPENAI_API_KEY", "from-environment");
    vi.stubEnv("OPENAI_BASE_URL", "http://from-environment/v1");
    vi.stubEnv("OPENAI_TIMEOUT", "1");
    vi.stubEnv("OPENAI_ORG_ID", "org-environment");
    const own = { apiKey: "own", baseURL: "http://own/v1", timeout: 5, organization: "org-own" };
    const { apiKey, ...rest } = own;
    expect(resolve(own)).toMatchObject({ ...rest, keys: [apiKey] });
    expect(resolve({})).toMatchObject({
      keys: ["from-environment"],
      baseURL: "http://from-environment/v1",
      timeout: 1_000,
      organization: "org-environment",
    });
  });

  test.each([
    ["OPENAI_TIMEOUT", "soon", "seconds above 0"],
    ["OPENAI_TIMEOUT", "0", "seconds above 0"],
    ["OPENAI_TIMEOUT", "-3", "seconds above 0"],
    ["OPENAI_TIMEOUT", "0x10", "seconds above 0"],
    ["OPENAI_MAX_RETRIES", "2.5", "a whole number of 0 or more"],
    ["OPENAI_MAX_RETRIES", "many", "a whole number of 0 or more"],
  ])("%s=%s is an error that says what was expected", (name, value, expected) => {
    vi.stubEnv(name, value);
    const error = failure({ apiKey: "k" });
    expect(error.code).toBe("config");
    expect(error.message).toBe(`${name}: expected ${expected}, got ${JSON.stringify(value)}`);
  });
});

describe("options", () => {
  test.each<[ClientOptions, RegExp]>([
    [{ timeout: 0 }, /openai: timeout: expected milliseconds above 0 .*, got 0/],
    [{ timeout: Number.NaN }, /timeout: expected milliseconds above 0/],
    [{ maxRetries: -1 }, /maxRetries: expected a whole number of 0 or more, got -1/],
    [{ maxParallelRequests: 0 }, /maxParallelRequests: expected a whole number of 1 or more, got 0/],
    [{ connections: 1.5 }, /connections: expected a whole number of 1 or more, got 1.5/],
    [{ protocol: "h3" as never }, /protocol: expected one of "auto", "h1", "h2", got "h3"/],
    [{ requestsPerMinute: 0 }, /requestsPerMinute: expected a number above 0, got 0/],
    [{ timeOut: 5 } as never, /unknown option "timeOut"; did you mean "timeout"\?/],
    [{ proxy: true as never }, /proxy: expected a URL or false, got true/],
    [{ tls: { ca: "/etc/ca.pem" } }, /tls: ca: expected PEM text .* not a path/],
    [{ tls: { cacert: "x" } as never }, /tls: unknown option "cacert"/],
    [{ organization: "org\nx" }, /organization: character 4 of 5/],
  ])("%j: wrong ones name themselves, what came and what was expected", (options, message) => {
    const error = failure({ apiKey: "k", ...options });
    expect(error.code).toBe("config");
    expect(error.message).toMatch(message);
  });

  test("R38: what refines the timeout follows it unless it is set; Infinity is no limit", () => {
    expect(resolve({ apiKey: "k", timeout: 5 })).toMatchObject({ firstByteTimeout: 5, idleTimeout: 5 });
    expect(resolve({ apiKey: "k", timeout: Number.POSITIVE_INFINITY, idleTimeout: 7 })).toMatchObject({
      timeout: Number.POSITIVE_INFINITY,
      firstByteTimeout: Number.POSITIVE_INFINITY,
      idleTimeout: 7,
    });
  });

  test("R7: 2,000 calls in parallel unless said otherwise", () => {
    expect(resolve({ apiKey: "k" }).maxParallelRequests).toBe(2_000);
    expect(resolve({ apiKey: "k", maxParallelRequests: 7 }).maxParallelRequests).toBe(7);
  });
});

describe("baseURL", () => {
  test.each([
    ["https://api.example.com/v1/", "https://api.example.com/v1"],
    ["https://API.example.com:443/v1//", "https://api.example.com/v1"],
    [" http://localhost:11434 ", "http://localhost:11434"],
    ["http://[::1]:80/a/../b", "http://[::1]/b"],
  ])("%s is %s", (given, expected) => {
    expect(resolve({ apiKey: "k", baseURL: given }).baseURL).toBe(expected);
  });

  test.each([
    [
      "localhost:11434/v1",
      /baseURL: expected an address such as https:\/\/host\/v1, got "localhost:11434\/v1"/,
    ],
    ["ftp://host/v1", /expected an address such as/],
    ["", /expected an address such as/],
    ["https://user:secret-word@host/v1", /without a user name or password/],
    ["https://host/v1?key=secret-word", /without a query/],
    ["https://host/v1?", /without a query/],
    ["https://host/v1#secret-word", /without a fragment/],
    ["secret-word", /got a string of 11 characters/],
  ])("%s is refused, with nothing secret in the text", (baseURL, message) => {
    const error = failure({ apiKey: "k", baseURL });
    expect(error.code).toBe("config");
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("secret-word");
  });

  test("R37: a provider without an address says how to give one", () => {
    const azure = {
      ...openai,
      name: "azure",
      label: "Azure",
      baseURL: undefined,
      baseURLVariables: ["AZURE_TEST_BASE"],
    };
    expect(failure({ apiKey: "k" }, azure).message).toBe(
      "Azure: no address; set AZURE_TEST_BASE or pass baseURL",
    );
    vi.stubEnv("AZURE_TEST_BASE", "https://mine.openai.azure.com/openai/v1/");
    expect(resolve({ apiKey: "k" }, azure).baseURL).toBe("https://mine.openai.azure.com/openai/v1");
  });
});

describe("headers", () => {
  test("names are lower case, values trimmed", () => {
    expect({ ...resolve({ apiKey: "k", headers: { "X-Team": " blue " } }).headers }).toEqual({
      "x-team": "blue",
    });
  });

  test.each<[Record<string, string>, RegExp]>([
    [{ "x y": "secret-word" }, /headers: "x y" is not the name of a header/],
    [{ Host: "secret-word" }, /"host" is set by the connection itself/],
    [{ "Content-Length": "1" }, /"content-length" is set by the connection itself/],
    [{ "x-a": "secret-word", "X-A": "secret-word" }, /"x-a" is there twice/],
    [{ "x-a": "secret\nword" }, /"x-a": character 7 of 11 \(U\+000A\) cannot be sent/],
    [{ "x-a": 5 as never }, /"x-a" must be a string, got 5/],
    ["secret-word" as never, /expected an object of strings, got a string/],
  ])("%j is refused, and no value shown", (headers, message) => {
    const error = failure({ apiKey: "k", headers });
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/secret/);
  });

  test("a header called __proto__ is a header", () => {
    const headers = JSON.parse('{"__proto__": "x"}');
    expect(Object.keys(resolve({ apiKey: "k", headers }).headers)).toEqual(["__proto__"]);
  });
});

describe("the snapshot", () => {
  test("Z12: what the caller changes afterwards changes nothing", () => {
    const headers = { "x-team": "blue" };
    const ca = new Uint8Array(Buffer.from("-----BEGIN CERTIFICATE-----"));
    const options = { apiKey: "k", headers, tls: { ca } };
    const configs = new Configs();
    const config = resolveConfig(openai, options, configs);
    const { key } = config;
    headers["x-team"] = "red";
    ca.fill(0);
    expect(config.headers["x-team"]).toBe("blue");
    expect((config.tls!.ca as Uint8Array)[0]).toBe("-".charCodeAt(0));
    expect(config.key).toBe(key);
    expect(resolveConfig(openai, options, configs)).not.toBe(config);
  });

  test("it is frozen all the way down", () => {
    const config = resolve({ apiKey: "k", headers: { a: "b" }, tls: { rejectUnauthorized: false } });
    for (const part of [config, config.headers, config.tls]) expect(Object.isFrozen(part)).toBe(true);
  });

  test("printing or serialising it shows no secret", () => {
    const { localConfig } = setUp();
    const config = resolve({
      apiKey: testKey,
      headers: { authorization: "Bearer header-secret" },
      proxy: "http://user:proxy-secret@proxy:3128",
      tls: { key: "-----BEGIN PRIVATE KEY----- tls-secret" },
    });
    for (const text of [JSON.stringify(config), inspect(config, { depth: 9 }), config.key]) {
      expect(text).not.toMatch(/0123456789|header-secret|proxy-secret|tls-secret/);
    }
    expect(config.toJSON()).toMatchObject({
      apiKey: "****WXYZ",
      headers: { authorization: "****" },
      proxy: "http://proxy:3128",
      tls: { key: "****" },
    });
    expect(config.toJSON()).not.toHaveProperty("organization");
    expect(localConfig(() => "").toJSON()).toMatchObject({ baseURL: "in this process" });
  });

  test("Z14: it cannot be posted to a thread", () => {
    expect(() => structuredClone(resolve({ apiKey: "k" }))).toThrow(/could not be cloned/);
  });

  test("a secret shows its last four characters, a short one none", () => {
    expect(mask("sk-0123456789-abcd")).toBe("****abcd");
    expect(mask("short-key")).toBe("****");
    fc.assert(
      fc.property(fc.string({ maxLength: 15 }), (short) => {
        expect(mask(short)).toBe("****");
      }),
    );
  });
});

test("a Client without connections takes only what means something there", () => {
  const { localConfig } = setUp();
  expect(localConfig(() => "", { maxParallelRequests: 4 })).toMatchObject({
    provider: local.name,
    baseURL: undefined,
    keys: [""],
    maxParallelRequests: 4,
  });
  expect(thrown(() => localConfig(() => "", { baseURL: "http://x" } as never)).message).toMatch(
    /driver: unknown option "baseURL"/,
  );
});
