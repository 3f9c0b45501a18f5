import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Configs, resolveConfig } from "../../src/clients/config.ts";
import type { ClientOptions } from "../../src/clients/settings.ts";
import { openai, setUp, testKey } from "./parts.ts";

const base: ClientOptions = { apiKey: testKey };

/** A way to differ in each thing that makes a Client. */
const differences: Record<string, ClientOptions> = {
  apiKey: { apiKey: "another" },
  "no key": { apiKey: "" },
  baseURL: { baseURL: "https://other.example/v1" },
  path: { baseURL: "https://api.openai.com/v2" },
  organization: { organization: "org" },
  project: { project: "org" },
  headers: { headers: { a: "1" } },
  "header value": { headers: { a: "2" } },
  timeout: { timeout: 1 },
  "no timeout": { timeout: Number.POSITIVE_INFINITY },
  firstByteTimeout: { firstByteTimeout: 1 },
  idleTimeout: { idleTimeout: 1 },
  connectTimeout: { connectTimeout: 1 },
  maxRetries: { maxRetries: 1 },
  maxParallelRequests: { maxParallelRequests: 1 },
  connections: { connections: 1 },
  protocol: { protocol: "h1" },
  requestsPerMinute: { requestsPerMinute: 1 },
  tokensPerMinute: { tokensPerMinute: 1 },
  tls: { tls: { rejectUnauthorized: false } },
  ca: { tls: { ca: "-----BEGIN A" } },
  "ca by another name": { tls: { cert: "-----BEGIN A" } },
  proxy: { proxy: "http://proxy:3128" },
  "proxy password": { proxy: "http://me:pass@proxy:3128" },
};

