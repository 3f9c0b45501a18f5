import { existsSync, globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const families = { N: 22, L: 17, E: 8, W: 12, C: 31, Z: 18 };

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
  test("lists R1 to R110, R116 to R119 and R127 once each", () => {
    const numbers = [...Array(110).keys(), 115, 116, 117, 118, 126];
    expect(rows.map((row) => row.id)).toEqual(numbers.map((i) => `R${i + 1}`));
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

  test.each(Object.entries(families))(
    "every failure of the family %s is named by a test, or its absence explained",
    (family, count) => {
      const files = globSync("test/**/*.test.ts", { cwd: fileURLToPath(root) });
      const text = files
        .filter((file) => !file.endsWith("requirements.test.ts"))
        .map(read)
        .join("\n");
      const explained = read("docs/requirements.md");
      for (let i = 1; i <= count; i++) {
        const id = new RegExp(`["'\`][^"'\`\\n]*\\b${family}${i}\\b`);
        expect.soft(id.test(text) || explained.includes(`| ${family}${i} |`), `${family}${i}`).toBe(true);
      }
    },
  );
});
