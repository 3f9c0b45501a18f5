import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { startProvider } from "../../src/testing/index.ts";

const child = fileURLToPath(new URL("agents-child.ts", import.meta.url));
const run = promisify(execFile);

interface Outcome {
  readonly failures: Record<string, number>;
  readonly sockets: number;
  readonly descriptors: number;
  readonly created: number;
  readonly inFlight: number;
  readonly queued: number;
}

async function agents(
  protocol: "h1" | "h2",
  count: number,
  rounds: number,
): Promise<Outcome & { ever: number }> {
  const provider = await startProvider({ latencyMs: 50 });
  try {
    const facts = JSON.stringify({ url: provider.url, ca: provider.ca, protocol, agents: count, rounds });
    // The hard limit, which Node cannot raise by itself.
    const script = 'ulimit -n 256 && exec "$0" "$@"';
    const { stdout } = await run("sh", ["-c", script, process.execPath, child, facts], { timeout: 60_000 });
    return { ...JSON.parse(stdout), ever: (await provider.stats()).sockets.ever };
  } finally {
    await provider.close();
  }
}

describe("2,000 agents with an LM each, under a hard limit of 256 descriptors", () => {
  test("R1, R2, R3, R25, R58, N1, N2: over HTTP/2 on at most 20 sockets, and none fails", async () => {
    const outcome = await agents("h2", 2_000, 2);
    expect(outcome).toMatchObject({ failures: {}, created: 1, inFlight: 0, queued: 0 });
    expect(outcome.ever).toBeLessThanOrEqual(20);
    expect(outcome.descriptors).toBeLessThan(128);
  });

  test("R3, R25, R58, N1: over HTTP/1.1, and none fails", async () => {
    const outcome = await agents("h1", 2_000, 1);
    expect(outcome).toMatchObject({ failures: {}, created: 1, inFlight: 0, queued: 0 });
    expect(outcome.sockets).toBeLessThan(256);
  });
});
