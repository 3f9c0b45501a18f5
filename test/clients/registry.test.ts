import { describe, expect, test } from "vitest";
import { Configs, resolveConfig } from "../../src/clients/config.ts";
import { LeakWatch } from "../../src/clients/leak-watch.ts";
import { Registry } from "../../src/clients/registry.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { Transport } from "../../src/transport/transport.ts";
import { local, openai, setUp, startCall, testKey, thrown } from "./parts.ts";

describe("one Client a configuration", () => {
  test("R12, R14, R19, R67, R70, R79: asked again, a thousand times in a loop, it is the same one", () => {
    const { get, registry } = setUp();
    const client = get();
    for (let i = 0; i < 1_000; i++) expect(get()).toBe(client);
    expect(registry.stats()).toMatchObject({ clients: 1, created: 1, hits: 1_000, misses: 1 });
  });

  test("R23: several providers live under one scheme", () => {
    const { registry, configs } = setUp();
    const ids = ["openai", "groq", "cerebras"].map((name) => {
      const config = resolveConfig({ ...openai, name }, { apiKey: testKey }, configs);
      return registry.get(config).id;
    });
    expect(ids).toEqual(["openai#1", "groq#2", "cerebras#3"]);
  });

  test("R26, R36: two keys for one origin are two Clients on one Pool, and nothing is opened", async () => {
    const clock = new FakeClock();
    const configs = new Configs();
    const registry = new Registry({ clock, configs, transport: new Transport({ clock }) });
    const [one, two] = ["key-of-one", "key-of-two"].map((apiKey) =>
      registry.get(resolveConfig(openai, { apiKey }, configs)),
    );
    expect(one).not.toBe(two);
    expect(registry.stats()).toMatchObject({ clients: 2, pools: 1, sockets: 0 });
    await registry.closeIdle(0);
    expect(registry.stats()).toMatchObject({ clients: 0, pools: 0 });
  });

  test("N14, R59, R91: 5,000 configurations leave no more than the idle ones behind", () => {
    const { get, registry, transport } = setUp();
    for (let i = 1; i <= 5_000; i++) get({ timeout: i });
    expect(registry.stats()).toMatchObject({ clients: 256, created: 5_000, closed: 4_744 });
    expect(transport.handles.filter(({ releases }) => releases === 0)).toHaveLength(256);
  });

  test("R77, R80: another configuration has another", () => {
    const { get } = setUp();
    expect(get({ timeout: 1 })).not.toBe(get());
  });

  test("R83: going back brings the earlier one", () => {
    const { get } = setUp();
    const before = get();
    get({ timeout: 1 });
    expect(get()).toBe(before);
  });

  test("R22, R51, R78: 1,000 askers of 10 configurations at once make 10, and open nothing twice", async () => {
    const { get, transport, registry } = setUp();
    const clients = await Promise.all(
      Array.from({ length: 1_000 }, async (_, i) => {
        await null;
        return get({ timeout: 1 + (i % 10) });
      }),
    );
    expect(new Set(clients).size).toBe(10);
    expect(transport.handles).toHaveLength(10);
    expect(registry.stats()).toMatchObject({ created: 10, misses: 10, hits: 990 });
  });

  test("R71: the model is no part of it: a configuration knows none", () => {
    const { config } = setUp();
    expect(thrown(() => config({ model: "gpt-4o" } as never)).message).toMatch(/unknown option "model"/);
  });

  test("R41: a hit makes no pool, timer or waiting work", () => {
    const { config, registry, transport, clock } = setUp();
    const one = config();
    registry.get(one);
    const timers: number[] = [];
    const after = clock.after.bind(clock);
    clock.after = (ms, fn, kind) => {
      timers.push(ms);
      return after(ms, fn, kind);
    };
    for (let i = 0; i < 100; i++) registry.get(one);
    expect(timers).toEqual([]);
    expect(transport.handles).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test("its Pool is asked for by what sockets depend on, and no more", () => {
    const { get, transport } = setUp();
    get({
      baseURL: "https://host:8443/deep/v1",
      proxy: "http://proxy:1",
      connections: 7,
      connectTimeout: 9,
      protocol: "h1",
    });
    const [handle] = transport.handles;
    expect(handle!.settings).toEqual({
      origin: "https://host:8443",
      protocol: "h1",
      tls: undefined,
      proxy: "http://proxy:1/",
    });
    expect(handle!.use).toEqual({ connections: 7, connectTimeout: 9 });
  });

  test("one that could not be made is not remembered", () => {
    const { get, transport, registry } = setUp();
    transport.failure = new Error("no such authority");
    expect(() => get()).toThrow("no such authority");
    transport.failure = undefined;
    expect(get().closed).toBe(false);
    expect(registry.stats()).toMatchObject({ clients: 1, created: 1, misses: 2 });
  });

  test("a Client of this process has no Pool, and counts like others", async () => {
    const { localConfig, registry, transport } = setUp();
    const client = registry.get(localConfig(() => "", { maxParallelRequests: 4 }));
    expect(client.pool).toBeUndefined();
    expect(client.slots.limit).toBe(4);
    expect(transport.handles).toHaveLength(0);
    const call = startCall(client);
    client.slots.take();
    expect(registry.stats()).toMatchObject({ clients: 1, pools: 0, inFlight: 1 });
    expect(registry.list()).toMatchObject([
      { id: "driver#1", provider: local.name, origin: undefined, sockets: 0 },
    ]);
    await registry.close({ mode: "abort" });
    expect(call.error).toMatchObject({ code: "closed" });
  });

  test("Z14: a Client cannot be posted to a thread", () => {
    expect(() => structuredClone(setUp().get())).toThrow(/could not be cloned/);
  });
});

describe("limits", () => {
  test("R96: at most so many idle Clients; the one used longest ago goes first", () => {
    const { get, registry, transport } = setUp();
    registry.configure({ maxIdleClients: 2 });
    const [a, b] = [get({ timeout: 1 }), get({ timeout: 2 })];
    get({ timeout: 1 });
    get({ timeout: 3 });
    expect([a.closed, b.closed]).toEqual([false, true]);
    expect(transport.handles.map(({ releases }) => releases)).toEqual([0, 1, 0]);
    expect(get({ timeout: 1 })).toBe(a);
    expect(get({ timeout: 2 })).not.toBe(b);
    expect(registry.stats()).toMatchObject({ clients: 2, created: 4, closed: 2 });
  });

  test("Z5: under load nothing in use is closed, however many there are; the surplus goes as calls end", () => {
    const { get, registry } = setUp();
    registry.configure({ maxIdleClients: 3 });
    const clients = Array.from({ length: 50 }, (_, i) => get({ timeout: i + 1 }));
    // The first three calls came too late for the first Clients; those in use now are all kept.
    const living = clients.map((_, i) => get({ timeout: i + 1 }));
    const calls = living.map((client, i) => {
      const own = get({ timeout: i + 1 });
      return { client: own, call: startCall(own), evicted: own !== client };
    });
    expect(registry.stats().clients).toBe(50);
    for (const { client } of calls) expect(client.closed).toBe(false);
    for (const [i, { client, call }] of calls.entries()) {
      call.end();
      expect(client.closed).toBe(false);
      expect(registry.stats().clients).toBe(Math.max(50 - Math.max(0, i - 2), 3));
    }
    expect(registry.stats().clients).toBe(3);
  });

  test("Z5: work that outlives its caller holds its Client too", () => {
    const { get, registry, transport } = setUp();
    registry.configure({ maxIdleClients: 0 });
    const client = get();
    const call = startCall(client);
    client.slots.take();
    client.slots.take();
    call.end();
    expect(client.closed).toBe(false);
    client.slots.give();
    expect(client.closed).toBe(false);
    client.slots.give();
    expect(client.closed).toBe(true);
    expect(transport.handles[0]!.releases).toBe(1);
  });

  test("Z5: its end changes nothing while there is another call", () => {
    const { get, registry } = setUp();
    registry.configure({ maxIdleClients: 0 });
    const client = get();
    const first = startCall(client);
    client.slots.take();
    first.end();
    const second = startCall(client);
    client.slots.give();
    expect(client.closed).toBe(false);
    second.end();
    expect(client.closed).toBe(true);
  });

  test("one that was just made is never the one that makes room", () => {
    const { get, registry } = setUp();
    registry.configure({ maxIdleClients: 0 });
    const client = get();
    expect(client.closed).toBe(false);
    startCall(client).end();
    expect(client.closed).toBe(true);
  });

  test("R30, R42, R43, R95: ten minutes idle, and it goes; each use starts them anew", async () => {
    const { get, clock, registry } = setUp();
    const [used, unused] = [get({ timeout: 1 }), get({ timeout: 2 })];
    await clock.advance(300_000);
    expect(get({ timeout: 1 })).toBe(used);
    await clock.advance(299_999);
    expect(unused.closed).toBe(false);
    await clock.advance(1);
    expect([used.closed, unused.closed]).toEqual([false, true]);
    await clock.advance(300_000);
    expect(used.closed).toBe(true);
    expect(registry.stats()).toMatchObject({ clients: 0, closed: 2 });
  });

  test("R95: a call longer than that keeps it, and the ten minutes start at its end", async () => {
    const { get, clock, registry } = setUp();
    const client = get();
    const call = startCall(client);
    await clock.advance(3_600_000);
    expect(client.closed).toBe(false);
    call.end();
    expect(await registry.closeIdle(1)).toBe(0);
    await clock.advance(599_999);
    expect(client.closed).toBe(false);
    await clock.advance(1);
    expect(client.closed).toBe(true);
  });

  test("Z7: idle Clients do not hold the process", () => {
    const { get, clock } = setUp();
    startCall(get()).end();
    expect(clock.pending).toBe(0);
    expect(clock.nextAt).toBe(600_000);
  });

  test("limits set later hold at once", async () => {
    const { get, clock, registry } = setUp();
    for (let i = 1; i <= 5; i++) get({ timeout: i });
    registry.configure({ maxIdleClients: 3 });
    expect(registry.stats().clients).toBe(3);
    await clock.advance(1_000);
    registry.configure({ idleTtl: 2_000 });
    await clock.advance(999);
    expect(registry.stats().clients).toBe(3);
    await clock.advance(1);
    expect(registry.stats().clients).toBe(0);
    registry.configure({ idleTtl: Number.POSITIVE_INFINITY });
    get();
    await clock.advance(10_000_000);
    expect(registry.stats().clients).toBe(1);
  });

  test("R57: maxSockets goes to the transport, and stays when it is left out", () => {
    const { registry, transport, logger } = setUp();
    registry.configure({ maxSockets: 64 });
    registry.configure({ logger });
    expect(transport.maxSockets).toBe(64);
  });

  test.each([
    [
      { maxIdleClients: -1 },
      /clients.configure: maxIdleClients: expected a whole number of 0 or more, got -1/,
    ],
    [{ idleTtl: 0 }, /idleTtl: expected milliseconds above 0/],
    [{ maxSockets: 0 }, /maxSockets: expected a whole number of 1 or more/],
    [{ logger: { info() {} } }, /logger: expected an object with debug, info and warn/],
    [{ maxIdleClient: 3 }, /unknown option "maxIdleClient"; did you mean "maxIdleClients"\?/],
  ])("%j is refused", (options, message) => {
    expect(thrown(() => setUp().registry.configure(options as never)).message).toMatch(message);
  });
});

describe("closeIdle", () => {
  test("R45, R93: removes old ones, keeps fresh and busy ones; 0 is all idle", async () => {
    const { get, clock, registry } = setUp();
    get({ timeout: 1 });
    const busy = get({ timeout: 2 });
    const call = startCall(busy);
    await clock.advance(5_000);
    const fresh = get({ timeout: 3 });
    expect(await registry.closeIdle(5_000)).toBe(1);
    expect([busy.closed, fresh.closed]).toEqual([false, false]);
    expect(await registry.closeIdle(0)).toBe(1);
    expect([busy.closed, fresh.closed]).toEqual([false, true]);
    call.end();
    expect(await registry.closeIdle(0)).toBe(1);
    expect(registry.stats()).toMatchObject({ clients: 0, closed: 3 });
  });

  test("use refreshes", async () => {
    const { get, clock, registry } = setUp();
    get();
    await clock.advance(5_000);
    get();
    expect(await registry.closeIdle(5_000)).toBe(0);
  });

  test.each([[-1], [Number.NaN], ["5"], [undefined]])("%s is no age", async (age) => {
    await expect(setUp().registry.closeIdle(age as number)).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(/clients.closeIdle: maxAgeMs: expected milliseconds of 0 or more, got /),
    });
  });
});

