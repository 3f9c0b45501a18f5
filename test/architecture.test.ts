import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkDoors, checkImports, findLoops, readAll } from "./architecture/check.ts";
import { doors, type Row, rows } from "./architecture/house.ts";
import { readTree } from "./architecture/source.ts";

const root = join(import.meta.dirname, "..");
const sources = readAll(readTree(join(root, "src")));

describe("the house", () => {
  test("imports go down the rows", () => {
    expect(checkImports(sources, rows, "trunkline")).toEqual([]);
  });

  test("no files import each other in a loop, types included", () => {
    expect(findLoops(sources)).toEqual([]);
  });

  test("time, chance, environment, sockets, disk and console are touched in their rooms alone", () => {
    expect(checkDoors(sources, doors)).toEqual([]);
  });

  test("the map in the README names every room and file of src/, and no other", () => {
    const entries = readdirSync(join(root, "src"), { withFileTypes: true });
    const real = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    expect(firstColumn("README.md", "The rooms").sort()).toEqual(real.sort());
  });

  test("the rows in ARCHITECTURE.md are the rows held here, as far as their rooms are built", () => {
    const built = new Set(readdirSync(join(root, "src")));
    const only = (names: readonly string[]): string => names.filter((name) => built.has(name)).join(", ");
    const expected = rows
      .map(({ row, rooms, mayImport }) => ({
        row,
        rooms: only(rooms),
        mayImport: mayImport === "rows below" ? mayImport : only(mayImport) || "nothing",
      }))
      .filter(({ rooms }) => rooms !== "")
      .map(({ row, rooms, mayImport }) => [String(row), rooms, mayImport]);
    expect(tableUnder("ARCHITECTURE.md", "Rooms and rows")).toEqual(expected);
  });
});

