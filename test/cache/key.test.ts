import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { semanticHeaders } from "../../src/cache/headers.ts";
import { type KeyFacts, Keys, scopePrefixes, storedKey } from "../../src/cache/key.ts";
import { type CacheUse, type CallOptions, newRecord } from "../../src/core/call.ts";
import { type ChatRequest, makeEmbedRequest, makeRequest, type Sampling } from "../../src/core/request.ts";
import { ask, Rig } from "./rig.ts";

const plain: CallOptions = {
  deadlineAt: 1000,
  timeout: 1000,
  firstByteTimeout: 1000,
  idleTimeout: 1000,
  queueTimeout: 1000,
  maxQueue: 10,
  maxRetries: 3,
  abandonAfter: 1000,
  priority: "interactive",
  fairnessKey: "",
  prefixSharing: "auto",
  watch: {},
  record: newRecord(0),
  cache: { mode: "use", scope: "" },
};

interface Asked {
  readonly request?: ChatRequest;
  readonly facts?: Partial<KeyFacts>;
  readonly options?: Partial<CallOptions>;
  readonly use?: Partial<CacheUse>;
}

function keyOf({ request = ask(), facts = {}, options = {}, use = {} }: Asked = {}): string | undefined {
  const cache: CacheUse = { mode: "use", scope: "", ...use };
  return new Keys({ identity: "openai https://api.test/v1", ...facts }).of(request, {
    ...plain,
    ...options,
    cache,
  });
}

/** One change for each member of a request, so that a new member without one does not compile. */
const members: { readonly [Name in Exclude<keyof ChatRequest, "embed">]-?: ChatRequest } = {
  model: ask("Say hi.", {}, "other"),
  messages: ask("Say ho."),
  temperature: ask("Say hi.", { temperature: 0 }),
  maxTokens: ask("Say hi.", { maxTokens: 5 }),
  topP: ask("Say hi.", { topP: 0.5 }),
  stop: ask("Say hi.", { stop: ["."] }),
  seed: ask("Say hi.", { seed: 1 }),
  n: ask("Say hi.", { n: 3 }),
  tools: ask("Say hi.", { tools: [{ name: "look", inputSchema: { type: "object" } }] }),
  toolChoice: ask("Say hi.", { toolChoice: "required" }),
  responseFormat: ask("Say hi.", { responseFormat: { type: "json" } }),
  reasoningEffort: ask("Say hi.", { reasoningEffort: "low" }),
  extra: ask("Say hi.", { extra: { user: "u1" } }),
};

