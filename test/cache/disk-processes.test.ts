import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { filled, make, textAt } from "./disk-rig.ts";
import { folder } from "./folders.ts";

test("C22: processes that begin at the same moment share it, and none reads a wrong answer", async () => {
  const directory = folder();
  const children = Array.from({ length: 4 }, (_, i) => child("share", directory, `${i}`));
  const reports = await Promise.all(children.map(({ done }) => done));
  for (const { code, output } of reports) {
    expect(output).toMatch(/^wrong 0$/m);
    expect(output).not.toMatch(/warning/);
    expect(code).toBe(0);
  }
  const store = make({ directory });
  for (let i = 0; i < 200; i++) expect(await textAt(store, i)).toBe(`${i} `.repeat(100));
});

test("C23: kill -9 in the middle of writing loses nothing that was flushed, and leaves a whole file", async () => {
  const directory = folder();
  for (let round = 0; round < 3; round++) {
    const writer = child("write", directory, `${round * 100_000}`);
    let flushed = 0;
    for await (const line of writer.lines) {
      flushed = Number(line);
      if (flushed >= 300) break;
    }
    writer.kill();
    await writer.done;
    const store = make({ directory });
    for (let i = 0; i < flushed; i++)
      expect(await textAt(store, round * 100_000 + i)).toBe(`${i} `.repeat(100));
    expect(store.warnings).toEqual([]);
    await store.close();
  }
});

test("C22: who opens the file while another writes to it sets nothing back: all that was flushed is there", async () => {
  const directory = folder();
  const writer = child("write", directory, "0");
  const told = (async () => {
    let flushed = 0;
    for await (const line of writer.lines) flushed = Number(line);
    return flushed;
  })();
  const openers = Array.from({ length: 2 }, () => child("reopen", directory, "0"));
  for (const { done } of openers) expect(await done).toEqual({ code: 0, output: "" });
  writer.kill();
  // Killed by us, and not by what it read.
  expect((await writer.done).code).toBe(null);
  const flushed = await told;
  expect(flushed).toBeGreaterThan(0);
  const store = make({ directory });
  const lost: number[] = [];
  for (let i = 0; i < flushed; i++) {
    if ((await textAt(store, i)) !== `${i} `.repeat(100)) lost.push(i);
  }
  expect(lost).toEqual([]);
  expect(store.warnings).toEqual([]);
});

test("C21: a disk that is full when it is written: one warning, the process goes on, what was kept is read", async () => {
  const directory = await filled(5);
  const { code, output } = await child("full", directory, "0", "ulimit -f 400; ").done;
  expect(output).toMatch(/^warnings 1$/m);
  expect(output).toMatch(/^kept 5$/m);
  expect(code).toBe(0);
});

/** A process of its own that works on the folder. */
function child(what: string, directory: string, from: string, before = "") {
  const program = join(import.meta.dirname, "disk-process.ts");
  const command = `${before}exec "${process.execPath}" "${program}" ${what} "${directory}" ${from}`;
  const running = spawn("bash", ["-c", command], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  running.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  running.stderr.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  return {
    lines: lines(running.stdout),
    kill: () => running.kill("SIGKILL"),
    done: once(running, "close").then(([code]) => ({ code: code as number | null, output })),
  };
}

async function* lines(source: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const piece of source) {
    const all = (rest + piece).split("\n");
    rest = all.pop()!;
    yield* all;
  }
}
