import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { samplesOf } from "./samples.ts";

const root = join(import.meta.dirname, "..", "..");
const doors: Readonly<Record<string, string>> = {
  trunkline: "src/index.ts",
  "trunkline/testing": "src/testing/index.ts",
};

/** Pages about programs: every sample of theirs runs as it stands, on the simulated provider. */
const pages = ["evaluate.md", "programs.md", "state.md"];

test.each(pages)("every sample of docs/%s runs", async (page) => {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-samples-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const samples = samplesOf(await readFile(join(root, "docs", page), "utf8"));
  expect(samples.length).toBeGreaterThan(0);
  const outcomes = await Promise.all(samples.map((sample, i) => runSample(folder, `${i}.ts`, sample)));
  expect(outcomes).toEqual(samples.map(() => ""));
});

/** What a sample says on its error channel; empty when it ends well. */
async function runSample(folder: string, name: string, sample: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, sample.replace(/(?<=from ")trunkline(\/\w+)?(?=")/g, sourceOf));
  const env = {
    ...process.env,
    NODE_NO_WARNINGS: "1",
    MODEL_NAME: "simulated/small",
    TRUNKLINE_CACHE_DIR: join(folder, "cache"),
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [file], { cwd: folder, env, timeout: 30_000 }, (error, _, stderr) =>
      resolve(error === null ? stderr : `${name}: ${error.message}\n${stderr}`),
    );
  });
}

function sourceOf(door: string): string {
  const source = doors[door];
  if (source === undefined) throw new Error(`no source is known for ${door}`);
  return pathToFileURL(join(root, source)).href;
}
