import { execFileSync } from "node:child_process";
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Predict } from "../../../src/program/predict.ts";
import { stateOf } from "../../../src/program/state.ts";
import { loadState, saveState } from "../../../src/program/state-file.ts";

async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-state-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function tuned(answer: string): Predict<"question -> answer"> {
  const program = new Predict("question -> answer");
  program.demos = [{ question: "Which?", answer }];
  return program;
}

const answerIn = async (path: string): Promise<unknown> =>
  JSON.parse(await readFile(path, "utf8")).demos[0].answer;

/** Loads what was written into a file. */
async function loadText(text: string | Uint8Array, options?: { maxBytes: number }): Promise<void> {
  const path = join(await scratch(), "program.json");
  await writeFile(path, text);
  await loadState(new Predict("question -> answer"), path, options);
}

test("R114: a program saved to a file loads again, by path or by URL", async () => {
  const path = join(await scratch(), "qa.json");
  await saveState(tuned("déjà vu \u{1f600}\u2028"), pathToFileURL(path), { provenance: { by: "hand" } });
  const text = await readFile(path, "utf8");
  expect(text.endsWith("}\n")).toBe(true);
  const fresh = new Predict("question -> answer");
  const origin = await loadState(fresh, path);
  expect(fresh.demos).toEqual([{ question: "Which?", answer: "déjà vu \u{1f600}\u2028" }]);
  expect(origin.provenance).toEqual({ by: "hand" });
  await loadState(fresh, pathToFileURL(path));
});

test("R114: save and load of a module; what was loaded is told again when it or its copy is saved", async () => {
  const path = join(await scratch(), "qa.json");
  await tuned("Emma").save(path, { models: { self: "openai/gpt-4o-mini" }, provenance: { score: 0.83 } });
  const text = await readFile(path, "utf8");
  const program = new Predict("question -> answer");
  const origin = await program.load(path);
  expect(origin).toMatchObject({ writer: "trunkline", provenance: { score: 0.83 } });
  await rm(path);
  await program.clone().save(path);
  expect(await readFile(path, "utf8")).toBe(text);
});

test("P14: a reader sees the old file or the new one, whole, and nothing else is left behind", async () => {
  const folder = await scratch();
  const path = join(folder, "qa.json");
  const long = ["a", "b"].map((letter) => tuned(letter.repeat(300_000)));
  await saveState(long[0]!, path);
  let saves = 0;
  const writing = (async () => {
    for (; saves < 20; saves++) await Promise.all(long.map((program) => saveState(program, path)));
  })();
  while (saves < 20) expect(await answerIn(path)).toMatch(/^(a{300000}|b{300000})$/);
  await writing;
  expect(await readdir(folder)).toEqual(["qa.json"]);
});

test("what was being saved is what the program was when it was asked", async () => {
  const path = join(await scratch(), "qa.json");
  const program = tuned("before");
  const saving = saveState(program, path);
  program.demos = [];
  await saving;
  expect(await answerIn(path)).toBe("before");
});

test("a save that fails leaves the old file, and nothing beside it", async () => {
  const folder = await scratch();
  const path = join(folder, "qa.json");
  await mkdir(path);
  await expect(saveState(tuned("a"), path)).rejects.toMatchObject({
    code: "state",
    message: expect.stringMatching(
      /^save: .*qa\.json cannot be written \((EISDIR|ENOTEMPTY|EEXIST|EPERM)\)$/,
    ),
  });
  expect(await readdir(folder)).toEqual(["qa.json"]);
  await expect(saveState(tuned("a"), join(folder, "no", "qa.json"))).rejects.toThrow(
    /cannot be written \(ENOENT\)/,
  );
});

test("a program that cannot be saved touches no file", async () => {
  const path = join(await scratch(), "qa.json");
  await saveState(tuned("old"), path);
  const program = tuned("new");
  program.demos = [{ question: new Map() as never }];
  await expect(saveState(program, path)).rejects.toMatchObject({ code: "state" });
  expect(await answerIn(path)).toBe("old");
});

test("an old file keeps its permissions, and a link stays a link", async () => {
  const folder = await scratch();
  const path = join(folder, "qa.json");
  await saveState(tuned("one"), path);
  await chmod(path, 0o640);
  await symlink(path, join(folder, "link.json"));
  await saveState(tuned("two"), join(folder, "link.json"));
  expect(await answerIn(path)).toBe("two");
  expect((await stat(path)).mode & 0o777).toBe(0o640);
  expect((await readdir(folder)).sort()).toEqual(["link.json", "qa.json"]);
});

test("a link to a file that is not there yet stays a link, and the file is made", async () => {
  const folder = await scratch();
  await symlink("qa.json", join(folder, "link.json"));
  await saveState(tuned("one"), join(folder, "link.json"));
  expect((await lstat(join(folder, "link.json"))).isSymbolicLink()).toBe(true);
  expect(await answerIn(join(folder, "qa.json"))).toBe("one");
});

test("what `load` gave fits into `save`; a misspelt member does not", async () => {
  const path = join(await scratch(), "qa.json");
  await saveState(tuned("one"), path, { provenance: { by: "hand" } });
  const origin = await tuned("two").load(path);
  await tuned("two").save(path, origin);
  expect((await tuned("one").load(path)).provenance).toEqual({ by: "hand" });
  await expect(tuned("two").save(path, { provenence: {} } as never)).rejects.toMatchObject({
    code: "config",
    message: expect.stringMatching(/^save: unknown option "provenence"; did you mean "provenance"/),
  });
});

