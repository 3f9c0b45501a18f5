import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSync } from "oxc-parser";
import { expect, onTestFinished, test } from "vitest";
import { readTree } from "../architecture/source.ts";
import { samplesOf } from "./samples.ts";

const root = join(import.meta.dirname, "..", "..");
const tree = readTree(join(root, "src"));
const text = (path: string): string => tree.get(path) ?? "";

test("the examples in doc comments compile", async () => {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-comments-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const samples = [...tree.keys()].flatMap(samplesIn);
  expect(samples.length).toBeGreaterThan(10);
  await Promise.all(samples.map(({ name, module }) => writeFile(join(folder, name), module)));
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      noUnusedLocals: false,
      verbatimModuleSyntax: false,
      typeRoots: [join(root, "node_modules", "@types")],
      paths: {
        trunkline: [join(root, "src/index.ts")],
        "trunkline/testing": [join(root, "src/testing/index.ts")],
      },
    },
    include: ["."],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  expect(await compile(folder)).toBe("");
});

/** What the compiler says of a folder; empty when nothing. */
function compile(folder: string): Promise<string> {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, "-p", folder], (_, stdout, stderr) => resolve(stdout + stderr));
  });
}

/** The examples in the comments of one source, as modules that import what they leave to the reader's imagination. */
function samplesIn(path: string): { name: string; module: string }[] {
  const comments = parseSync(path, text(path)).comments.filter(
    ({ type, value }) => type === "Block" && value[0] === "*",
  );
  const samples = comments.flatMap(({ value }) => samplesOf(value.replace(/^[ \t]*\* ?/gm, "")));
  return samples.map((sample, i) => ({
    name: `${path.replace(/\W/g, "-")}-${i}.ts`,
    module: `${headOf(path, sample)}\n${sample}\nexport {};\n`,
  }));
}

/** Names that an example may use as given. */
const given: Readonly<Record<string, string>> = {
  lm: 'import("trunkline").LM',
  other: 'import("trunkline").LM',
  clock: `import("${join(root, "src/core/clock.ts")}").Clock`,
  events: `import("${join(root, "src/events/events.ts")}").Events`,
  // Of a different type in each example that leaves them out.
  ...Object.fromEntries(
    ["client", "driver", "facts", "onDelta", "openai", "origin", "registry"].map((n) => [n, "any"]),
  ),
};

/** Where every exported name is found: of several, the public doors come first. */
const homes = new Map<string, string>();
for (const path of ["index.ts", "testing/index.ts", ...tree.keys()]) {
  for (const name of exportsOf(path)) if (!homes.has(name)) homes.set(name, path);
}

/** Imports and declarations of what an example leaves to the reader: its own file's names first, then any other's. */
function headOf(path: string, sample: string): string {
  const own = new Set(exportsOf(path));
  const lines = [...homes].flatMap(([name, home]) => {
    if (name in given || !isLeftOpen(name, sample)) return [];
    return `import { ${name} } from ${JSON.stringify(join(root, "src", own.has(name) ? path : home))};`;
  });
  const declared = Object.entries(given).filter(([name]) => isLeftOpen(name, sample));
  return [...lines, ...declared.map(([name, type]) => `declare const ${name}: ${type};`)].join("\n");
}

function exportsOf(path: string): string[] {
  const { staticExports } = parseSync(path, text(path)).module;
  return staticExports.flatMap(({ entries }) => entries.map(({ exportName }) => exportName.name ?? ""));
}

/** Whether an example uses a name and neither imports nor declares it. */
function isLeftOpen(name: string, sample: string): boolean {
  const used = new RegExp(`(?<![.\\w"'-])${name}\\b(?!["'])`).test(sample);
  const imported = new RegExp(`import[^;]*\\b${name}\\b[^;]* from`).test(sample);
  const declared = new RegExp(
    `\\b(const|let|class|function|interface|type)\\s+(\\{[^}]*)?\\b${name}\\b`,
  ).test(sample);
  return used && !imported && !declared;
}
