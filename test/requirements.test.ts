import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const root = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

const rows = read("docs/requirements.md")
  .split("\n")
  .map((line) => /^\| (R\d+) \| (.+?) \| (.*) \|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, id, requirement, shown]) => ({ id: id!, requirement: requirement!, shown: shown! }));
const byId = new Map(rows.map((row) => [row.id, row]));

/** Whether a test file has a title that names `id`. */
const names = (file: string, id: string): boolean =>
  new RegExp(`["'\`][^"'\`\\n]*\\b${id}\\b[^\\n]*`).test(read(file));

describe("docs/requirements.md", () => {
  test("lists R1 to R96 once each", () => {
    expect(rows.map((row) => row.id)).toEqual(Array.from({ length: 96 }, (_, i) => `R${i + 1}`));
  });

  test.each(rows)("$id: $requirement", ({ id, requirement, shown }) => {
    const twin = /^= (R\d+)$/.exec(requirement)?.[1];
    if (twin !== undefined) {
      expect(byId.get(twin)?.requirement).not.toMatch(/^= /);
      return;
    }
    expect(shown).not.toBe("");
    if (/^(later|not needed)|^JavaScript/.test(shown)) return;
    const subject = /\(= (R\d+)\)/.exec(shown)?.[1] ?? id;
    const files = shown.match(/test\/[\w/.-]+\.test\.ts/g) ?? [];
    for (const file of files) expect.soft(names(file, subject), `${file} names ${subject}`).toBe(true);
    for (const [, page] of shown.matchAll(/(docs\/[\w/.-]+\.md)/g))
      expect(existsSync(new URL(page!, root))).toBe(true);
    for (const [, bench] of shown.matchAll(/npm run bench -- (\w+)/g)) {
      expect(existsSync(new URL(`bench/${bench}`, root))).toBe(true);
    }
  });
});