test("a copy under another name is not written through", async () => {
  const folder = await scratch();
  const path = join(folder, "qa.json");
  await saveState(tuned("one"), path);
  await link(path, join(folder, "kept.json"));
  await saveState(tuned("two"), path);
  expect(await answerIn(join(folder, "kept.json"))).toBe("one");
});

test("a pickle and a folder are refused with the command that converts them", async () => {
  const folder = await scratch();
  const program = new Predict("question -> answer");
  await expect(loadState(program, folder)).rejects.toMatchObject({
    code: "state",
    message: expect.stringMatching(/which can run code and is never read\. .*python -c ".*dspy\.load\(/),
  });
  for (const name of ["program.pkl", "renamed.json"]) {
    const path = join(folder, name);
    // A pickle may also be text, when it was made so.
    await writeFile(path, name.endsWith(".pkl") ? "(dp0\n." : Uint8Array.from([0x80, 0x05, 0x95, 0x2e]));
    await expect(loadState(program, path)).rejects.toMatchObject({
      code: "state",
      message: expect.stringMatching(
        /which can run code and is never read\. .*python -c ".*cloudpickle\.load\(/,
      ),
    });
  }
  await expect(saveState(program, join(folder, "program.pkl"))).rejects.toMatchObject({
    code: "config",
    message: expect.stringContaining('expected a path that ends with ".json"'),
  });
});

test.each([
  ["nothing", "", /is not JSON that can be read: line 1, column 1: the end of the file, expected a value$/],
  ["half a file", '{"demos": [{"question": "a', /line 1, column 25: a text without an end$/],
  ["a place in it", '{\n  "demos": oops\n}', /line 2, column 12: expected a value$/],
  ["a list", "[]", /the state: expected an object, got a list of 0$/],
  ["a name twice", '{"qa": 1, "qa": 2}', /line 1, column 11: a name that this object has already$/],
  ["Python's NaN", '{"a": NaN}', /line 1, column 7: expected a value$/],
  ["endless nesting", "[".repeat(1_000_000), /nested more than 100 levels deep$/],
])("bad text: %s", async (_, text, message) => {
  await expect(loadText(text)).rejects.toMatchObject({
    code: "state",
    message: expect.stringMatching(message),
  });
});

test("bytes that are no UTF-8 are refused, a byte order mark is let be", async () => {
  await expect(loadText(Uint8Array.from([0x22, 0xff, 0x22]))).rejects.toThrow(/is not UTF-8 text$/);
  await loadText(`\uFEFF${JSON.stringify(stateOf(tuned("a")))}`);
});

test("a gigabyte is refused before it is read", async () => {
  const path = join(await scratch(), "huge.json");
  await writeFile(path, "");
  await truncate(path, 2 ** 30);
  const before = process.memoryUsage().arrayBuffers;
  await expect(loadState(tuned("a"), path)).rejects.toThrow(
    /huge\.json has 1073741824 bytes, more than maxBytes allows \(67108864\)$/,
  );
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 26);
  await expect(loadText(JSON.stringify(stateOf(tuned("a"))), { maxBytes: 10 })).rejects.toThrow(
    /more than maxBytes allows \(10\)/,
  );
});

test("what is no file is not waited for", async () => {
  const folder = await scratch();
  const program = new Predict("question -> answer");
  await expect(loadState(program, join(folder, "none.json"))).rejects.toMatchObject({
    code: "state",
    message: expect.stringMatching(/none\.json cannot be read \(ENOENT\)$/),
  });
  execFileSync("sh", ["-c", 'mkfifo "$0"', join(folder, "pipe.json")]);
  await expect(loadState(program, join(folder, "pipe.json"))).rejects.toThrow(/pipe\.json is no file$/);
  await expect(loadState(program, "/dev/zero")).rejects.toThrow(/is no file$/);
});

test("wrong arguments are said", async () => {
  const program = new Predict("question -> answer");
  await expect(loadState(program, 7 as never)).rejects.toMatchObject({
    code: "config",
    message: "load: path: expected the path of a JSON file, got 7",
  });
  await expect(saveState(program, "")).rejects.toThrow(/^save: path: expected the path of a JSON file/);
  await expect(loadState(program, new URL("https://example.com/a.json"))).rejects.toMatchObject({
    code: "config",
  });
  await expect(loadState(program, "a.json", { partail: true } as never)).rejects.toThrow(
    /did you mean "partial"/,
  );
});

test("no prompt and no demo is in an error", async () => {
  const state = JSON.parse(JSON.stringify(stateOf(tuned("the secret answer"))));
  state.signature.instructions = "the secret instructions";
  state.signature.fields[0].description = "the secret description";
  const path = join(await scratch(), "qa.json");
  await writeFile(path, JSON.stringify(state));
  const error: Error = await loadState(new Predict("text -> label, more"), path).catch((e) => e);
  expect(error.message).toContain("does not fit Predict");
  await writeFile(path, JSON.stringify(state).slice(0, -20));
  const cut: Error = await loadState(new Predict("text -> label"), path).catch((e) => e);
  expect(cut.message).toContain("is not JSON");
  for (const each of [error, cut])
    expect(`${each.message}${each.stack}${String(each.cause)}`).not.toContain("secret");
});
