import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { TrunklineError } from "../../core/errors.ts";
import type { Job, Line, Outcome, Standing } from "./job.ts";

/** What a phase measured, and what could be seen of it from outside. */
export interface Measured extends Outcome {
  /** The most files and sockets that its process had open; undefined where the system does not tell. */
  readonly descriptorsAtOnce?: number;
}

/** How often the descriptors of a phase are counted, in milliseconds. */
const lookEvery = 25;

/**
 * Runs one phase in a process of its own. Descriptors are counted from here: a process that has none left could
 * not count them. The process ends with this one, because nobody then reads what it prints.
 */
export async function runPhase(
  job: Job,
  onStanding: (standing: Standing, descriptors: number | undefined) => void,
): Promise<Measured> {
  // Beside this file: its source under Node's own TypeScript, or its build.
  const program = fileURLToPath(new URL(`./phase-process${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(job)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", (cause) =>
      reject(new TrunklineError("state", "a phase could not be started", { cause })),
    );
    child.on("close", resolve); // After its last line, unlike "exit".
  });
  let outcome: Outcome | undefined;
  let descriptors: number | undefined;
  let descriptorsAtOnce: number | undefined;
  const looking = setInterval(() => {
    descriptors = descriptorsOf(child.pid);
    if (descriptors !== undefined) descriptorsAtOnce = Math.max(descriptorsAtOnce ?? 0, descriptors);
  }, lookEvery);
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line: Line = JSON.parse(text);
    if ("outcome" in line) outcome = line.outcome;
    else onStanding(line.standing, descriptors);
  });
  const code = await ended.finally(() => clearInterval(looking));
  if (outcome === undefined) throw new TrunklineError("state", `a phase ended early, with exit code ${code}`);
  return { ...outcome, descriptorsAtOnce };
}

/** The open descriptors of a process, where the system shows them (Linux). */
function descriptorsOf(pid: number | undefined): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}
