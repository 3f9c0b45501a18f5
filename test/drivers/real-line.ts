import { systemClock } from "../../src/core/clock.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { Line } from "../../src/drivers/http-driver.ts";
import type { FaultyServer } from "../../src/testing/faulty-server.ts";
import { Transport } from "../../src/transport/transport.ts";

/** A Client's line over real sockets to a server on loopback. */
export interface RealLine extends Line, Disposable {}

export function realLine(server: FaultyServer, { key = "sk-secret-0001" } = {}): RealLine {
  const transport = new Transport({ clock: systemClock });
  const tls = server.ca === undefined ? {} : { tls: { ca: server.ca } };
  const pool = transport.open({ origin: server.url, protocol: "auto", ...tls }, { connectTimeout: 10_000 });
  return {
    pool,
    config: { baseURL: `${server.url}/v1`, headers: {}, organization: undefined, project: undefined },
    key: () => key,
    refreshKey: (stale) => stale,
    [Symbol.dispose]: () => pool.destroy(new TrunklineError("closed", "the test is over")),
  };
}
