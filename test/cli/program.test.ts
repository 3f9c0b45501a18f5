import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const program = join(root, "src", "cli", "main.ts");

/** The environment without anybody's keys or settings. */
const env = { PATH: process.env.PATH, HOME: process.env.HOME };

function start(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
}

async function end(child: ChildProcess): Promise<{ code: number; out: string; err: string }> {
  const texts = { out: "", err: "" };
  child.stdout!.on("data", (chunk) => {
    texts.out += chunk;
  });
  child.stderr!.on("data", (chunk) => {
    texts.err += chunk;
  });
  const [code] = await once(child, "close");
  return { code, ...texts };
}

const trunkline = (...args: string[]) => end(start(process.execPath, [program, ...args]));

describe("the program", () => {
  test("says its version and its commands", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(await trunkline("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" });
    const help = await trunkline();
    expect(help).toMatchObject({ code: 0, err: "" });
    expect(help.out).toMatch(/^ {2}demo /m);
    expect(await trunkline("--help")).toEqual(help);
  });

  test("shows a command's options and an example", async () => {
    const { code, out } = await trunkline("demo", "--agents", "5", "--help");
    expect(code).toBe(0);
    for (const part of ["--agents N", "--json", "example:", "trunkline demo "]) expect(out).toContain(part);
  });

  test("an unknown command or option lists the known ones and the nearest, on standard error, with exit code 2", async () => {
    expect(await trunkline("dmo")).toEqual({
      code: 2,
      out: "",
      err: 'trunkline: unknown command "dmo"; did you mean "demo"? known are: demo\n',
    });
    expect(await trunkline("constructor")).toMatchObject({
      code: 2,
      err: expect.stringContaining("known are: demo"),
    });
    expect(await trunkline("--verzion")).toMatchObject({
      code: 2,
      err: expect.stringContaining("unknown option"),
    });
    expect(await trunkline("demo", "--agents=x")).toMatchObject({ code: 2, out: "" });
  });
});

describe("demo", () => {
  test("runs both ways and prints what it measured as JSON", async () => {
    const { code, out } = await trunkline("demo", "--agents", "30", "--rounds", "2", "--json");
    const result = JSON.parse(out);
    expect(result).toMatchObject({
      simulated: true,
      agents: 30,
      rounds: 2,
      plain: { answered: 60, failed: 0, socketsOpened: 30, socketsAtOnce: 30 },
      trunkline: { answered: 60, failed: 0, reasons: {} },
    });
    expect(result.trunkline.socketsOpened).toBeLessThanOrEqual(2);
    expect(result.trunkline.descriptorsAtOnce).toBeLessThan(result.plain.descriptorsAtOnce);
    expect(code).toBe(0);
  });

  test("prints a table, says what is simulated, and writes plain lines of progress elsewhere", async () => {
    const { code, out, err } = await trunkline("demo", "--agents", "20", "--rounds", "1");
    expect(out).toContain("20 agents x 1");
    expect(out).toMatch(/^calls answered +20 +20$/m);
    expect(out).toContain("Simulated: the provider.");
    expect(err).not.toContain("\x1b");
    expect(code).toBe(0);
  });

  test("N1: under a low limit of descriptors it says which failures came from it, and trunkline has none", async () => {
    const command = `ulimit -n 64 && exec "$0" "$@"`;
    const args = ["-c", command, process.execPath, program, "demo", "--agents", "150", "--rounds", "1"];
    const { code, out } = await end(start("bash", args));
    expect(out).toMatch(/With a connection per agent [\d,]+ calls failed: [\d,]+ by descriptor limit/);
    expect(out).toMatch(/^calls answered +\d+ +150$/m);
    expect(code).toBe(0);
  });

  test("--model says what it would send before it sends anything, and which variable holds the key", async () => {
    expect(await trunkline("demo", "--model", "openai/gpt-4o-mini")).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringContaining("OPENAI_API_KEY"),
    });
    const child = spawn(process.execPath, [program, "demo", "--model", "openai/gpt-4o-mini"], {
      env: { ...env, OPENAI_API_KEY: "sk-none" },
    });
    expect(await end(child)).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/21 calls .* add --yes/),
    });
  });

  test.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)("%s leaves no process behind", async (signal) => {
    const demo = start(process.execPath, [program, "demo", "--agents", "10", "--rounds", "100000"]);
    const ended = end(demo);
    onTestFinished(() => void demo.kill("SIGKILL"));
    await expect.poll(() => childrenOf(demo.pid!).length, { timeout: 10_000 }).toBe(2);
    const children = childrenOf(demo.pid!);
    demo.kill(signal);
    await expect.poll(() => children.filter(isRunning), { timeout: 10_000 }).toEqual([]);
    // And none of them dies loudly: the channel that they share is silent to its end.
    expect((await ended).err).toBe("");
  });
});

function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return list === "" ? [] : list.split(" ").map(Number);
}

/** A process that has ended but was not yet collected by its parent does not run. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}
