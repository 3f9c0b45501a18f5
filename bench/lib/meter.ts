import { openSync, readSync, writeFileSync } from "node:fs";

export interface Measured {
  readonly ms: number;
  /** Processor time of this process, all threads, in microseconds. */
  readonly cpuUs: number;
  /** Bytes that the process grew by, from before to its peak. */
  readonly memoryGrowth: number;
}

/** Opened beforehand: a process without free descriptors could not open it. */
const status = openStatus();

/** Measures from now until the returned function is called. Wants `--expose-gc`. */
export function startMeter(): () => Measured {
  globalThis.gc?.();
  forgetPeak();
  const before = memory().now;
  const cpu = process.cpuUsage();
  const started = performance.now();
  return () => {
    const ms = performance.now() - started;
    const { user, system } = process.cpuUsage(cpu);
    return { ms, cpuUs: user + system, memoryGrowth: memory().peak - before };
  };
}

/** The peak is counted anew from here, where the system can do that. */
function forgetPeak(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Then the peak is that of the whole process.
  }
}

/** Resident bytes now, and at most. */
function memory(): { now: number; peak: number } {
  if (status === undefined)
    return { now: process.memoryUsage.rss(), peak: process.resourceUsage().maxRSS * 1024 };
  const buffer = Buffer.alloc(8_192);
  const text = buffer.toString("latin1", 0, readSync(status, buffer, 0, buffer.length, 0));
  const kilobytes = (name: string): number => Number(new RegExp(`${name}:\\s*(\\d+)`).exec(text)?.[1]);
  return { now: kilobytes("VmRSS") * 1024, peak: kilobytes("VmHWM") * 1024 };
}

function openStatus(): number | undefined {
  try {
    return openSync("/proc/self/status", "r");
  } catch {
    return undefined;
  }
}
