import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export const root = join(import.meta.dirname, "..", "..");

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Runs a program to its end; what it printed on both channels comes back together. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd, env: ownEnv() });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== "number") throw error;
    return { code, output: stdout + stderr };
  }
}

/** The environment without what npm tells its scripts about this package; another npm would believe it. */
function ownEnv(): NodeJS.ProcessEnv {
  const told = /^npm_(package|lifecycle|command|execpath|node_execpath|config_local_prefix|config_prefix)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !told.test(name)));
}

async function must(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, output } = await run(command, args, cwd);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${output}`);
  return output;
}

/** A program that installed the packed package, as a user would. */
export class Consumer {
  readonly folder: string;
  readonly tarball: string;
  /** The oldest Node that the package is for. */
  readonly oldestNode: string;

  private constructor(folder: string, tarball: string) {
    this.folder = folder;
    this.tarball = tarball;
    this.oldestNode = join(folder, "node_modules", ".bin", "node");
  }

  /** Builds and packs the package, and installs the tarball beside the consumer's own dependencies. */
  static async make(): Promise<Consumer> {
    const folder = await mkdtemp(join(tmpdir(), "trunkline-consumer-"));
    await cp(join(import.meta.dirname, "consumer"), folder, { recursive: true });
    await must("npm", ["pack", "--silent", "--pack-destination", folder], root);
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    const tarball = join(folder, `trunkline-${version}.tgz`);
    await must("npm", ["ci", "--prefer-offline"], folder);
    await must("npm", ["install", "--no-save", "--prefer-offline", tarball], folder);
    return new Consumer(folder, tarball);
  }

  /** The names that a program sees when it imports `specifier`. */
  async exportsOf(specifier: string, node: string): Promise<string[]> {
    const text = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(specifier)}))))`;
    return JSON.parse(await this.evaluate(text, node));
  }

  async evaluate(text: string, node: string): Promise<string> {
    return must(node, ["--input-type=module", "--eval", text], this.folder);
  }

  /** What a TypeScript compiler says of all samples under one way to resolve modules; empty when nothing. */
  async typeErrors(compiler: string, resolution: "nodenext" | "bundler"): Promise<string> {
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: "es2023",
      module: resolution === "nodenext" ? "nodenext" : "esnext",
      moduleResolution: resolution,
      moduleDetection: "force",
      types: ["node"],
    };
    const config = join(this.folder, `tsconfig.${resolution}.json`);
    await writeFile(config, JSON.stringify({ compilerOptions, include: ["samples", "examples"] }));
    const { output } = await run(process.execPath, [compiler, "-p", config], this.folder);
    return output;
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
