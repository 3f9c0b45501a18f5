import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Bench, BenchResult } from "./lib/bench.ts";
import { print } from "./lib/table.ts";

/**
 * Runs the benchmarks, prints a table of each and writes `bench/results/<name>.json`:
 *
 *     npm run bench [-- name ...] [--quick] [--json]
 *
 * The name of a group, such as `programs`, stands for all that are in it.
 */

const names = [
  "sockets",
  "overhead",
  "prefix",
  "agents",
  "programs/call",
  "programs/peers",
  "programs/types",
  "programs/agents",
  "programs/rows",
  "cache",
  "duplicates",
];
const here = import.meta.dirname;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean" }, json: { type: "boolean" }, built: { type: "boolean" } },
});
const inGroup = (group: string): string[] =>
  names.filter((name) => name === group || name.startsWith(`${group}/`));
const unknown = positionals.filter((name) => inGroup(name).length === 0);
if (unknown.length > 0) {
  console.error(`no benchmark called ${unknown.join(", ")}; there are ${names.join(", ")}`);
  process.exit(2);
}

const { quick = false, json = false, built = false } = values;
const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

if (!existsSync(join(here, "node_modules"))) {
  say("installing the peers in bench/ ...");
  execFileSync("npm", ["ci", "--ignore-scripts"], { cwd: here, stdio: ["ignore", 2, 2] });
}
if (!built) execFileSync("npm", ["run", "build"], { cwd: join(here, ".."), stdio: ["ignore", "ignore", 2] });

const machine = {
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
  cores: cpus().length,
};
const results: Record<string, BenchResult> = {};
for (const name of positionals.length > 0 ? positionals.flatMap(inGroup) : names) {
  const { bench } = (await import(`./${name}/bench.ts`)) as { bench: Bench };
  const started = performance.now();
  const result = await bench.run({ quick, say: (text) => say(`${name}: ${text}`) });
  const seconds = Math.round((performance.now() - started) / 1_000);
  results[name] = result;
  mkdirSync(join(here, "results"), { recursive: true });
  const file = { name, title: bench.title, at: new Date().toISOString(), quick, seconds, machine, ...result };
  writeFileSync(
    join(here, "results", `${name.replace("/", "-")}.json`),
    `${JSON.stringify(file, undefined, 2)}\n`,
  );
  if (!json) console.log(`\n${report(bench.title, result, seconds)}`);
}
if (json) console.log(JSON.stringify({ machine, quick, results }));

function report(title: string, { tables, targets }: BenchResult, seconds: number): string {
  const reached = {
    title: "Targets",
    head: ["what", "wanted", "reached", ""],
    rows: targets.map(({ what, wanted, reached, ok }) => [what, wanted, reached, ok ? "met" : "MISSED"]),
  };
  const parts = [...tables, ...(targets.length > 0 ? [reached] : [])].map(print);
  return [`== ${title} (${seconds} s, Node ${machine.node}, ${machine.cores} cores)`, ...parts].join("\n\n");
}