describe("what counts", () => {
  test.each(Object.entries(members))("C10: %s is in the key", (_, request) => {
    expect(keyOf({ request })).not.toBe(keyOf());
  });

  test("C10: no two of the members' changes share a key", () => {
    const keys = Object.values(members).map((request) => keyOf({ request }));
    expect(new Set([...keys, keyOf()]).size).toBe(keys.length + 1);
  });

  test("C10: an embed request shares nothing with a question of the same texts", () => {
    const texts = makeEmbedRequest("m", ["Say hi."]);
    const shorter = makeEmbedRequest("m", ["Say hi."], { dimensions: 64 });
    expect(new Set([keyOf(), keyOf({ request: texts }), keyOf({ request: shorter })]).size).toBe(3);
  });

  test("C6: the resolved endpoint is in the key", () => {
    expect(keyOf({ facts: { identity: "openai https://other.test/v1" } })).not.toBe(keyOf());
    expect(keyOf({ facts: { identity: "azure https://api.test/v1" } })).not.toBe(keyOf());
  });

  test("C7: a replica group takes the endpoint's place, and is never taken for an endpoint of that name", () => {
    const here = { use: { replicas: "llama" }, facts: { identity: "vllm http://a" } };
    const there = { use: { replicas: "llama" }, facts: { identity: "vllm http://b" } };
    expect(keyOf(here)).toBe(keyOf(there));
    expect(keyOf(here)).not.toBe(keyOf({ use: { replicas: "other" }, facts: { identity: "vllm http://a" } }));
    expect(keyOf(here)).not.toBe(keyOf({ facts: { identity: "llama" } }));
  });

  test("C8: the scope is in the hash, and in front of it", () => {
    const [a, b] = [keyOf({ use: { scope: "a" } })!, keyOf({ use: { scope: "b" } })!];
    expect(a.split(":")[2]).not.toBe(b.split(":")[2]);
    expect(a.startsWith(scopePrefixes("a")[0]!)).toBe(true);
    expect(b.startsWith(scopePrefixes("a")[0]!)).toBe(false);
  });

  test("C17: a rolloutId has its own key, and a number is not its text", () => {
    const ids = [undefined, 0, 1, "1", "", "a"].map((rolloutId) => keyOf({ options: { rolloutId } }));
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("C11: a header that may change the answer counts, under any spelling of its name", () => {
    const beta = keyOf({ options: { headers: { "Anthropic-Beta": "x" } } });
    expect(beta).not.toBe(keyOf());
    expect(keyOf({ options: { headers: { "anthropic-beta": "x" } } })).toBe(beta);
    expect(keyOf({ options: { headers: { "anthropic-beta": "y" } } })).not.toBe(beta);
    expect(keyOf({ facts: { headers: { "x-tenant": "acme" } } })).not.toBe(keyOf());
  });

  test("C24: the version leads the key, and nameless backends have keys of their own kind", () => {
    expect(keyOf()).toMatch(storedKey);
    expect(keyOf({ facts: { memoryOnly: true } })).toMatch(/^m1:/);
    expect(keyOf({ facts: { memoryOnly: true } })).not.toMatch(storedKey);
  });
});

describe("what does not count", () => {
  test("C11: transport options share a key", () => {
    fc.assert(
      fc.property(
        fc.record({
          deadlineAt: fc.integer(),
          timeout: fc.integer(),
          firstByteTimeout: fc.integer(),
          idleTimeout: fc.integer(),
          queueTimeout: fc.integer(),
          maxQueue: fc.nat(),
          maxRetries: fc.nat(),
          abandonAfter: fc.nat(),
          priority: fc.constantFrom("interactive", "batch"),
          fairnessKey: fc.string(),
          prefixSharing: fc.constantFrom("auto", false, { minTokens: 5 }),
          price: fc.constantFrom(undefined, { input: 1, output: 2 }),
          signal: fc.constantFrom(undefined, new AbortController().signal),
          onDelta: fc.constantFrom(undefined, () => {}),
          prefixMark: fc.constantFrom(undefined, { ends: [1], key: "k" }),
        }),
        (options) => keyOf({ options: options as Partial<CallOptions> }) === keyOf(),
      ),
    );
    expect(keyOf({ use: { ttl: 5, mode: "refresh" } })).toBe(keyOf());
  });

  test.each([
    "traceparent", "tracestate", "baggage", "x-request-id", "X-Request-ID", "x-b3-traceid", "user-agent", "idempotency-key",
    "x-stainless-lang", "accept-encoding",
  ])("C11: the transport header %s", (name) => {
    expect(keyOf({ options: { headers: { [name]: `${Math.random()}` } } })).toBe(keyOf());
  }); // biome-ignore format: a list to read across

  test.each([
    "authorization", "Authorization", "x-api-key", "api-key", "X-Goog-Api-Key", "cookie", "x-auth-token", "proxy-authorization",
    "cf-access-client-secret", "ocp-apim-subscription-key",
  ])("C27: the credential %s is neither in the key nor in its hash", (name) => {
    expect(keyOf({ facts: { headers: { [name]: "sk-secret" } } })).toBe(keyOf());
    expect(semanticHeaders({ [name]: "sk-secret" })).toBeUndefined();
  }); // biome-ignore format: a list to read across

  test("C2: the order of members, at any depth", () => {
    const schema = { type: "object", properties: { a: { type: "string" }, b: { type: "number" } } };
    const turned = { properties: { b: { type: "number" }, a: { type: "string" } }, type: "object" };
    const one = ask("Hi.", {
      temperature: 0,
      tools: [{ name: "t", inputSchema: schema }],
      extra: { x: 1, y: 2 },
    });
    const two = ask("Hi.", {
      extra: { y: 2, x: 1 },
      tools: [{ inputSchema: turned, name: "t" }],
      temperature: 0,
    });
    expect(keyOf({ request: one })).toBe(keyOf({ request: two }));
    const headers = { "x-a": "1", "x-b": "2" };
    const other = { "x-b": "2", "X-A": "1" };
    expect(keyOf({ options: { headers } })).toBe(keyOf({ options: { headers: other } }));
  });

  test("C1: an undefined member is an absent one", () => {
    const request = ask("Hi.", { temperature: undefined, extra: { a: undefined } });
    expect(keyOf({ request })).toBe(keyOf({ request: ask("Hi.", { extra: {} }) }));
  });
});

/** Sampling options of every kind. */
const sampling: fc.Arbitrary<Sampling> = fc.record(
  {
    temperature: fc.constantFrom(0, 0.5, 1),
    maxTokens: fc.integer({ min: 1, max: 3 }),
    topP: fc.constantFrom(0, 1),
    stop: fc.array(fc.constantFrom("a", "b", "a,b"), { maxLength: 2 }),
    seed: fc.integer({ min: 0, max: 2 }),
    n: fc.integer({ min: 1, max: 2 }),
    toolChoice: fc.constantFrom("auto" as const, { tool: "auto" }),
    responseFormat: fc.constantFrom({ type: "json" as const }, { type: "json_schema" as const, schema: {} }),
    extra: fc.dictionary(
      fc.constantFrom("a", "b", "__proto__", "10", "9"),
      fc.constantFrom<unknown>(0, "0", null, [], {}, ""),
      {
        noNullPrototype: true,
      },
    ),
  },
  { requiredKeys: [] },
);
const texts = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.constantFrom("é".normalize("NFC"), "é".normalize("NFD"), "\ud800", "\ud801", "\ufffd"),
  fc.string({ minLength: 45, maxLength: 60 }),
);

describe("every request", () => {
  test("C1, C3, C4: two requests share a key only if they are equal", () => {
    const requests = fc.tuple(fc.array(texts, { minLength: 1, maxLength: 3 }), sampling);
    const make = ([said, options]: [string[], Sampling]): ChatRequest =>
      makeRequest(
        "m",
        said.map((content) => ({ role: "user" as const, content })),
        options,
        {},
      );
    fc.assert(
      fc.property(requests, requests, (a, b) => {
        const equal = tagged(make(a)) === tagged(make(b));
        expect(keyOf({ request: make(a) }) === keyOf({ request: make(b) })).toBe(equal);
      }),
      { numRuns: 500 },
    );
  });

  test("C5: 1 and 1.0 are one number, and so one key; -0 is not 0", () => {
    expect(keyOf({ request: ask("Hi.", { temperature: 1.0 }) })).toBe(
      keyOf({ request: ask("Hi.", { temperature: 1 }) }),
    );
    expect(keyOf({ request: ask("Hi.", { extra: { bias: -0 } }) })).not.toBe(
      keyOf({ request: ask("Hi.", { extra: { bias: 0 } }) }),
    );
  });

  test("a long text cannot pass for the structure around it", () => {
    const filler = "x".repeat(60);
    const one = ask([
      { role: "user", content: `${filler}` },
      { role: "user", content: "b" },
    ]);
    const two = ask([{ role: "user", content: `${filler},"role":"user"},{"content":"b` }]);
    expect(keyOf({ request: one })).not.toBe(keyOf({ request: two }));
  });

  test("bytes of an image are in the key", () => {
    const image = (bytes: number[]) =>
      ask([
        { role: "user", content: [{ type: "image", data: new Uint8Array(bytes), mediaType: "image/png" }] },
      ]);
    expect(keyOf({ request: image([1, 2]) })).toBe(keyOf({ request: image([1, 2]) }));
    expect(keyOf({ request: image([1, 2]) })).not.toBe(keyOf({ request: image([1, 3]) }));
  });
});

test.each<[string, unknown]>([
  ["a function", () => 1],
  ["NaN", Number.NaN],
  ["a BigInt", 1n],
  ["a symbol", Symbol("x")],
])("C1: a request with %s in it is asked and not remembered, and counted", async (_, value) => {
  const rig = new Rig();
  const request = Object.freeze({ ...ask(), extra: { value } });
  expect(keyOf({ request })).toBeUndefined();
  for (let i = 0; i < 2; i++) await rig.get({ request });
  expect(rig.works).toHaveLength(2);
  expect(rig.cache.stats()).toMatchObject({ bypassed: 2, hits: 0, misses: 0, entries: 0 });
});

test("C29: the key is of the request as it was asked, whatever the caller does to it afterwards", async () => {
  const rig = new Rig();
  const messages = [{ role: "user" as const, content: "Say hi." }];
  const request = ask(messages);
  const given = rig.ask({ request });
  messages[0]!.content = "Say ho.";
  rig.works[0]!.answer("hi");
  await given.promise;
  expect((await rig.get({ request: ask("Say hi.") })).text).toBe("hi");
  expect(rig.works).toHaveLength(1);
});

test("docs/cache-key.md names every member of a request, every option that counts and every one that does not", () => {
  const page = readFileSync(new URL("../../docs/cache-key.md", import.meta.url), "utf8");
  const [counts, rest] = page.split("## What does not count") as [string, string];
  for (const name of [...Object.keys(members), "embed", "scope", "replicas", "rolloutId", "headers"]) {
    expect(counts).toContain(`\`${name}\``);
  }
  const optionNames = Object.keys(plain).filter(
    (name) => name !== "cache" && name !== "record" && name !== "watch",
  );
  for (const name of [...optionNames, "signal", "onDelta", "ttl", "apiKey"])
    expect(rest).toContain(`\`${name}\``);
});

/** Equality told by another way than the key's: names sorted, types tagged, code units kept. */
function tagged(value: unknown): string {
  if (typeof value === "string")
    return `"${Array.from({ length: value.length }, (_, i) => value.charCodeAt(i)).join(" ")}"`;
  if (Array.isArray(value)) return `[${value.map(tagged).join()}]`;
  if (typeof value !== "object" || value === null)
    return `${typeof value} ${Object.is(value, -0) ? "-0" : String(value)}`;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${entries
    .map(([name, member]) => `${tagged(name)}=${tagged(member)}`)
    .sort()
    .join(";")}}`;
}