describe("what it tells", () => {
  test("R89, R90: list shows each Client with its settings, secrets masked", async () => {
    const { get, clock, registry } = setUp();
    await clock.advance(1_000);
    const client = get({
      organization: "org-1",
      headers: { "x-tenant": "secret-word" },
      proxy: "http://u:secret-word@p:1",
    });
    await clock.advance(500);
    get({ organization: "org-1", headers: { "x-tenant": "secret-word" }, proxy: "http://u:secret-word@p:1" });
    client.slots.take();
    const list = registry.list();
    expect(list).toEqual([
      {
        id: "openai#1",
        provider: openai.name,
        origin: "https://api.openai.com",
        protocol: "h2",
        settings: expect.objectContaining({
          baseURL: "https://api.openai.com/v1",
          apiKey: "****WXYZ",
          organization: "org-1",
          headers: { "x-tenant": "****" },
          proxy: "http://p:1",
          timeout: 300_000,
        }),
        sockets: 3,
        inFlight: 1,
        createdAt: Date.UTC(2026, 0, 1) + 1_000,
        lastUsedAt: Date.UTC(2026, 0, 1) + 1_500,
      },
    ]);
    expect(JSON.stringify(list)).not.toMatch(/secret-word|0123456789/);
  });

  test("R94: stats add up over all Clients", () => {
    const { get, registry, transport } = setUp();
    const [a, b] = [get({ timeout: 1 }), get({ timeout: 2 })];
    a.slots.take();
    b.slots.take();
    b.slots.take();
    a.gauges.queued = 4;
    b.gauges.waitingForSocket = 5;
    b.gauges.abandoned = 1;
    transport.waitingForSocket = 7;
    expect(registry.stats()).toEqual({
      clients: 2,
      pools: 2,
      sockets: 6,
      inFlight: 3,
      queued: 4,
      waitingForSocket: 12,
      abandoned: 1,
      hits: 0,
      misses: 2,
      created: 2,
      closed: 0,
    });
  });

  test("R65, R87, R88: info on creation with settings and masked secret, debug on reuse", () => {
    const { get, registry, lines, logger } = setUp();
    get({ timeout: 9 });
    expect(lines).toEqual([]);
    registry.configure({ logger });
    get({ timeout: 1_234, headers: { "x-a": "secret-word" } });
    get({ timeout: 1_234, headers: { "x-a": "secret-word" } });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /^info trunkline: client openai#2 made: provider openai, baseURL https:\/\/api.openai.com\/v1/,
    );
    expect(lines[0]).toMatch(/apiKey \*\*\*\*WXYZ/);
    expect(lines[0]).toMatch(/timeout 1234, /);
    expect(lines[0]).not.toMatch(/secret-word/);
    expect(lines[0]).not.toContain(testKey);
    expect(lines[1]).toBe("debug trunkline: client openai#2 is used again");
  });

  test("a logger that throws costs no call", () => {
    const { get, registry } = setUp();
    const fail = (): never => {
      throw new Error("disk full");
    };
    registry.configure({ logger: { debug: fail, info: fail, warn: fail } });
    expect(get()).toBe(get());
  });
});

