import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const files = [
  "test/program/design.ts",
  "test/program/types.ts",
  "test/program/agents/types.ts",
  "test/evaluate/types.ts",
  "test/signature/table.ts",
];
let folder: string;

/** The declarations that users get, once for both compilers, and the files that use them beside. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trunkline-program-types-"));
  const build = ["-p", join(root, "tsconfig.build.json"), "--emitDeclarationOnly"];
  await compile("typescript", [...build, "--outDir", join(folder, "src")]);
  for (const file of files) await cp(join(root, file), join(folder, file));
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { skipLibCheck: true },
    include: ["test"],
  };
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ["TypeScript 7", "typescript"],
  ["TypeScript 5.9", "typescript-5"],
])(
  "R21: programs are typed by their signatures and by forward, and so is what measures them, under %s",
  async (_, compiler) => {
    expect(await compile(compiler, ["-p", folder])).toBe("");
  },
  60_000,
);

/** What a compiler says; empty when nothing. */
function compile(compiler: string, args: readonly string[]): Promise<string> {
  const tsc = join(root, "node_modules", compiler, "bin", "tsc");
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, ...args], (_, stdout, stderr) => resolve(stdout + stderr));
  });
}
