import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Module } from "../../../src/program/module.ts";
import { applyState, type Origin, stateOf } from "../../../src/program/state.ts";
import { loadState, saveState } from "../../../src/program/state-file.ts";
import { programs, TwoStepsInCamelCase } from "./programs.ts";

const fixtures = join(import.meta.dirname, "..", "..", "fixtures", "dspy");
const versions = ["2.6.27", "3.0.4", "3.4.1"] as const;
const names = Object.keys(programs) as (keyof typeof programs)[];
/** DSPy left a part of this one out of its file. */
const partial = (name: string): { partial: boolean } => ({ partial: name === "frozen" });

interface DSPyPart {
  readonly demos: readonly Readonly<Record<string, unknown>>[];
  readonly signature: { readonly instructions: string; readonly fields: readonly { description: string }[] };
  readonly lm: unknown;
}

async function readFixture(path: string): Promise<Record<string, DSPyPart>> {
  const { metadata: _, trunkline: __, ...parts } = JSON.parse(await readFile(join(fixtures, path), "utf8"));
  return "signature" in parts ? { self: parts } : parts;
}

async function loaded(
  name: keyof typeof programs,
  version: string,
): Promise<{ program: Module; origin: Origin }> {
  const program = programs[name]();
  const origin = await loadState(program, join(fixtures, version, `${name}.json`), partial(name));
  return { program, origin };
}

async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-state-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A Python that has DSPy; `.ci/run` sees to it. */
const python = process.env.TRUNKLINE_DSPY_PYTHON;
const needsPython =
  python === undefined
    ? " (skipped: TRUNKLINE_DSPY_PYTHON names no Python with DSPy; see scripts/dspy-python.sh)"
    : "";

async function runPython(cache: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, DSPY_CACHEDIR: cache, PYTHONDONTWRITEBYTECODE: "1" };
  return (await promisify(execFile)(python!, args, { env })).stdout;
}

describe.each(versions)("a file of DSPy %s", (version) => {
  test("there is one for every program", async () => {
    const there = await readdir(join(fixtures, version));
    expect(there.sort()).toEqual([...names.map((name) => `${name}.json`)].sort());
  });

  test.each(names)("%s: instructions, descriptions and demos arrive", async (name) => {
    const { program, origin } = await loaded(name, version);
    const saved = await readFixture(`${version}/${name}.json`);
    const predictors = new Map(program.namedPredictors());
    for (const [at, { signature, demos }] of Object.entries(saved)) {
      const predictor = predictors.get(at)!;
      const fields = [...predictor.signature.inputs, ...predictor.signature.outputs];
      expect(predictor.signature.instructions).toBe(signature.instructions);
      expect(fields.map((field) => field.description ?? `\${${field.name}}`)).toEqual(
        signature.fields.map(({ description }) => description),
      );
      const left = origin.leftOut[at] ?? [];
      const kept = demos.map((demo) =>
        Object.fromEntries(Object.entries(demo).filter(([key]) => !left.includes(key))),
      );
      if (name !== "media") expect(predictor.demos).toEqual(kept.filter((demo) => hasField(demo, fields)));
    }
    expect(origin.writer).toBe("dspy");
    expect(origin.provenance.writtenWith).toMatchObject({ dspy: version });
  });

  test("pictures in demos are pictures again", async () => {
    const { program } = await loaded("media", version);
    const [first, second] = program.namedPredictors()[0]![1].demos;
    expect(first!.photo).toEqual({
      type: "image",
      mediaType: "image/png",
      data: expect.stringMatching(/^iVBORw0KGgo/),
    });
    expect(second).toEqual({
      photo: { type: "image", url: "https://example.com/cat.png" },
      caption: "a cat",
      augmented: true,
    });
  });

  test("P27: of an LM only the model's name is taken, and no key, header or address is written again", async () => {
    const { program, origin } = await loaded("with-lm", version);
    expect(origin.models).toEqual({ predict: "openai/gpt-4o-mini" });
    expect(program.namedPredictors()[0]![1].lm).toBeUndefined();
    const text = JSON.stringify([stateOf(program, origin), origin]);
    expect(text).toContain('"model":"openai/gpt-4o-mini"');
    expect(text).not.toMatch(
      /sk-fixture|fixture-header-secret|fixture-aws-secret|llm\.example\.com|gpt-4o-mini.*temperature/,
    );
  });

  test("names in snake_case fit names in camelCase, of predictors and of demos", async () => {
    const program = new TwoStepsInCamelCase();
    await loadState(program, join(fixtures, version, "two-steps.json"));
    expect(program.generateQuery.demos).toHaveLength(3);
    expect(program.generateAnswer.predict.demos[0]).toMatchObject({ query: "query 0", answer: "answer 0" });
  });

  test("a part that was compiled before is missing from DSPy's file: an error that says so, or kept as it is", async () => {
    const program = programs.frozen();
    const path = join(fixtures, version, "frozen.json");
    await expect(loadState(program, path)).rejects.toMatchObject({
      code: "state",
      message: expect.stringMatching(
        /"polish\.predict".*DSPy leaves out the parts of a program that were compiled/,
      ),
    });
    expect(program.draft.demos).toEqual([]);
    program.polish.predict.demos = [{ text: "kept", polished: "kept" }];
    await loadState(program, path, { partial: true });
    expect(program.draft.demos).toHaveLength(1);
    expect(program.polish.predict.demos).toEqual([{ text: "kept", polished: "kept" }]);
  });
});

