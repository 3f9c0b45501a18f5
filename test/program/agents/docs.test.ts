import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { samplesOf } from "../../docs/samples.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const urlOf = (path: string): string => JSON.stringify(pathToFileURL(join(root, path)).href);

const border = "-".repeat(20);
const call = (name: string, given: object) => ({ call: name, given });
const next = (name: string, given: object) => ({
  next_thought: "Let me see.",
  next_tool_name: name,
  next_tool_args: given,
});

/** What the model says to each sample that asks one, and what the sample prints of it. */
const scripts: Readonly<
  Record<string, { readonly says: readonly unknown[]; readonly prints: readonly RegExp[] }>
> = {
  "twice 21": {
    says: [call("double", { n: 21 }), "It is 42."],
    prints: [/^It is 42\.$/m, /result: 42/, /^4$/m],
  },
  "Tell me a story": { says: ["Once upon a time."], prints: [/Once upon a time\./] },
  "May I keep a bear": {
    says: [call("lawyer", { message: "A bear?" }), "The law says no.", "You may not."],
    prints: [/^You may not\. \d+$/m],
  },
  "Who wrote Emma": {
    says: [
      next("search", { query: "Emma" }),
      next("finish", {}),
      { reasoning: "r", answer: "Jane Austen", sure: true },
    ],
    prints: [
      /^Jane Austen true$/m,
      /^Let me see\. search Nothing is known about Emma\.$/m,
      /finish Completed\./,
    ],
  },
  "new BestOfN": {
    says: [
      { headline: "x".repeat(50) },
      { headline: "Short" },
      { headline: "y".repeat(50) },
      { headline: "Better" },
    ],
    prints: [/headline: 'Short'/, /headline: 'Better'/],
  },
};

test("the samples of docs/agents.md run", async () => {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-agents-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const samples = samplesOf(await readFile(join(root, "docs", "agents.md"), "utf8"));
  const asked = samples.filter((sample) => sample.includes("getSharedLM()"));
  expect(asked.map((sample) => Object.keys(scripts).filter((mark) => sample.includes(mark)).length)).toEqual(
    asked.map(() => 1),
  );
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await Promise.all(
    samples.map((sample, i) => {
      const script = Object.entries(scripts).find(([mark]) => sample.includes(mark))?.[1];
      return writeFile(join(folder, `sample-${i}.ts`), runnable(sample, script?.says ?? []));
    }),
  );
  // One after another in one process, with a line before each.
  const main = samples
    .map((_, i) => `console.log("${border}"); await import("./sample-${i}.ts");`)
    .join("\n");
  await writeFile(join(folder, "main.ts"), main);
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, "main.ts")], {
    timeout: 60_000,
  });
  const [, ...outputs] = stdout.split(`${border}\n`);
  for (const [i, sample] of samples.entries()) {
    const prints = Object.entries(scripts).find(([mark]) => sample.includes(mark))?.[1].prints ?? [];
    for (const line of prints) expect(outputs[i]).toMatch(line);
    expect(outputs[i] === "").toBe(prints.length === 0);
  }
}, 90_000);

/** A sample whose LM is a scripted one; the steps are texts, fields, or a call of a tool. */
function runnable(sample: string, says: readonly unknown[]): string {
  return `
import { scriptedLM } from ${urlOf("src/testing/scripted-lm.ts")};
import { completion } from ${urlOf("src/index.ts")};
const steps = ${JSON.stringify(says)}.map((step) => step.call === undefined ? step : completion("", {
  toolCalls: [{ id: "c1", name: step.call, arguments: step.given, argumentsText: JSON.stringify(step.given) }],
}));
const sharedLM = scriptedLM(steps);
${sample.replaceAll("getSharedLM()", "sharedLM").replaceAll('from "trunkline"', `from ${urlOf("src/index.ts")}`)}
`;
}
