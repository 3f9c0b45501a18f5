// Sends many calls from a process with few descriptors: `few-descriptors.ts <origin> <calls> <ca> [maxSockets]`.
import { readdirSync } from "node:fs";
import { systemClock } from "../../../src/core/clock.ts";
import { Transport } from "../../../src/transport/transport.ts";

const [origin, calls, ca, maxSockets] = process.argv.slice(2) as [string, string, string, string?];
const warnings: string[] = [];
const transport = new Transport({
  clock: systemClock,
  logger: () => ({ debug() {}, info() {}, warn: (line) => warnings.push(line) }),
  ...(maxSockets !== undefined && { maxSockets: Number(maxSockets) }),
});
const pool = transport.open(
  { origin, protocol: "auto", tls: { ca } },
  { connectTimeout: 10_000, connections: 1_000 },
);
let failed = 0;
let mostSockets = 0;
const firstErrors: string[] = [];
await Promise.all(
  Array.from({ length: Number(calls) }, () =>
    pool
      .send(
        {
          method: "POST",
          path: "/",
          headers: {},
          body: "x",
          timeout: 60_000,
          firstByteTimeout: 60_000,
          idleTimeout: 60_000,
        },
        {
          onHead: () => {
            mostSockets = Math.max(mostSockets, transport.stats().sockets);
          },
          onData: () => "progress",
        },
      )
      .catch((error: Error) => {
        failed++;
        if (firstErrors.length < 3) firstErrors.push(error.message);
      }),
  ),
);
pool.release();
// Waits for sockets to close, so that a descriptor is free to count them with.
while (transport.stats().sockets > 0) await new Promise((resolve) => setImmediate(resolve));
const descriptors = readdirSync("/proc/self/fd").length;
process.stdout.write(
  JSON.stringify({ failed, firstErrors, warnings, mostSockets, cap: transport.maxSockets, descriptors }),
);
