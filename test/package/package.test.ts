import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { samplesOf } from "../docs/samples.ts";
import { Consumer, root, run } from "./consumer.ts";

const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
const doors = Object.keys(manifest.exports).filter((door) => door !== "./package.json");
const examples = await readdir(join(root, "examples"));
const nameOf = (door: string): string => `trunkline${door.slice(1)}`;

let consumer: Consumer;
beforeAll(async () => {
  consumer = await Consumer.make();
  await mkdir(join(consumer.folder, "samples"));
  await cp(join(root, "examples"), join(consumer.folder, "examples"), { recursive: true });
  for (const [name, text] of await documentSamples()) {
    await writeFile(join(consumer.folder, "samples", name), text);
  }
});
afterAll(() => consumer?.remove());

describe("the packed package", () => {
  test("holds the build, the licence and the documents, and nothing else", async () => {
    const { output } = await run("tar", ["-tzf", consumer.tarball], consumer.folder);
    const files = output.trim().split("\n").sort();
    const odd = files.filter((file) => !/^package\/dist\/.+(?<!\.test)\.(js|d\.ts)$/.test(file));
    expect(odd).toEqual(
      ["CHANGES.md", "LICENSE", "README.md", "package.json"].map((name) => `package/${name}`),
    );
  });

  test("publint finds nothing", async () => {
    const tarball = (await readFile(consumer.tarball)).buffer as ArrayBuffer;
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test("attw finds no wrong types", async () => {
    const attw = join(root, "node_modules", ".bin", "attw");
    const { code, output } = await run(attw, [consumer.tarball, "--profile", "esm-only"], consumer.folder);
    expect(code, output).toBe(0);
  });

  test.each(doors)("%s has the names of its source, on the oldest and on this Node", async (door) => {
    const source: string = manifest.exports[door].default.replace("./dist/", "").replace(/\.js$/, ".ts");
    const names = Object.keys(await import(join(root, "src", source))).sort();
    expect(names.length).toBeGreaterThan(0);
    for (const node of [consumer.oldestNode, process.execPath]) {
      expect((await consumer.exportsOf(nameOf(door), node)).sort()).toEqual(names);
    }
  });

  test("names the oldest Node that it is tested on", async () => {
    const version = (await consumer.evaluate("console.log(process.version)", consumer.oldestNode)).trim();
    expect(`v${manifest.engines.node.replace(">=", "")}.0`).toBe(version);
  });

  test("Z17: importing it changes nothing for the rest of the process, and lets it end", async () => {
    const text = `
      const listeners = () => process.eventNames().map((name) => [name, process.listenerCount(name)]);
      const dispatchers = () => [1, 2].map((n) => globalThis[Symbol.for("undici.globalDispatcher." + n)]);
      await fetch("data:,"); // Now the built-in fetch has the dispatcher that it makes for itself.
      const before = { listeners: JSON.stringify(listeners()), dispatchers: dispatchers() };
      for (const door of ${JSON.stringify(doors.map(nameOf))}) await import(door);
      console.log(JSON.stringify({
        dispatchers: dispatchers().every((dispatcher, i) => dispatcher === before.dispatchers[i]),
        listeners: JSON.stringify(listeners()) === before.listeners,
        holding: process.getActiveResourcesInfo().filter((kind) => kind === "Timeout" || kind.includes("Socket")),
      }));
    `;
    expect(JSON.parse(await consumer.evaluate(text, consumer.oldestNode))).toEqual({
      dispatchers: true,
      listeners: true,
      holding: [],
    });
  });

  test("its program runs, and so does the demo on the oldest Node", async () => {
    const program = join(consumer.folder, "node_modules", ".bin", "trunkline");
    expect(await run(program, ["--version"], consumer.folder)).toEqual({
      code: 0,
      output: `${manifest.version}\n`,
    });
    const demo = await run(
      consumer.oldestNode,
      [program, "demo", "--agents", "5", "--rounds", "1"],
      consumer.folder,
    );
    expect(demo).toMatchObject({ code: 0, output: expect.stringMatching(/^calls answered +5 +5$/m) });
  });

  test.each(examples)("examples/%s runs on the oldest Node, as it is", async (file) => {
    const outcome = await run(consumer.oldestNode, [join("examples", file)], consumer.folder);
    expect(outcome).toEqual({ code: 0, output: expect.stringMatching(/\S/) });
  });

  test.each([
    ["TypeScript 7", "nodenext"],
    ["TypeScript 7", "bundler"],
    ["TypeScript 5.9", "nodenext"],
    ["TypeScript 5.9", "bundler"],
  ] as const)("the samples of the documents compile: %s, %s", async (compiler, resolution) => {
    const home = compiler === "TypeScript 7" ? root : consumer.folder;
    const tsc = join(home, "node_modules", "typescript", "bin", "tsc");
    expect(await consumer.typeErrors(tsc, resolution)).toBe("");
  });
});

/** Every TypeScript block of the README and of `docs/`, as files. */
async function documentSamples(): Promise<[string, string][]> {
  const pages = (await readdir(join(root, "docs"), { recursive: true })).filter((page) =>
    page.endsWith(".md"),
  );
  const files = ["README.md", ...pages.map((page) => join("docs", page))];
  const texts = await Promise.all(
    files.map(async (file) => [file, await readFile(join(root, file), "utf8")] as const),
  );
  return texts.flatMap(([file, text]) =>
    samplesOf(text).map((sample, i): [string, string] => [`${file.replace(/\W/g, "-")}-${i}.ts`, sample]),
  );
}
