import { readdirSync } from "node:fs";

/** Bytes of the heap after collections. Wants `--expose-gc`. */
export async function weigh(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return process.memoryUsage().heapUsed;
}

/** Files and sockets that this process has open; NaN where the system does not tell. */
export function descriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return Number.NaN;
  }
}
