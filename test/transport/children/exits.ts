// Ends by itself, or is held by what still waits: `exits.ts <origin> <ca> <what>`.
import { systemClock } from "../../../src/core/clock.ts";
import { Transport } from "../../../src/transport/transport.ts";

const [origin, ca, what] = process.argv.slice(2) as [string, string, string];
const transport = new Transport({ clock: systemClock });
const pool = transport.open({ origin, protocol: "auto", tls: { ca } }, { connectTimeout: 20_000 });
const controller = new AbortController();
const call = pool.send(
  {
    method: "POST",
    path: `/${what}`,
    headers: {},
    body: "x",
    signal: controller.signal,
    timeout: 600_000,
    firstByteTimeout: 600_000,
    idleTimeout: 600_000,
  },
  { onHead() {}, onData: () => (what === "done" ? "done" : "progress") },
);
if (what === "abort") setTimeout(() => controller.abort(new Error("left")), 100);
await call.then(
  () => process.stdout.write("answered"),
  (error: Error) => process.stdout.write(error.message),
);
// The pool is not released, and its connection lies idle.
