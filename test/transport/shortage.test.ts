import { execFile } from "node:child_process";
import type { ServerHttp2Stream } from "node:http2";
import type * as net from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { sharedBudget } from "../../src/transport/budget.ts";
import { certificate, failures, h1Server, h2Server, open, rawServer, send, turn, until } from "./support.ts";

/** Codes that the next connects fail with instead of being made. */
let failing: string[] = [];
let lastOptions: net.NetConnectOpts | undefined;

vi.mock("node:net", async (original) => {
  const real = await original<typeof net>();
  const connect = (options: net.NetConnectOpts): net.Socket => {
    lastOptions = options;
    const code = failing.shift();
    if (code === undefined) return real.connect(options);
    const socket = new real.Socket();
    socket.destroy(Object.assign(new Error(`connect ${code}`), { code }));
    return socket;
  };
  return { ...real, connect };
});

afterEach(() => {
  failing = [];
});

const answering = () =>
  h1Server((request, response) => void request.resume().on("end", () => response.end("an answer")));

/** Moves time on until all have settled. */
async function settled<T>(
  clock: { advance(ms: number): Promise<void> },
  promises: Promise<T>[],
): Promise<unknown[]> {
  let over = false;
  const errors = failures(promises).finally(() => (over = true));
  while (!over) {
    await clock.advance(10);
    await turn();
  }
  return errors;
}

describe.each(["EMFILE", "ENFILE", "EADDRNOTAVAIL"])("N1, N7: %s", (code) => {
  test("loses no call: the cap shrinks and they wait", async () => {
    const server = await answering();
    const { pool, clock, log } = open({ origin: server.origin }, { maxSockets: 50 });
    const warm = Array.from({ length: 10 }, () => send(pool));
    await Promise.all(warm);
    failing = Array.from({ length: 5 }, () => code);
    const calls = Array.from({ length: 100 }, () => send(pool));
    await until(() => failing.length === 0);
    await turn();
    expect(sharedBudget().cap).toBeLessThan(50);
    expect(await settled(clock, calls)).toEqual([]);
    expect(log.filter((line) => line.startsWith("warn") && line.includes(code))).toHaveLength(1);
  });

  test("before the first connection: the calls wait until one can be made", async () => {
    const server = await answering();
    const { pool, clock } = open({ origin: server.origin });
    failing = Array.from({ length: 20 }, () => code);
    const calls = Array.from({ length: 10 }, () => send(pool));
    expect(await settled(clock, calls)).toEqual([]);
  });

  test("for ever: after two minutes without any connection the calls are told", async () => {
    const { pool, clock } = open({ origin: "http://127.0.0.1:1" });
    failing = Array.from({ length: 10_000 }, () => code);
    const call = failures([send(pool)]);
    await clock.advance(100_000);
    expect(pool.stats().waitingForSocket).toBe(1);
    await clock.advance(30_000);
    expect((await call)[0]).toMatchObject({ code: "network", sent: false, retryable: true });
  });
});

test("N6: each address of a name has seconds, not Node's 250 ms", async () => {
  const server = await answering();
  const { pool } = open({ origin: server.origin });
  await send(pool);
  expect(lastOptions).toMatchObject({ autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 2_500 });
});

test("N6: what happened at each address is told, not an empty AggregateError", async () => {
  const { connectFailure } = await import("../../src/transport/failure.ts");
  const refused = Object.assign(new Error("connect ECONNREFUSED ::1:443"), { code: "ECONNREFUSED" });
  const error = connectFailure("https://x", new AggregateError([refused], ""));
  expect(error.message).toBe("connecting to https://x failed: connect ECONNREFUSED ::1:443");
  expect(error).toMatchObject({ code: "network", sent: false, cause: refused });
  const short = Object.assign(new Error("connect EMFILE"), { code: "EMFILE" });
  const { isShortage } = await import("../../src/transport/failure.ts");
  expect(isShortage(new AggregateError([refused, short], ""))).toBe(true);
});

describe("a connect that fails", () => {
  test("is one too when the server closes as soon as it is made", async () => {
    const rude = await rawServer((socket) => socket.destroy());
    const { pool } = open({ origin: rude.origin.replace("http", "https"), protocol: "h2" });
    const errors = await failures(Array.from({ length: 10 }, () => send(pool)));
    for (const error of errors) expect(error).toMatchObject({ code: "network", sent: false });
    expect(errors).toHaveLength(10);
  });

  test("fails those that wait when no connection lives, with nothing sent", async () => {
    const { pool } = open({ origin: "http://127.0.0.1:1" });
    const errors = await failures(Array.from({ length: 100 }, () => send(pool)));
    expect(errors).toHaveLength(100);
    for (const error of errors)
      expect(error).toMatchObject({ code: "network", sent: false, retryable: true });
  });

  test("fails nobody while other connections live, and is tried again after a pause", async () => {
    const server = await answering();
    const { pool, clock } = open({ origin: server.origin }, { connections: 4 });
    await send(pool);
    failing = ["ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED"];
    expect(
      await settled(
        clock,
        Array.from({ length: 50 }, () => send(pool)),
      ),
    ).toEqual([]);
  });
});

/** The child's report, run with a hard limit of descriptors. */
async function withDescriptors(limit: number, args: string[]): Promise<Record<string, unknown>> {
  const script = join(import.meta.dirname, "children", "few-descriptors.ts");
  const command = `ulimit -n ${limit}; exec "$0" "$@"`;
  const { stdout } = await promisify(execFile)("sh", ["-c", command, process.execPath, script, ...args]);
  return JSON.parse(stdout);
}

describe("N1: for real, in a process with few descriptors", () => {
  test("256: 2,000 calls on HTTP/1.1 lose none, on about half of them", async () => {
    const server = await answering();
    const report = await withDescriptors(256, [server.origin, "2000", certificate.cert]);
    expect(report).toMatchObject({ failed: 0, firstErrors: [], warnings: [] });
    expect(report.cap).toBeGreaterThan(90);
    expect(report.cap).toBeLessThanOrEqual(128);
    expect(report.mostSockets).toBe(report.cap);
  });

  test("256: 2,000 calls on HTTP/2 lose none, on 20 sessions", async () => {
    const held: ServerHttp2Stream[] = [];
    const server = await h2Server((stream) => {
      if (held.push(stream) < 2_000) return;
      for (const each of held) {
        each.respond({ ":status": 200 });
        each.end("an answer");
      }
    });
    const report = await withDescriptors(256, [server.origin, "2000", certificate.cert]);
    expect(report).toMatchObject({ failed: 0, firstErrors: [], warnings: [], mostSockets: 20 });
    expect(server.accepted).toBe(20);
  });

  test("64, with a cap far above it: EMFILE comes, is told, and loses none", async () => {
    const server = await answering();
    const report = await withDescriptors(64, [server.origin, "500", certificate.cert, "1000"]);
    expect(report).toMatchObject({ failed: 0, firstErrors: [] });
    expect(report.warnings).toEqual([expect.stringContaining("EMFILE")]);
    expect(report.mostSockets).toBeLessThan(64);
  });
});
