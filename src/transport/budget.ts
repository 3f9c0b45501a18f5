import { readdirSync, readFileSync } from "node:fs";
import { systemClock } from "../core/clock.ts";
import { SocketBudget } from "./socket-budget.ts";

/** Where the limit cannot be read. */
const elsewhere = 2_048;
/** Enough for any process, where the limit is as good as none. */
const most = 65_536;

/** Sockets that this process may well have: half of its free descriptors, for the rest is for files, other libraries and children. */
export function socketsWithinLimit(): number {
  try {
    // Node raises its soft limit to the hard one by itself.
    const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    if (hard === undefined || hard === "unlimited") return most;
    return socketsOf(Number(hard), readdirSync("/proc/self/fd").length);
  } catch {
    return elsewhere;
  }
}

/** Half of what a limit leaves, at least one. */
export function socketsOf(limit: number, used: number): number {
  return Math.max(1, Math.min(most, Math.floor((limit - used) / 2)));
}

const place = Symbol.for("trunkline.sockets.v1");

/** The one budget of this process, on the process's own time; copies of this package find the same one. */
export function sharedBudget(): SocketBudget {
  const world = globalThis as { [place]?: SocketBudget };
  world[place] ??= new SocketBudget(socketsWithinLimit(), systemClock);
  return world[place];
}
