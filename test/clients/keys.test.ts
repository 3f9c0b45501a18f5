import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
import type { ClientOptions } from "../../src/clients/settings.ts";
import { setUp, testKey, thrown } from "./parts.ts";

const [one, two, three] = ["sk-one-0123456789-AAAA", "sk-two-0123456789-BBBB", "sk-three-012345678-CCCC"];

/** Options of a Client with several keys. */
function several(keys: unknown, more: ClientOptions = {}): ClientOptions {
  return { apiKey: undefined, keys, ...more } as ClientOptions;
}

describe("the keys of a Client", () => {
  test("R40, R81: each list makes a Client of its own, in its own order; one key is apiKey", () => {
    const { config } = setUp();
    const fn = () => one!;
    const lists = [
      [one, two],
      [two, one],
      [one, two, three],
      [one, fn],
      [fn, one],
      [fn, () => one!],
    ];
    const found = lists.map((keys) => config(several(keys)));
    expect(new Set(found.map(({ key }) => key)).size).toBe(lists.length);
    for (const [i, keys] of lists.entries()) expect(config(several([...keys]))).toBe(found[i]);
    expect(config(several([testKey]))).toBe(config());
    expect(found.map(({ accounts }) => accounts.length)).toEqual(lists.map(({ length }) => length));
  });

  test("L12: the account of a key is the same in whatever list it stands", () => {
    const { config } = setUp();
    const [a, b] = config(several([one, two])).accounts;
    expect(config(several([three, two])).accounts[1]).toBe(b);
    expect(config({ apiKey: one }).accounts).toEqual([a]);
    expect(config(several([one, two], { project: "p" })).accounts).not.toContain(a);
    expect(a).not.toBe(b);
  });

  test("Z11, C27: nothing shows more of them than their last letters", () => {
    const { config, registry, lines, logger } = setUp();
    registry.configure({ logger });
    const own = config(several([` ${one}\n`, () => two!, three]));
    const client = registry.get(own);
    expect(registry.list()[0]!.settings).toMatchObject({ keys: ["****AAAA", "a function", "****CCCC"] });
    expect(registry.list()[0]!.settings).not.toHaveProperty("apiKey");
    expect(lines[0]).toContain('keys ["****AAAA","a function","****CCCC"]');
    for (const text of [
      own.key,
      JSON.stringify(own),
      inspect(own),
      lines.join(),
      JSON.stringify(registry.list()),
    ]) {
      expect(text).not.toContain("sk-");
    }
    expect([client.key(0), client.key(2)]).toEqual([one, three]);
  });

  test("Z11: each place rotates by itself, and is renewed by itself after a 401", async () => {
    const { get } = setUp();
    const asked = { a: 0, b: 0 };
    const client = get(several([() => `a${asked.a++}`, two, () => `b${asked.b++}`]));
    expect([await client.key(), client.key(1), await client.key(2)]).toEqual(["a0", two, "b0"]);
    expect(await client.refreshKey("b0", 2)).toBe("b1");
    expect(await client.refreshKey(two!, 1)).toBe(two);
    expect(asked).toEqual({ a: 1, b: 2 });
  });

  test("options go before the environment", () => {
    const { config } = setUp();
    vi.stubEnv("OPENAI_API_KEY", three);
    expect(config(several([one, two])).keys).toEqual([one, two]);
    expect(config(several(undefined)).keys).toEqual([three]);
    vi.unstubAllEnvs();
  });

  test.each<[string, unknown, RegExp]>([
    ["apiKey beside them", [testKey], /keys: apiKey is given as well/],
    ["none", [], /keys: expected a list of 1 to 100 keys, got an array of 0/],
    ["one that is no list", testKey, /keys: expected a list .* got a string of \d+ characters/],
    ["an object", { a: testKey }, /keys: expected a list/],
    ["too many", Array.from({ length: 101 }, (_, i) => `k${i}`), /got an array of 101/],
    [
      "a hole",
      Object.assign([testKey], { 2: one }),
      /keys\[1\]: expected a string or a function, got undefined/,
    ],
    ["a number", [testKey, 7], /keys\[1\]: expected a string or a function, got 7/],
    ["an empty one", [testKey, ""], /keys\[1\]: is empty/],
    ["a blank one", [testKey, " "], /keys\[1\]: is blank/],
    ["the same twice", [testKey, one, ` ${testKey}`], /keys\[2\]: is the same as keys\[0\]/],
    ["one that no header carries", [testKey, "sk-ключ"], /keys\[1\]: character 4 .* cannot be sent/],
  ])("N22: %s is an error that shows nothing of a key", (name, keys, message) => {
    const { config } = setUp();
    const error = thrown(() =>
      config({ ...(name === "apiKey beside them" ? {} : { apiKey: undefined }), keys } as ClientOptions),
    );
    expect(error.code).toBe("config");
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("0123456789");
  });
});
