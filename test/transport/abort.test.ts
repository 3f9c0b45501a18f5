import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { h1Server, h2Server, type Opened, open, rawServer, send, turn, until } from "./support.ts";

/** Requests that came, and whether each was ended from the other side. */
interface Seen {
  path: string;
  gone: boolean;
  begin(): void;
  end(): void;
}

const servers = {
  async h1() {
    const seen: Seen[] = [];
    const server = await h1Server((request, response) => {
      request.resume();
      const each: Seen = {
        path: request.url!,
        gone: false,
        begin: () => void response.write("part"),
        end: () => void response.end("an answer"),
      };
      response.on("close", () => (each.gone = !response.writableEnded));
      seen.push(each);
    });
    return { origin: server.origin, seen };
  },
  async h2() {
    const seen: Seen[] = [];
    const server = await h2Server(
      (stream, headers) => {
        stream.resume();
        const each: Seen = {
          path: headers[":path"]!,
          gone: false,
          begin() {
            stream.respond({ ":status": 200 });
            stream.write("part");
          },
          end: () => void stream.end("an answer"),
        };
        stream.on("aborted", () => (each.gone = true));
        seen.push(each);
      },
      { settings: { maxConcurrentStreams: 2 } },
    );
    return { origin: server.origin, seen };
  },
};

const reason = new TrunklineError("aborted", "left");

describe.each(["h1", "h2"] as const)("an abort on %s", (protocol) => {
  const connections = protocol === "h1" ? 2 : 1;

  const begin = async () => {
    const { origin, seen } = await servers[protocol]();
    const opened = open({ origin }, { connections });
    const controller = new AbortController();
    const { signal } = controller;
    return { ...opened, seen, controller, signal };
  };

  /** Nothing is left of the aborted call, and the pool still works. */
  const leavesNothing = async ({ pool, clock }: Opened, seen: Seen[], signal: AbortSignal) => {
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(pool.stats()).toMatchObject({ inFlight: 0, waitingForSocket: 0 });
    expect(clock.pending).toBe(0);
    const next = send(pool, { path: "/next" });
    await until(() => seen.some(({ path }) => path === "/next"));
    const came = seen.find(({ path }) => path === "/next")!;
    came.begin();
    came.end();
    expect((await next).text).toBe("partan answer");
  };

  test("before it starts", async () => {
    const { seen, controller, signal, ...opened } = await begin();
    controller.abort(reason);
    await expect(send(opened.pool, { signal })).rejects.toBe(reason);
    expect(seen).toHaveLength(0);
    await leavesNothing(opened, seen, signal);
    expect(seen).toHaveLength(1);
  });

  test("while a connection is made", async () => {
    const { seen, controller, signal, ...opened } = await begin();
    const call = send(opened.pool, { signal });
    expect(opened.pool.stats()).toMatchObject({ waitingForSocket: 1 });
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    await leavesNothing(opened, seen, signal);
    expect(seen).toHaveLength(1);
  });

  test("while it waits for a place", async () => {
    const { seen, controller, signal, ...opened } = await begin();
    const others = [send(opened.pool), send(opened.pool)];
    await until(() => seen.length === 2);
    const call = send(opened.pool, { signal });
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    for (const each of seen) {
      each.begin();
      each.end();
    }
    await Promise.all(others);
    await leavesNothing(opened, seen, signal);
    expect(seen).toHaveLength(3);
  });

  test("in the very turn in which it is sent", async () => {
    const { seen, controller, signal, ...opened } = await begin();
    const warm = send(opened.pool);
    await until(() => seen.length === 1);
    seen[0]!.begin();
    seen[0]!.end();
    await warm;
    await turn();
    const call = send(opened.pool, { signal });
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    await leavesNothing(opened, seen, signal);
  });

  test("while it waits for the answer: the server sees it go, others are untouched", async () => {
    const { seen, controller, signal, ...opened } = await begin();
    const call = send(opened.pool, { signal });
    await until(() => seen.length === 1);
    const other = send(opened.pool);
    await until(() => seen.length === 2);
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    await until(() => seen[0]!.gone);
    seen[1]!.begin();
    seen[1]!.end();
    expect((await other).text).toBe("partan answer");
    await leavesNothing(opened, seen, signal);
  });

  test("E7: within the answer", async () => {
    const { seen, controller, signal, ...opened } = await begin();
    let parts = 0;
    const call = send(opened.pool, { signal, onPart: () => parts++ });
    await until(() => seen.length === 1);
    seen[0]!.begin();
    await until(() => parts === 1);
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    await until(() => seen[0]!.gone);
    await leavesNothing(opened, seen, signal);
    expect(parts).toBe(1);
  });

  test("from within its own reader", async () => {
    const { seen, controller, signal, ...opened } = await begin();
    const call = send(opened.pool, { signal, onPart: () => controller.abort(reason) });
    await until(() => seen.length === 1);
    seen[0]!.begin();
    await expect(call).rejects.toBe(reason);
    await until(() => seen[0]!.gone);
    await leavesNothing(opened, seen, signal);
  });

  test("after the end", async () => {
    const { seen, controller, signal, ...opened } = await begin();
    const call = send(opened.pool, { signal });
    await until(() => seen.length === 1);
    seen[0]!.begin();
    seen[0]!.end();
    await call;
    controller.abort(reason);
    await leavesNothing(opened, seen, signal);
  });

  test("N12: 3,000 calls on one signal leave no listener and cause no warning", async () => {
    const { seen, controller, signal, pool } = await begin();
    const warnings: Error[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on("warning", listener);
    const calls = Promise.allSettled(Array.from({ length: 3_000 }, () => send(pool, { signal })));
    await until(() => seen.length === 2);
    controller.abort(reason);
    for (const each of await calls) expect(each).toMatchObject({ status: "rejected", reason });
    await turn();
    process.off("warning", listener);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(warnings).toEqual([]);
  });
});

test("a body on its way is given up", async () => {
  const server = await rawServer((socket) => void socket.pause());
  const { pool } = open({ origin: server.origin });
  const controller = new AbortController();
  let sent = false;
  const call = send(pool, {
    signal: controller.signal,
    body: Buffer.alloc(50_000_000),
    onSent: () => {
      sent = true;
    },
  });
  await until(() => sent);
  controller.abort(reason);
  await expect(call).rejects.toBe(reason);
  await until(() => pool.stats().sockets === 0);
});
