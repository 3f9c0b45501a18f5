import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linesOf } from "../../src/cache/lines.ts";
import type { Entry } from "../../src/cache/store.ts";
import { completion } from "../../src/core/completion.ts";
import { fakeStore } from "./fake-store.ts";
import { ask, Rig } from "./rig.ts";

async function exported(rig: Rig): Promise<string> {
  let text = "";
  for await (const line of rig.cache.export()) text += line;
  return text;
}

async function filled(): Promise<Rig> {
  const rig = new Rig();
  for (const row of ["a", "b", "é\n\u2028"]) await rig.get({ request: ask(row) }, rig.main, `to ${row}`);
  return rig;
}

describe("export and import", () => {
  test("what one cache exports, another answers from", async () => {
    const text = await exported(await filled());
    expect(text.split("\n")).toHaveLength(4);
    const other = new Rig();
    expect(await other.cache.import(text)).toEqual({ imported: 3, rejected: [] });
    for (const row of ["a", "b", "é\n\u2028"]) {
      expect(await other.get({ request: ask(row) })).toMatchObject({ text: `to ${row}`, cacheHit: true });
    }
    expect(other.works).toHaveLength(0);
  });

  test("the text may come in pieces cut anywhere, as bytes too", async () => {
    const bytes = Buffer.from(await exported(await filled()));
    for (const size of [1, 7, 1_000]) {
      const other = new Rig();
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      expect(await other.cache.import(pieces)).toEqual({ imported: 3, rejected: [] });
    }
  });

  test("a bad line is told by its number, and the rest is imported", async () => {
    const [first, second, third] = (await exported(await filled())).trim().split("\n") as [
      string,
      string,
      string,
    ];
    const cut = JSON.parse(second);
    cut.answer.choices[0].finishReason = "length";
    const bad = [
      "{torn",
      "[]",
      "null",
      second.replace("v1:", "v0:"),
      second.replace('"key"', '"name"'),
      second.replace('"totalTokens":5', '"totalTokens":-5'),
      second.replace('"text"', '"words"'),
      JSON.stringify(cut),
      JSON.stringify({ ...JSON.parse(second), ttl: "soon" }),
      JSON.stringify({ ...JSON.parse(second), storedAt: null }),
      JSON.stringify({ ...JSON.parse(second), answer: { ...JSON.parse(second).answer, choices: [{}] } }),
    ];
    const other = new Rig();
    const { imported, rejected } = await other.cache.import([first, "", ...bad, "\r", third].join("\n"));
    expect(imported).toBe(2);
    expect(rejected.map(({ line }) => line)).toEqual(bad.map((_, i) => i + 3));
    expect(rejected[0]!.reason).toBe("it is not JSON");
    expect(rejected[3]!.reason).toContain("not one of this version");
    expect(rejected[5]!.reason).toContain("usage.totalTokens");
    expect(rejected[7]!.reason).toContain("cut short");
  });

  test.each([[5], [null], [undefined], [{}]])(
    "import(%j) is a config error that says what came",
    async (source) => {
      await expect(new Rig().cache.import(source as never)).rejects.toMatchObject({
        code: "config",
        message: expect.stringMatching(/^cache\.import: expected a text, or its pieces .*, got /),
      });
    },
  );

  test("the bytes of a whole file are a text, too", async () => {
    const bytes = Buffer.from(await exported(await filled()));
    expect(await new Rig().cache.import(bytes)).toEqual({ imported: 3, rejected: [] });
  });

  test.each<[string, Iterable<unknown>]>([
    ["numbers", [1, 2]],
    ["nothing", [null]],
    ["lines read as objects", [{ key: "v1" }]],
  ])("pieces that are %s are a config error", async (_, pieces) => {
    await expect(new Rig().cache.import(pieces as never)).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(/^cache\.import: expected pieces that are texts or bytes, got /),
    });
  });

  test("a source that fails is an error of the cache; what came before is taken, and counted in it", async () => {
    const text = await exported(await filled());
    const other = new Rig();
    const torn = (async function* () {
      yield text;
      throw new Error("ENOENT");
    })();
    await expect(other.cache.import(torn)).rejects.toMatchObject({
      code: "cache",
      message: "cache.import: the source failed after 3 entries: ENOENT",
    });
    expect((await other.get({ request: ask("a") })).cacheHit).toBe(true);
  });

  test("a hostile line changes nothing but itself", async () => {
    const other = new Rig();
    await other.cache.import('{"key":"__proto__","storedAt":0,"answer":{"__proto__":{"polluted":true}}}\n');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(other.cache.stats().entries).toBe(0);
  });

  test("C26: an age and a time to live travel with an answer", async () => {
    const rig = new Rig();
    rig.cache.configure({ ttl: 1_000 });
    await rig.get();
    await rig.clock.advance(600);
    const text = await exported(rig);
    const other = new Rig();
    await other.clock.advance(600);
    await other.cache.import(text);
    await other.clock.advance(399);
    expect((await other.get()).cacheHit).toBe(true);
    await other.clock.advance(1);
    expect((await other.get()).cacheHit).toBe(false);
  });

  test("an imported answer cannot be changed either", async () => {
    const other = new Rig();
    await other.cache.import(await exported(await filled()));
    const hit = await other.get({ request: ask("a") });
    expect(() => Object.assign(hit.choices[0]!.message, { content: "spoilt" })).toThrow(TypeError);
  });

  test("of several tiers, each answer is exported once", async () => {
    const rig = await filled();
    const some = [...(await entriesOf(rig))].slice(0, 2);
    const more = [...some, [`v1:${"0".repeat(16)}:${"1".repeat(64)}`, some[0]![1]] as const];
    const holding = (entries: typeof more) => {
      const byKey = new Map(entries);
      return fakeStore({ get: (key) => byKey.get(key), entries: () => entries });
    };
    rig.cache.configure({ tiers: ["memory", holding(more), holding(some), holding(more)] });
    expect((await exported(rig)).trim().split("\n")).toHaveLength(4);
  });
});

async function entriesOf(rig: Rig) {
  const entries = new Map<string, Entry>();
  for (const line of (await exported(rig)).trim().split("\n")) {
    const { key } = JSON.parse(line);
    entries.set(key, { answer: { ...completion("x"), cacheHit: true }, bytes: 1, givenAt: 0 });
  }
  return entries;
}

test("lines are the same however the text is cut, and one that is too long is told of without being held", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("a", "bb", "", "é", "日本", "x".repeat(12)), { maxLength: 8 }),
      fc.array(fc.nat(40), { maxLength: 8 }),
      async (lines, cuts) => {
        const bytes = Buffer.from(lines.join("\n"));
        const edges = [
          0,
          ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b),
          bytes.length,
        ];
        const pieces = edges.slice(1).map((end, i) => bytes.subarray(edges[i], end));
        const read: (string | undefined)[] = [];
        for await (const { number, text } of linesOf(pieces, 10)) {
          // One that came whole may be a little longer than what is held.
          if (text !== undefined) expect(text).toBe(lines[number - 1]);
          else expect(lines[number - 1]).toBe("x".repeat(12));
          read.push(text);
        }
        expect(read).toHaveLength(lines.filter((line) => line !== "").length);
      },
    ),
  );
});
