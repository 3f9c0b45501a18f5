import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { checkOptions, checks, wrongOption } from "../core/check.ts";
import { isTrunklineError } from "../core/errors.ts";
import { readJson } from "./state/json-text.ts";
import { wrongState } from "./state/wrong.ts";
import {
  type About,
  type ApplyOptions,
  applyChecks,
  applyState,
  type Origin,
  type Stateful,
  stateOf,
} from "./state.ts";

/** How a program is loaded. */
export interface LoadOptions extends ApplyOptions {
  /** Bytes of the largest file that is read. Default 64 MiB. */
  readonly maxBytes?: number;
}

const loadChecks = { ...applyChecks, maxBytes: checks.positiveCount };
const defaultMaxBytes = 64 * 1024 * 1024;

/** How Python turns what may run code into the one file that cannot. */
const conversions = {
  pickle:
    "import sys, cloudpickle, orjson; plain = lambda o: o.toDict() if hasattr(o, 'toDict') else o.model_dump(mode='json'); " +
    "state = cloudpickle.load(open(sys.argv[1], 'rb')); " +
    "open(sys.argv[2], 'wb').write(orjson.dumps(state, default=plain, option=orjson.OPT_INDENT_2))",
  folder: "import sys, dspy; dspy.load(sys.argv[1], allow_pickle=True).save(sys.argv[2])",
} as const;

function neverRead(path: string, what: string, conversion: keyof typeof conversions): Error {
  const to = `${path.replace(/\.pkl$/, "")}.json`;
  return wrongState(
    `load: ${path} is ${what}, which can run code and is never read. If you trust it, convert it where DSPy is: ` +
      `python -c "${conversions[conversion]}" "${path}" "${to}"`,
  );
}

/**
 * Writes a program's state as one JSON file. A reader sees the old file or the new one, never half of one; an old
 * file keeps its permissions.
 */
export async function saveState(module: Stateful, path: string | URL, about: About = {}): Promise<void> {
  const file = pathOf("save", path);
  if (!file.endsWith(".json")) throw wrongOption("save: path", 'a path that ends with ".json"', file);
  const text = `${JSON.stringify(stateOf(module, about), null, 2)}\n`;
  try {
    await replaceFile(file, text);
  } catch (cause) {
    throw wrongState(`save: ${file} cannot be written (${reasonOf(cause)})`, cause);
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const target = await leadsTo(path);
  const mode = await stat(target).then(
    (found) => found.mode & 0o777,
    () => undefined,
  );
  const draft = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
  try {
    const handle = await open(draft, "wx");
    try {
      if (mode !== undefined) await handle.chmod(mode);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** A link stays a link: what it leads to is replaced, or made where it is not there yet. */
async function leadsTo(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const next = await readlink(path).catch(() => "");
    return resolve(dirname(path), next || basename(path));
  }
}

/** Reads a state file, of trunkline or of DSPy, and lays it onto a program: all of it or nothing. */
export async function loadState(
  module: Stateful,
  path: string | URL,
  options: LoadOptions = {},
): Promise<Origin> {
  const file = pathOf("load", path);
  checkOptions("load", options, loadChecks);
  const { maxBytes = defaultMaxBytes, ...how } = options;
  const state = jsonOf(textOf(await readFile(file, maxBytes), file), file);
  try {
    return applyState(module, state, how);
  } catch (error) {
    if (!isTrunklineError(error)) throw error;
    throw wrongState(`load: ${file}: ${error.message}`, error.cause);
  }
}

function jsonOf(text: string, file: string): unknown {
  try {
    return readJson(text);
  } catch (fault) {
    throw wrongState(`load: ${file} is not JSON that can be read: ${(fault as Error).message}`);
  }
}

async function readFile(path: string, maxBytes: number): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    // Without waiting: a pipe that nobody writes to would never open.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const found = await handle.stat();
    if (found.isDirectory()) throw neverRead(path, "a folder, perhaps a whole program of DSPy", "folder");
    if (!found.isFile()) throw wrongState(`load: ${path} is no file`);
    if (found.size > maxBytes) {
      throw wrongState(`load: ${path} has ${found.size} bytes, more than maxBytes allows (${maxBytes})`);
    }
    return await readAll(handle, path, found.size);
  } catch (cause) {
    if (isTrunklineError(cause)) throw cause;
    throw wrongState(`load: ${path} cannot be read (${reasonOf(cause)})`, cause);
  } finally {
    await handle?.close();
  }
}

/** As many bytes as the file said it has: one that grows meanwhile is being written in place. */
async function readAll(handle: FileHandle, path: string, size: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(size + 1);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  if (filled !== size) throw wrongState(`load: ${path} changed while it was read; try again`);
  return buffer.subarray(0, filled);
}

/** The first byte of every pickle since Python 3.0. */
const pickleMark = 0x80;

function textOf(bytes: Uint8Array, path: string): string {
  if (path.endsWith(".pkl") || bytes[0] === pickleMark) throw neverRead(path, "a pickle of DSPy", "pickle");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw wrongState(`load: ${path} is not UTF-8 text`, cause);
  }
}

function pathOf(act: string, path: string | URL): string {
  if (typeof path === "string" && path !== "") return path;
  if (path instanceof URL && path.protocol === "file:") return fileURLToPath(path);
  throw wrongOption(`${act}: path`, "the path of a JSON file", path);
}

/** What the system says: ENOENT and the like. */
function reasonOf(cause: unknown): string {
  return String((cause as { code?: unknown } | null)?.code ?? cause);
}
