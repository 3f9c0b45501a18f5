import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Compiles `src/` to `dist/`: JavaScript and declarations, one of each for each source. */

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const compiler = join(fileURLToPath(import.meta.resolve("typescript/package.json")), "..", "bin", "tsc");

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [compiler, "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });

for (const path of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  if (!path.endsWith(".d.ts")) continue;
  const file = join(dist, path);
  // The compiler rewrites `./x.ts` in code only; in declarations it would name a file that is not in the package.
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(/(["'])(\.{1,2}\/[^"']+)\.ts\1/g, "$1$2.js$1"));
}