test("columns of data rows that a signature has not are told and left out, and rows that then are empty too", async () => {
  const { program, origin } = await loaded("labeled", "3.4.1");
  expect(origin.leftOut).toEqual({ generate_query: ["answer"], "generate_answer.predict": ["question"] });
  const [query] = program.namedPredictors();
  expect(query![1].demos).toEqual([
    { question: "question 0", dspy_split: "train" },
    { question: "question 1", dspy_split: "train" },
  ]);
});

describe("the way back to DSPy", () => {
  test.each(names)("%s: what is written is the committed file, byte for byte", async (name) => {
    const path = join(await scratch(), `${name}.json`);
    const { program, origin } = await loaded(name, "3.4.1");
    await saveState(program, path, origin);
    await expect(await readFile(path, "utf8")).toMatchFileSnapshot(
      join(fixtures, "trunkline", `${name}.json`),
    );
  });

  test.each(names)(
    "%s: without the key trunkline it is DSPy's own file, as far as that tells the program",
    async (name) => {
      const { program, origin } = await loaded(name, "3.4.1");
      const { trunkline: _, ...state } = stateOf(program, origin);
      const again = programs[name]();
      const back = applyState(again, JSON.parse(JSON.stringify(state)));
      expect(back.writer).toBe("dspy");
      expect(stateOf(again)).toEqual(stateOf(program));
    },
  );

  test.each(names)("%s: DSPy's five keys, a prefix in every field, no LM and no versions", async (name) => {
    const { program, origin } = await loaded(name, "3.4.1");
    const state = JSON.parse(JSON.stringify(stateOf(program, origin)));
    const theirs = await readFixture(`3.4.1/${name}.json`);
    const { metadata, trunkline: _, ...parts } = state;
    expect(metadata).toEqual({ dependency_versions: {} });
    const ours: Record<string, DSPyPart> = "signature" in parts ? { self: parts } : parts;
    for (const [at, part] of Object.entries(theirs)) {
      expect(Object.keys(ours[at]!)).toEqual(Object.keys(part).filter((key) => key !== "metadata"));
      expect(ours[at]!.signature).toEqual(part.signature);
      expect(ours[at]!.lm).toBeNull();
    }
  });

  test("R114: DSPy's record of reading the committed files says what the programs say", async () => {
    const record = JSON.parse(await readFile(join(fixtures, "read-by-dspy.json"), "utf8"));
    expect(Object.keys(record.programs).sort()).toEqual((await committed()).sort());
    for (const name of names) await expectRead(name, record.programs[name]);
  });

  test.skipIf(python === undefined)(
    `R114: DSPy reads the committed files as its record says, and saves them so that they load again${needsPython}`,
    async () => {
      const again = await scratch();
      const printed = await runPython(again, join(fixtures, "check.py"), join(fixtures, "trunkline"), again);
      expect(printed).toBe(await readFile(join(fixtures, "read-by-dspy.json"), "utf8"));
      for (const name of names) {
        const program = programs[name]();
        const origin = await loadState(program, join(again, `${name}.json`), partial(name));
        expect(origin.writer).toBe("dspy");
        expect(stateOf(program)).toEqual(stateOf((await loaded(name, "3.4.1")).program));
      }
    },
    300_000,
  );

  test.skipIf(python === undefined)(
    `what may run code is converted by the command that its refusal names${needsPython}`,
    async () => {
      const folder = await scratch();
      await runPython(folder, join(fixtures, "make.py"), folder, "--unsafe");
      for (const name of ["typed.pkl", "typed-program"]) {
        const refusal: Error = await loadState(programs.typed(), join(folder, name)).catch((error) => error);
        const [, code, from, to] = /python -c "(.*)" "(.*)" "(.*)"$/.exec(refusal.message)!;
        await runPython(folder, "-c", code!, from!, to!);
        const program = programs.typed();
        await loadState(program, to!);
        expect(stateOf(program)).toEqual(stateOf((await loaded("typed", "3.4.1")).program));
      }
    },
    300_000,
  );

  async function committed(): Promise<string[]> {
    return (await readdir(join(fixtures, "trunkline"))).map((file) => file.replace(/\.json$/, ""));
  }

  async function expectRead(name: keyof typeof programs, read: Record<string, unknown>): Promise<void> {
    const { program } = await loaded(name, "3.4.1");
    const state = JSON.parse(JSON.stringify(stateOf(program)));
    const named = program.namedPredictors().filter(([at]) => name !== "frozen" || at === "draft");
    expect(Object.keys(read)).toEqual(named.map(([at]) => at));
    for (const [at, { signature }] of named) {
      const fields = [...signature.inputs, ...signature.outputs];
      expect(read[at]).toMatchObject({
        instructions: signature.instructions,
        fields: fields.map((field) => [field.name, field.description ?? `\${${field.name}}`]),
        demos: (at === "self" ? state : state[at]).demos,
        lm: null,
      });
    }
  }
});

function hasField(demo: object, fields: readonly { name: string }[]): boolean {
  return fields.some(({ name }) => name in demo);
}