describe("the checks themselves", () => {
  const small: readonly Row[] = [
    { row: 2, rooms: ["top"], mayImport: "rows below" },
    { row: 1, rooms: ["left"], mayImport: ["core"] },
    { row: 1, rooms: ["right"], mayImport: ["core"] },
    { row: 0, rooms: ["core"], mayImport: [] },
  ];
  const read = (files: Record<string, string>) => readAll(new Map(Object.entries(files)));
  const imports = (files: Record<string, string>) => checkImports(read(files), small, "trunkline");

  test("allowed imports pass", () => {
    expect(
      imports({
        "top/a.ts": 'import { b } from "../left/b.ts"; import "./c.ts"; import "node:path";',
        "top/c.ts": 'export * from "../core/d.ts";',
        "left/b.ts": 'import type { D } from "../core/d.ts"; export const b = 1;',
        "core/d.ts": "export type D = 1;",
      }),
    ).toEqual([]);
  });

  test.each([
    ["a value", 'import { a } from "../top/a.ts";'],
    ["a type", 'import type { A } from "../top/a.ts";'],
    ["a type in place", 'export type B = import("../top/a.ts").A;'],
    ["a re-export", 'export { a } from "../top/a.ts";'],
    ["everything", 'export * from "../top/a.ts";'],
    ["for its effect", 'import "../top/a.ts";'],
    ["later", 'await import("../top/a.ts");'],
  ])("an import upwards is found: %s", (_, text) => {
    expect(imports({ "core/b.ts": text, "top/a.ts": "" })).toEqual([
      "core/b.ts:1: core may not import top/a.ts",
    ]);
  });

  test("neighbours of one row do not know each other", () => {
    expect(imports({ "left/a.ts": '\nimport "../right/b.ts";', "right/b.ts": "" })).toEqual([
      "left/a.ts:2: left may not import right/b.ts",
    ]);
  });

  test("a room in no row, a file that is not there and the package's own name are found", () => {
    expect(imports({ "attic/a.ts": "" })).toEqual(["attic/a.ts: the room attic is in no row of the house"]);
    expect(imports({ "core/a.ts": 'import "./gone.ts";' })).toEqual([
      "core/a.ts:1: ./gone.ts is no file of src/",
    ]);
    for (const name of ["trunkline", "trunkline/testing", "#core"]) {
      expect(imports({ "core/a.ts": `import "${name}";` })).toEqual([
        `core/a.ts:1: imports the package by its own name (${name})`,
      ]);
    }
  });

  test("loops are found, through types and across rooms", () => {
    const loop = read({
      "core/a.ts": 'import type { B } from "./b.ts";',
      "core/b.ts": 'export * from "../left/c.ts";',
      "left/c.ts": 'export type C = import("../core/a.ts").A;',
    });
    expect(findLoops(loop)).toEqual(["core/a.ts -> core/b.ts -> left/c.ts -> core/a.ts"]);
    expect(findLoops(read({ "core/a.ts": 'import "./a.ts";' }))).toEqual(["core/a.ts -> core/a.ts"]);
    expect(findLoops(read({ "core/a.ts": 'import "./b.ts";', "core/b.ts": "" }))).toEqual([]);
  });

  test.each([
    ["time", "Date.now()"],
    ["time", "const t = Date.now;"],
    ["time", "new Date()"],
    ["time", "performance.now()"],
    ["time", "setTimeout(() => {}, 1)"],
    ["time", "globalThis.setTimeout(() => {}, 1)"],
    ["time", "(globalThis as any)['setTimeout'](() => {}, 1)"],
    ["time", "const later = setInterval;"],
    ["time", 'import { setTimeout } from "node:timers/promises";'],
    ["time", 'import { setTimeout as wait } from "timers/promises";'],
    ["time", "AbortSignal.timeout(5)"],
    ["chance", "Math.random()"],
    ["chance", "const { random } = Math;"],
    ["the environment", "process.env.HOME"],
    ["the environment", 'process["env"]'],
    ["the environment", "const { env } = process;"],
    ["the process", 'process.on("SIGTERM", () => {})'],
    ["the process", "process.exit(1)"],
    ["sockets", 'import { connect } from "node:net";'],
    ["sockets", 'import type { Socket } from "net";'],
    ["sockets", 'import { Client } from "undici";'],
    ["sockets", 'const undici = await import("undici");'],
    ["sockets", 'fetch("https://example.com")'],
    ["the disk", 'import { readFile } from "node:fs/promises";'],
    ["other processes and threads", 'import { Worker } from "node:worker_threads";'],
    ["the console", 'console.log("hello")'],
    ["the console", "const { log } = console;"],
    ["what belongs to the whole process", "undici.setGlobalDispatcher(agent)"],
    ["what belongs to the whole process", 'import { setGlobalDispatcher } from "./x.ts";'],
    ["code made from text", 'new Function("return 1")'],
  ])("%s is found: %s", (name, text) => {
    expect(checkDoors(read({ "core/a.ts": text }), doors).join("\n")).toContain(`touches ${name}`);
  });

  test("look-alikes pass: members, types, keys, comments and dates with an argument", () => {
    const text = `
      import { connect } from "./net.ts";
      // setTimeout(() => console.log(process.env), 1)
      export interface Clock { setTimeout: number; fetch(): void }
      export function f(date: Date, clock: Clock, timer: NodeJS.Timeout): string {
        clock.fetch();
        return date instanceof Date ? String(new Date(5)) + "console.log" + process.platform : Math.max(1, 2) + connect;
      }
      export const table = { console: 1, performance: 2 };
      export class Pool { fetch(): void {} performance = 1; }
      export const shared = (globalThis as Record<symbol, unknown>)[Symbol.for("a.b")];
    `;
    expect(checkDoors(read({ "core/a.ts": text }), doors)).toEqual([]);
  });

  test("a door's own places may use it", () => {
    expect(checkDoors(read({ "core/clock.ts": "Date.now(); Math.random();" }), doors)).toEqual([]);
    expect(checkDoors(read({ "transport/pool.ts": 'import "undici";' }), doors)).toEqual([]);
    expect(checkDoors(read({ "core/clock-two.ts": "Date.now()" }), doors)).toHaveLength(1);
  });
});

/** The rows of the table under a heading, as cells without backticks; the head is left out. */
function tableUnder(file: string, heading: string): string[][] {
  const text = readFileSync(join(root, file), "utf8");
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  const lines = section?.split("\n").filter((line) => line.startsWith("|")) ?? [];
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.replaceAll("`", "").trim()),
  );
}

function firstColumn(file: string, heading: string): string[] {
  return tableUnder(file, heading).map((cells) => cells[0]!);
}
