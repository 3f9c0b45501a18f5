import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ChainOfThought, Module, Predict } from "../../src/index.ts";
import { scriptedLM } from "../../src/testing/index.ts";

class Program extends Module {
  extract = new Predict("document -> facts: string[]");
  judge = new ChainOfThought("facts: string[] -> verdict: boolean");
  forward() {}
}

async function newFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-save-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "program.json");
}

test("a program saves itself and loads into another, whose LM stays", async () => {
  const file = await newFile();
  const tuned = new Program().setLM(scriptedLM([], { model: "tuned-on" }));
  tuned.extract.signature = tuned.extract.signature.withInstructions("Only what is certain.");
  tuned.judge.predict.demos = [{ facts: ["it rained"], reasoning: "so", verdict: true }];
  tuned.extract.config = { temperature: 0 };
  await tuned.save(file);
  const lm = scriptedLM([]);
  const fresh = new Program().setLM(lm);
  await fresh.load(file);
  expect(fresh.extract.signature.instructions).toBe("Only what is certain.");
  expect(fresh.judge.predict.demos).toEqual(tuned.judge.predict.demos);
  expect(fresh.extract.config).toEqual({ temperature: 0 });
  expect(fresh.namedPredictors().map(([, predictor]) => predictor.lm)).toEqual([lm, lm]);
});

test("where it came from stays with it: through load, clone and save", async () => {
  const [first, second] = [await newFile(), await newFile()];
  await new Program().save(first, { provenance: { optimizer: "by hand", score: 0.5 } });
  const program = new Program();
  const origin = await program.load(first);
  expect(origin).toMatchObject({ writer: "trunkline", provenance: { optimizer: "by hand", score: 0.5 } });
  await program.clone().save(second);
  expect(JSON.parse(await readFile(second, "utf8")).trunkline.provenance).toEqual({
    optimizer: "by hand",
    score: 0.5,
  });
});

test("a program that differs is left as it was", async () => {
  const file = await newFile();
  await new Predict("a -> b").save(file);
  const program = new Program();
  await expect(program.load(file)).rejects.toMatchObject({ code: "state" });
  expect(program.extract.demos).toEqual([]);
});