describe("the key of a Client", () => {
  test("R81: its structure", () => {
    const { config } = setUp();
    const fields = JSON.parse(
      config({ headers: { "X-B": "2", "x-a": "1" }, tls: { ca: "-----BEGIN A" }, connections: 4 }).key,
    );
    expect(fields).toEqual({
      apiKey: expect.stringMatching(/^[\w-]{43}$/),
      baseURL: "https://api.openai.com/v1",
      connections: 4,
      connectTimeout: 10_000,
      firstByteTimeout: 300_000,
      headers: { "x-a": expect.stringMatching(/^[\w-]{43}$/), "x-b": expect.stringMatching(/^[\w-]{43}$/) },
      idleTimeout: 300_000,
      maxParallelRequests: 2_000,
      maxRetries: 3,
      protocol: "auto",
      provider: "openai",
      timeout: 300_000,
      tls: { ca: [expect.stringMatching(/^[\w-]{43}$/)], rejectUnauthorized: true },
    });
  });

  test("R36, R37, R38, R39, R49, R77, R80: every field of a configuration makes another one", () => {
    const { config } = setUp();
    const keys = [base, ...Object.values(differences)].map((options) => config(options).key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("R40, R81: two differences make a third configuration, whichever they are", () => {
    const { config } = setUp();
    const names = Object.keys(differences);
    fc.assert(
      fc.property(fc.subarray(names), fc.subarray(names), (some, others) => {
        const merge = (chosen: string[]): ClientOptions =>
          Object.assign({}, ...chosen.map((name) => differences[name]));
        const [one, other] = [config(merge(some)), config(merge(others))];
        const plain = (options: ClientOptions) =>
          JSON.stringify(Object.entries({ ...base, ...options }).sort());
        expect(one === other).toBe(plain(merge(some)) === plain(merge(others)));
        expect(one.key === other.key).toBe(one === other);
      }),
    );
  });

  test("the order in which members were written never matters, at any depth", () => {
    const { config } = setUp();
    const shuffled = (members: [string, unknown][], order: number[]) =>
      Object.fromEntries(
        members
          .map((member, i) => [order[i] ?? i, member] as const)
          .sort((a, b) => a[0] - b[0])
          .map(([, m]) => m),
      );
    const headers = fc.dictionary(fc.stringMatching(/^[a-z][a-z-]{0,6}$/), fc.constantFrom("1", "2"), {
      maxKeys: 6,
    });
    const order = fc.array(fc.nat(100), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(headers, order, order, (given, order, inner) => {
        const reserved = new Set(["te", "host", "expect", "trailer", "upgrade"]);
        const clean = Object.fromEntries(Object.entries(given).filter(([name]) => !reserved.has(name)));
        const options = {
          ...base,
          headers: clean,
          timeout: 5,
          tls: { rejectUnauthorized: true, ca: "-----BEGIN A" },
        };
        const mixed = shuffled(
          Object.entries({
            ...options,
            headers: shuffled(
              Object.entries(clean).map(([name, value]) => [name.toUpperCase(), value]),
              inner,
            ),
            tls: shuffled(Object.entries(options.tls), inner),
          }),
          order,
        );
        expect(config(mixed)).toBe(config(options));
      }),
    );
  });

  test("what is left out is what its default says", () => {
    const { config } = setUp();
    expect(config({ timeout: 300_000, maxRetries: 3, protocol: "auto", tls: undefined, headers: {} })).toBe(
      config(),
    );
    expect(config({ baseURL: "https://API.openai.com:443/v1/" })).toBe(config());
    expect(config({ timeout: 10 })).toBe(config({ timeout: 10, idleTimeout: 10 }));
  });

  test("key functions count by reference", () => {
    const { config } = setUp();
    const [one, other] = [() => "k", () => "k"];
    expect(config({ apiKey: one })).toBe(config({ apiKey: one }));
    expect(config({ apiKey: one }).key).not.toBe(config({ apiKey: other }).key);
  });

  test("a backend in this process counts by reference", () => {
    const { localConfig } = setUp();
    const [one, other] = [() => "", () => ""];
    expect(localConfig(one)).toBe(localConfig(one));
    expect(localConfig(one).key).not.toBe(localConfig(other).key);
    expect(localConfig(one).key).not.toBe(localConfig(one, { maxParallelRequests: 3 }).key);
  });

  test("the secret is in it as a keyed hash: another process has another key for it", () => {
    const [here, there] = [new Configs(), new Configs()].map((configs) =>
      resolveConfig(openai, base, configs),
    );
    expect(here!.key).not.toBe(there!.key);
    expect(here!.key).not.toContain("WXYZ");
  });
});

describe("the account", () => {
  test("configurations that differ in policy only share it", () => {
    const { config } = setUp();
    const account = config().accounts[0];
    for (const name of [
      "timeout",
      "headers",
      "maxRetries",
      "maxParallelRequests",
      "protocol",
      "proxy",
      "baseURL",
    ]) {
      expect(config(differences[name]).accounts[0], name).toBe(account);
    }
  });

  test("key, organization and project each make another", () => {
    const { config, localConfig } = setUp();
    const fn = () => "k";
    const accounts = [
      config(),
      config({ apiKey: "another" }),
      config({ apiKey: "" }),
      config({ apiKey: fn }),
      config({ organization: "x" }),
      config({ project: "x" }),
      localConfig(() => ""),
      localConfig(() => ""),
    ].map(({ accounts: [account] }) => account);
    expect(new Set(accounts).size).toBe(accounts.length);
    expect(config({ apiKey: fn, timeout: 1 }).accounts[0]).toBe(accounts[3]);
    expect(accounts.join()).not.toContain(testKey);
  });
});

describe("interning", () => {
  test("R31: equal options give the same object, so that 100,000 LMs hold references only", () => {
    const { config } = setUp();
    const first = config({ headers: { a: "1" } });
    for (let i = 0; i < 1_000; i++) expect(config({ headers: { a: "1" } })).toBe(first);
  });

  test("it is bounded: the one not asked for longest is let go, and its key stays what it was", () => {
    const configs = new Configs();
    const at = (timeout: number) => resolveConfig(openai, { ...base, timeout }, configs);
    const [first, second, third] = [at(1), at(2), at(3)];
    for (let i = 4; i <= 4_096; i++) at(i);
    expect(at(1)).toBe(first);
    at(4_097);
    expect(at(1)).toBe(first);
    expect(at(3)).toBe(third);
    expect(at(2)).not.toBe(second);
    expect(at(2).key).toBe(second.key);
  });
});
