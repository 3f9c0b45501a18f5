import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");

test.each([
  ["TypeScript 7", "typescript"],
  ["TypeScript 5.9", "typescript-5"],
])(
  "R21: programs are typed by their signatures and by forward, under %s",
  async (_, compiler) => {
    const folder = await mkdtemp(join(tmpdir(), "trunkline-program-types-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const config = {
      extends: join(root, "tsconfig.json"),
      compilerOptions: { typeRoots: [join(root, "node_modules/@types")], skipLibCheck: true },
      include: [join(root, "test/program/types.ts")],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    expect(await compile(compiler, folder)).toBe("");
  },
  120_000,
);

/** What a compiler says of a folder; empty when nothing. */
function compile(compiler: string, folder: string): Promise<string> {
  const tsc = join(root, "node_modules", compiler, "bin", "tsc");
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, "-p", folder], (_, stdout, stderr) => resolve(stdout + stderr));
  });
}
