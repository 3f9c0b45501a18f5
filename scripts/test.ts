import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * `npm test` in one word: every check runs even when an earlier one failed, and the last line is
 * `N passed, N failed`, where a failed check other than the tests counts as one failure.
 */

const scratch = mkdtempSync(join(tmpdir(), "trunkline-test-"));
const report = join(scratch, "vitest.json");
const checks: Readonly<Record<string, readonly string[]>> = {
  lint: ["biome", "check", "."],
  types: ["tsc", "--noEmit"],
  unused: ["knip"],
  tests: ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
};

const failed: string[] = [];
for (const [name, [command, ...args]] of Object.entries(checks)) {
  console.log(`\n== ${name}: ${command} ${args.join(" ")}`);
  const started = performance.now();
  // npm puts node_modules/.bin on the path of its scripts.
  const { status, error } = spawnSync(command!, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (error) console.error(error.message);
  if (status !== 0) failed.push(name);
  console.log(`== ${name}: ${status === 0 ? "ok" : "FAILED"}, ${seconds(started)}`);
}

const counts = count(report);
rmSync(scratch, { recursive: true, force: true });
// A run that ends badly without a failed test (a file that cannot be loaded, a stray rejection) still failed.
const testsFailed = failed.includes("tests") ? Math.max(1, counts.failed) : counts.failed;
const others = failed.filter((name) => name !== "tests");
if (failed.length > 0) console.log(`\nfailed: ${failed.join(", ")}`);
console.log(`\n${counts.passed} passed, ${testsFailed + others.length} failed`);
process.exitCode = failed.length > 0 || testsFailed > 0 ? 1 : 0;

function count(file: string): { passed: number; failed: number } {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(file, "utf8"));
    return { passed: numPassedTests, failed: numFailedTests };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
