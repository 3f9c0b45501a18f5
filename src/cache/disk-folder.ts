import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { env } from "../core/env.ts";

/** The part of the folder that is ours; its number changes with the form of what is in it. */
const name = "answers-v1";

/** Where the user's programs keep what they can make again; undefined where nothing says. */
export function userFolder(): string | undefined {
  const own = env("TRUNKLINE_CACHE_DIR");
  if (own !== undefined) return own;
  if (process.platform === "win32") {
    const local = env("LOCALAPPDATA");
    return local && join(local, "trunkline", "Cache");
  }
  const home = env("HOME");
  if (process.platform === "darwin") return home && join(home, "Library", "Caches", "trunkline");
  const cache = env("XDG_CACHE_HOME") ?? (home && join(home, ".cache"));
  return cache && join(cache, "trunkline");
}

/** Makes the folder of the answers in `directory`, for its owner's eyes only, and brings its path. */
export function makeFolder(directory: string): string {
  const folder = join(directory, name);
  makeAll(folder);
  // It may have been made under another mask, or copied here.
  chmodSync(folder, 0o700);
  return folder;
}

/** One step at a time: Node's own `recursive` never ends below a folder in which nothing can be made, such as /proc. */
function makeAll(folder: string): void {
  try {
    mkdirSync(folder, 0o700);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(folder).isDirectory()) return;
    const parent = dirname(folder);
    if (code !== "ENOENT" || parent === folder || existsSync(parent)) throw error;
    makeAll(parent);
    mkdirSync(folder, 0o700);
  }
}

/** File systems that several machines share, by the number that Linux gives them, where locks and memory maps fail. */
const networkTypes: Readonly<Record<number, string>> = {
  26985: "NFS",
  20859: "SMB",
  4283649346: "CIFS",
  4266872130: "SMB2",
  1397113167: "AFS",
  1397703499: "OCFS2",
  12805120: "Ceph",
  198183888: "Lustre",
  16914839: "9P",
  1733912937: "NCP",
  1937076805: "Coda",
};

/** The name of a network's file system, or undefined for a disk of this machine and what is not known. */
export function networkType(type: number | bigint): string | undefined {
  return networkTypes[Number(type)];
}

export interface Room {
  /** What holds the folder, where it is a network's. */
  readonly network: string | undefined;
  readonly freeBytes: number;
}

export function roomAt(folder: string): Room {
  const { type, bavail, bsize } = statfsSync(folder);
  return { network: networkType(type), freeBytes: bavail * bsize };
}

/**
 * Takes a folder that cannot be used out of the way, so that a new one can be made; the last such one is kept for
 * whoever wants to look. Whoever has it open keeps it. `seen` is the number of its data file when it was looked at: a
 * folder that another process has replaced since stays.
 */
export function setAside(folder: string, seen: number | undefined): string {
  const aside = `${folder}.damaged`;
  if (seen !== undefined && fileNumber(folder) !== seen) return aside;
  rmSync(aside, { recursive: true, force: true });
  renameSync(folder, aside);
  if (seen !== undefined && fileNumber(aside) !== seen) renameSync(aside, folder);
  return aside;
}

/** What tells one data file from a later one of the same name. */
export function fileNumber(folder: string): number | undefined {
  return statSync(join(folder, "data.mdb"), { throwIfNoEntry: false })?.ino;
}
