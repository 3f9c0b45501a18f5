import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Client } from "../../src/clients/client.ts";
import { setUp, startCall, thrown } from "./parts.ts";

/** Whether a promise has settled, after everything that was ready has run. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.finally(() => {
    done = true;
  });
  await new Promise(setImmediate);
  return done;
}

describe("closing", () => {
  test("R44, Z1: a drain lets running calls end, then releases their Pools", async () => {
    const { get, registry, transport, clock } = setUp();
    const [busy, idle] = [get({ timeout: 1 }), get({ timeout: 2 })];
    const [first, second] = [startCall(busy), startCall(busy)];
    const closing = registry.close();
    expect([busy.closed, idle.closed]).toEqual([false, true]);
    expect(await registry.closeIdle(0)).toBe(0);
    first.end();
    expect(await isDone(closing)).toBe(false);
    second.end();
    expect(await isDone(closing)).toBe(true);
    expect([first.error, second.error]).toEqual([undefined, undefined]);
    expect(transport.handles.map(({ releases, destroyedWith }) => [releases, destroyedWith])).toEqual([
      [1, undefined],
      [1, undefined],
    ]);
    expect(clock.pending).toBe(0);
    expect(registry.stats()).toMatchObject({ clients: 0, closed: 2 });
  });

  test("Z1, E8: at the deadline what is left is aborted with a typed error", async () => {
    const { get, registry, transport, clock } = setUp();
    const client = get();
    const [slow, quick] = [startCall(client), startCall(client)];
    const closing = registry.close({ deadline: 5_000 });
    await clock.advance(4_999);
    quick.end();
    expect(slow.error).toBeUndefined();
    await clock.advance(1);
    expect(slow.error).toMatchObject({ code: "closed", retryable: false });
    expect(quick.error).toBeUndefined();
    expect(transport.handles[0]!.destroyedWith).toBe(slow.error);
    expect(await isDone(closing)).toBe(true);
    expect(client.open.size).toBe(0);
  });

  test("the deadline is 30 s unless said otherwise, Infinity waits for all", async () => {
    const { get, registry, clock } = setUp();
    const call = startCall(get());
    registry.close();
    await clock.advance(29_999);
    expect(call.error).toBeUndefined();
    await clock.advance(1);
    expect(call.error?.code).toBe("closed");

    const patient = startCall(get());
    const closing = registry.close({ deadline: Number.POSITIVE_INFINITY });
    await clock.advance(1e9);
    expect(patient.error).toBeUndefined();
    patient.end();
    expect(await isDone(closing)).toBe(true);
  });

  test('Z1: "abort" ends everything at once', async () => {
    const { get, registry } = setUp();
    const calls = Array.from({ length: 20 }, (_, i) => startCall(get({ timeout: 1 + (i % 4) })));
    const closing = registry.close({ mode: "abort" });
    for (const call of calls) expect(call.error?.code).toBe("closed");
    expect(await isDone(closing)).toBe(true);
  });

  test("Z8: a drain holds the process, because somebody waits for it", () => {
    const { get, registry, clock } = setUp();
    startCall(get());
    registry.close();
    expect(clock.pending).toBe(1);
  });

  test("work that outlives its callers is waited for, until the deadline", async () => {
    const { get, registry, clock } = setUp();
    const client = get();
    const call = startCall(client);
    client.slots.take();
    call.end();
    const closing = registry.close({ deadline: 1_000 });
    await clock.advance(999);
    expect(await isDone(closing)).toBe(false);
    await clock.advance(1);
    expect(await isDone(closing)).toBe(true);
  });

  test("nothing to close is nothing to wait for", async () => {
    expect(await isDone(setUp().registry.close())).toBe(true);
  });
});

describe("closing twice", () => {
  test("Z3: it is the same promise, while it runs and afterwards", async () => {
    const { get, registry, transport } = setUp();
    const call = startCall(get());
    const closing = registry.close();
    expect(registry.close()).toBe(closing);
    call.end();
    await closing;
    expect(registry.close()).toBe(closing);
    expect(transport.handles[0]!.releases).toBe(1);
    expect(registry.stats().closed).toBe(1);
  });

  test("an abort hastens a drain, and is the same promise", async () => {
    const { get, registry, clock } = setUp();
    const call = startCall(get());
    const closing = registry.close({ deadline: 60_000 });
    expect(registry.close({ mode: "abort" })).toBe(closing);
    expect(call.error?.code).toBe("closed");
    expect(await isDone(closing)).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test("the sooner deadline holds, whichever came first", async () => {
    const { get, registry, clock } = setUp();
    const call = startCall(get());
    registry.close({ deadline: 10_000 });
    registry.close({ deadline: 2_000 });
    registry.close({ deadline: 50_000 });
    await clock.advance(1_999);
    expect(call.error).toBeUndefined();
    await clock.advance(1);
    expect(call.error?.code).toBe("closed");
    expect(clock.pending).toBe(0);
  });

  test("what was made in between is closed too, and the later close waits for the earlier", async () => {
    const { get, registry } = setUp();
    const old = startCall(get());
    const first = registry.close();
    const young = startCall(get());
    const second = registry.close();
    expect(second).not.toBe(first);
    young.end();
    expect(await isDone(second)).toBe(false);
    old.end();
    expect(await isDone(first)).toBe(true);
    expect(await isDone(second)).toBe(true);
  });

  test("an abort that comes with new Clients ends the earlier drain too", async () => {
    const { get, registry } = setUp();
    const old = startCall(get());
    const first = registry.close({ deadline: 60_000 });
    const young = startCall(get());
    const second = registry.close({ mode: "abort" });
    expect([old.error?.code, young.error?.code]).toEqual(["closed", "closed"]);
    expect(await isDone(first)).toBe(true);
    expect(await isDone(second)).toBe(true);
  });

  test("a configuration that was resolved and never used makes it a new close", () => {
    const { config, registry } = setUp();
    const first = registry.close();
    const unused = config();
    expect(registry.close()).not.toBe(first);
    expect(thrown(() => registry.get(unused)).code).toBe("closed");
  });
});

describe("after closing", () => {
  test("Z4: what was made before fails at once and is never opened again; what is made after works", async () => {
    const { config, registry, transport } = setUp();
    const before = config();
    registry.get(before);
    const { generation } = registry.configs;
    await registry.close();
    const error = thrown(() => registry.get(before));
    expect(error).toMatchObject({ code: "closed", retryable: false });
    expect(transport.handles).toHaveLength(1);
    const after = config();
    expect(after).not.toBe(before);
    expect(registry.get(after).closed).toBe(false);
    expect(registry.configs.generation).toBe(generation + 1);
    expect(thrown(() => registry.get(before)).code).toBe("closed");
  });

  test("calls during a drain fail, the ones that run go on", () => {
    const { config, registry } = setUp();
    const own = config();
    const client = registry.get(own);
    const call = startCall(client);
    registry.close();
    expect(thrown(() => registry.get(own)).code).toBe("closed");
    expect(client.key()).toBe(own.keys[0]);
    expect(call.error).toBeUndefined();
  });

  test("stats count what still drains", () => {
    const { get, registry } = setUp();
    const client = get();
    startCall(client);
    client.slots.take();
    client.gauges.queued = 2;
    registry.close();
    expect(registry.stats()).toMatchObject({ clients: 0, inFlight: 1, queued: 2 });
  });

  test.each([
    [{ mode: "kill" }, /clients.close: mode: expected one of "drain", "abort", got "kill"/],
    [{ deadline: -1 }, /deadline: expected milliseconds of 0 or more, got -1/],
    [{ timeout: 1 }, /unknown option "timeout"/],
  ])("%j is refused, and closes nothing", (options, message) => {
    const { get, registry } = setUp();
    const client = get();
    expect(thrown(() => registry.close(options as never)).message).toMatch(message);
    expect(client.closed).toBe(false);
    expect(get()).toBe(client);
  });
});

test("Z2, Z5: whatever happens in whatever order, nothing with calls is released, and at the end everything is", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("call" as const), which: fc.nat(7) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat(50) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), which: fc.nat(700_000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("idle" as const), which: fc.nat(300_000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("limit" as const), which: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), which: fc.nat(3) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const { get, registry, transport, clock } = setUp();
      const running: { client: Client; call: ReturnType<typeof startCall> }[] = [];
      const forget = () => {
        for (let i = running.length - 1; i >= 0; i--) if (running[i]!.call.error) running.splice(i, 1);
      };
      for (const { do: what, which } of steps) {
        if (what === "call") {
          const client = get({ timeout: which + 1 });
          expect(client.closed).toBe(false);
          running.push({ client, call: startCall(client) });
        } else if (what === "end") running.splice(which % (running.length || 1), 1)[0]?.call.end();
        else if (what === "wait") await clock.advance(which);
        else if (what === "idle") await registry.closeIdle(which);
        else if (what === "limit") registry.configure({ maxIdleClients: which });
        else registry.close(which === 0 ? { mode: "abort" } : { deadline: which * 100_000 });
        forget();
        for (const { client } of running) expect(client.closed).toBe(false);
        for (const handle of transport.handles) expect(handle.releases).toBeLessThanOrEqual(1);
      }
      for (const { call } of running) call.end();
      await registry.close();
      expect(registry.stats()).toMatchObject({ clients: 0, inFlight: 0 });
      const { created, closed, hits, misses } = registry.stats();
      expect(closed).toBe(created);
      expect(misses).toBe(created);
      expect(hits + misses).toBe(steps.filter((each) => each.do === "call").length);
      for (const { releases, destroyedWith } of transport.handles) {
        expect(releases + (destroyedWith ? 1 : 0)).toBe(1);
      }
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 100 },
  );
});