describe("R46: a leak of configurations", () => {
  const warnings = (lines: string[]) => lines.filter((line) => line.startsWith("warn"));

  test("is noticed once, and the header that varies is named", () => {
    const { get, registry, lines, logger } = setUp({ leakThreshold: 20 });
    registry.configure({ logger });
    for (let i = 0; i < 19; i++) get({ headers: { "x-fixed": "1", "x-request-id": `secret-${i}` } });
    expect(warnings(lines)).toEqual([]);
    for (let i = 19; i < 60; i++) get({ headers: { "x-fixed": "1", "x-request-id": `secret-${i}` } });
    expect(warnings(lines)).toHaveLength(1);
    expect(warnings(lines)[0]).toMatch(
      /20 different client configurations .* headers\.x-request-id \(headers that change/,
    );
    expect(warnings(lines)[0]).not.toMatch(/secret/);
  });

  test("a key function made anew each time is named", () => {
    const { get, registry, lines, logger } = setUp({ leakThreshold: 20 });
    registry.configure({ logger });
    for (let i = 0; i < 20; i++) get({ apiKey: () => "k" });
    expect(warnings(lines)[0]).toMatch(/what varies most is apiKey \(a function written inside a loop/);
  });

  test("the warning waits for a logger", () => {
    const { get, registry, lines, logger } = setUp({ leakThreshold: 20 });
    for (let i = 1; i <= 30; i++) get({ timeout: i });
    registry.configure({ logger });
    expect(warnings(lines)[0]).toMatch(
      /20 different client configurations .* firstByteTimeout, idleTimeout, timeout\./,
    );
    registry.configure({ logger });
    expect(warnings(lines)).toHaveLength(1);
  });

  test("few configurations that come and go are none", async () => {
    const { get, registry, lines, logger } = setUp({ leakThreshold: 20 });
    registry.configure({ logger });
    for (let i = 0; i < 100; i++) {
      get({ timeout: 1 + (i % 10) });
      await registry.closeIdle(0);
    }
    expect(registry.stats().created).toBe(100);
    expect(warnings(lines)).toEqual([]);
  });

  test("the field that varies most wins over one that varies too", () => {
    const watch = new LeakWatch(30);
    const warning = Array.from({ length: 30 }, (_, i) =>
      watch.created(JSON.stringify({ a: i, b: i >> 3 })),
    ).at(-1);
    expect(warning).toMatch(/what varies most is a\./);
  });
});
