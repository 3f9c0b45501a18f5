import { priorities } from "../../src/core/call.ts";
import { Chance } from "./chance.ts";
import { roomy, withCache, withFallbacks } from "./draw-cache.ts";
import type {
  AbortPlan,
  CallPlan,
  Change,
  ClientPlan,
  Grant,
  HeaderStyle,
  HintStyle,
  Intensity,
  LanePlan,
  LinePlan,
  PoolPlan,
  Scenario,
  Weather,
  WeatherKind,
} from "./scenario.ts";

/** Callers who ask what others ask, a cache, and models that stand in for each other. */
export function drawScenario(seed: number): Scenario {
  return withCache(withFallbacks(drawPlain(seed)));
}

/** Callers of lines alone: nothing is cached, and each model stands for itself. */
export function drawPlain(seed: number): Scenario {
  const chance = new Chance(seed, 3);
  const intensity = drawIntensity(chance);
  const span = chance.size(1_000, 300_000);
  const pools = range(
    chance.weighted([
      [3, 1],
      [1, 2],
    ]),
  ).map((id) => ({
    id,
    capacity: chance.yes(0.4) ? Number.POSITIVE_INFINITY : chance.size(1, 64),
  }));
  const lanes = drawLanes(chance, intensity, pools, span);
  const clients = drawClients(chance, lanes);
  const lines = drawLines(chance, intensity, clients, lanes);
  const runs = chance.int(1, 3);
  const calls = drawCalls(chance, intensity, lines, runs, span);
  const changes = drawChanges(chance, intensity, pools, clients, runs, span);
  const scenario: Scenario = {
    seed,
    by: "layers",
    intensity,
    pools,
    lanes,
    clients,
    lines,
    calls,
    changes,
    runs,
    cache: { memoryBytes: roomy },
    healthy: [],
    lag: chance.weighted([
      [85, { often: 0, longest: 0 }],
      [13, { often: 0.05, longest: 3_000 }],
      [2, { often: 0.01, longest: 20_000_000 }],
    ]),
  };
  return chance.yes(0.4) ? throughTrunk(chance, scenario, span) : scenario;
}

/** The same, as far as the trunk can have it: what a Client configures holds for all its lines. */
function throughTrunk(chance: Chance, scenario: Scenario, span: number): Scenario {
  const lanes = scenario.lanes.map((lane) =>
    chance.yes(0.25)
      ? { ...lane, local: true, memoryOnly: lane.id % 2 > 0, cachesPrefixes: false, concurrencyBound: false }
      : // The one built-in wire that is bound by concurrency and speaks as the modelled pools do is vLLM's.
        { ...lane, cachesPrefixes: lane.cachesPrefixes || lane.concurrencyBound },
  );
  const lines = scenario.lines.map((line) => {
    if (lanes[line.lane]!.local) return { ...line, own: false };
    const { requestsPerMinute, tokensPerMinute, ...rest } = line;
    const first = scenario.lines.find(({ client }) => client === line.client)!;
    return {
      ...rest,
      ...(first.requestsPerMinute !== undefined && { requestsPerMinute: first.requestsPerMinute }),
      ...(first.tokensPerMinute !== undefined && { tokensPerMinute: first.tokensPerMinute }),
      deaf: false,
      own: true,
    };
  });
  const changes = range(chance.yes(0.4) ? chance.int(1, 5) : 0).map((): Change => {
    const at = chance.int(0, span);
    return chance.yes(0.5)
      ? { at, kind: "close-idle", maxAgeMs: chance.pick([0, 10, 1_000]) }
      : { at, kind: "keep", clients: chance.int(0, 2), idleTtl: chance.size(1, 600_000) };
  });
  // Clients of one account share its function, for that is what makes it one account.
  const keys = new Map(
    scenario.clients.flatMap(({ account }) =>
      chance.yes(scenario.intensity.oddKeys)
        ? [[account, { ms: chance.pick([0, 0, chance.size(1, 40_000)]), fails: chance.next() * 0.3 }]]
        : [],
    ),
  );
  const clients = scenario.clients.map((client) => {
    const key = keys.get(client.account);
    return key === undefined ? client : { ...client, key };
  });
  return { ...scenario, by: "trunk", clients, lanes, lines, changes: [...scenario.changes, ...changes] };
}

function drawIntensity(chance: Chance): Intensity {
  const level = (odds: number, high: number): number => (chance.yes(odds) ? chance.next() * high : 0);
  return {
    aborts: level(0.5, 0.6),
    sharedAborts: level(0.3, 0.8),
    deadlines: level(0.4, 0.6),
    queueTimeouts: level(0.3, 0.5),
    tinyQueues: level(0.2, 0.5),
    streams: level(0.7, 1),
    rates: level(0.5, 1),
    liars: level(0.4, 1),
    storms: level(0.5, 1),
    outages: level(0.4, 1),
    quota: level(0.1, 1),
    slowness: level(0.3, 1),
    hangs: level(0.3, 0.3),
    cuts: level(0.4, 0.5),
    deafDrivers: level(0.25, 0.7),
    badDrivers: level(0.2, 0.2),
    starts: level(0.3, 0.6),
    oddKeys: level(0.4, 1),
    prefixes: level(0.45, 1),
    capMoves: level(0.35, 1),
    closes: level(0.35, 1),
  };
}

function drawLanes(
  chance: Chance,
  intensity: Intensity,
  pools: readonly PoolPlan[],
  span: number,
): LanePlan[] {
  return range(
    chance.weighted([
      [3, 1],
      [2, 2],
      [1, 3],
    ]),
  ).map((id) => ({
    id,
    pool: chance.int(0, pools.length - 1),
    account: chance.pick(["key-a", "key-b"]),
    model: `model-${id}`,
    grants: drawGrants(chance, intensity, span),
    weather: drawWeather(chance, intensity, span),
    hints: chance.weighted<HintStyle>([
      [3, "mixed"],
      [2, "none"],
      [2, "seconds"],
      [2, "ms"],
      [1, "zero"],
      [0.5, "huge"],
      [1, "junk"],
    ]),
    headers: chance.yes(intensity.liars)
      ? chance.pick<HeaderStyle>(["lying", "hostile", "stale"])
      : chance.pick<HeaderStyle>(["none", "true"]),
    firstByteMs: chance.size(5, 5_000),
    bodyMs: chance.size(5, 5_000),
    cachesPrefixes: chance.yes(0.7),
    concurrencyBound: chance.yes(0.15),
    local: false,
    memoryOnly: false,
  }));
}

function drawGrants(chance: Chance, intensity: Intensity, span: number): Grant[] {
  const draw = (at: number): Grant => ({
    at,
    requestsPerMinute: chance.yes(intensity.rates) ? chance.size(30, 20_000) : Number.POSITIVE_INFINITY,
    tokensPerMinute: chance.yes(intensity.rates) ? chance.size(20_000, 20_000_000) : Number.POSITIVE_INFINITY,
  });
  const moves = chance.yes(0.4) ? chance.int(1, 3) : 0;
  return [draw(0), ...range(moves).map((i) => draw(Math.round((span * (i + 1)) / (moves + 1))))];
}

function drawWeather(chance: Chance, intensity: Intensity, span: number): Weather[] {
  const kinds: readonly (readonly [WeatherKind, number])[] = [
    ["storm", intensity.storms],
    ["outage", intensity.outages],
    ["quota", intensity.quota],
    ["slow", intensity.slowness],
    ["hang", intensity.hangs],
    ["refused", intensity.outages],
    ["cut", intensity.cuts],
  ];
  return kinds.flatMap(([kind, level]) =>
    level === 0
      ? []
      : range(chance.int(0, 3)).map(() => {
          const from = chance.int(0, span);
          return {
            kind,
            from,
            to: from + chance.size(50, Math.max(100, span)),
            p: chance.yes(0.3) ? 1 : level,
          };
        }),
  );
}

function drawClients(chance: Chance, lanes: readonly LanePlan[]): ClientPlan[] {
  // Every account that a lane belongs to has a client; some have a second one with other settings.
  const homes = new Map(lanes.map((lane) => [`${lane.pool}/${lane.account}`, lane]));
  const clients: ClientPlan[] = [];
  for (const { pool, account } of homes.values()) {
    for (let more = chance.yes(0.3) ? 2 : 1; more > 0; more--) {
      clients.push({
        id: clients.length,
        pool,
        account,
        cap: chance.weighted([
          [2, 2_000],
          [3, chance.size(1, 40)],
        ]),
        abandonAfter: chance.pick([30_000, 1_000, 50, 0]),
      });
    }
  }
  return clients;
}

function drawLines(
  chance: Chance,
  intensity: Intensity,
  clients: readonly ClientPlan[],
  lanes: readonly LanePlan[],
): LinePlan[] {
  const lines: LinePlan[] = [];
  for (const lane of lanes) {
    for (const client of clients) {
      if (client.pool !== lane.pool || client.account !== lane.account) continue;
      const told = chance.yes(intensity.rates * 0.6);
      // Half of those who configure a rate configure the wrong one.
      const wrong = chance.yes(0.5) ? 1 : chance.pick([0.1, 0.5, 2, 10]);
      const truth = lane.grants[0]!;
      const configured = (rate: number) =>
        told && chance.yes(0.7) ? Math.max(1, Math.round(Math.min(rate, 60_000) * wrong)) : undefined;
      const requestsPerMinute = configured(truth.requestsPerMinute);
      const tokensPerMinute = configured(truth.tokensPerMinute * 1);
      const deaf = chance.yes(intensity.deafDrivers);
      const bad = chance.yes(0.5) ? intensity.badDrivers : 0;
      lines.push({
        id: lines.length,
        client: client.id,
        lane: lane.id,
        ...(requestsPerMinute !== undefined && { requestsPerMinute }),
        ...(tokensPerMinute !== undefined && { tokensPerMinute }),
        deaf,
        bad,
        own: !deaf && bad === 0 && chance.yes(0.6),
        ...(chance.yes(intensity.starts) && {
          start: { ms: chance.size(1, 3_000), failures: chance.int(0, 3), never: chance.yes(0.1) },
        }),
      });
    }
  }
  return lines;
}

function drawCalls(
  chance: Chance,
  intensity: Intensity,
  lines: readonly LinePlan[],
  runs: number,
  span: number,
): CallPlan[] {
  const count = chance.weighted([
    [6, chance.size(5, 120)],
    [3, chance.size(100, 300)],
    [0.3, chance.size(300, 2_000)],
  ]);
  const keys = chance.int(1, 5);
  const groups = chance.int(1, 3);
  const bursts = range(chance.int(1, 4)).map((i) => (i === 0 ? 0 : chance.int(0, span)));
  const together = chance.next();
  const retries = chance.pick([0, 1, 3, 3, 3, 8]);
  const prefixWait = chance.size(1, 30_000);
  return range(count).map((id) => {
    const abort = chance.yes(intensity.aborts) ? drawAbort(chance, span) : undefined;
    const run = chance.yes(intensity.sharedAborts) ? chance.int(0, runs - 1) : undefined;
    const grouped = chance.yes(intensity.prefixes);
    const maxTokens = chance.yes(0.5) ? chance.size(1, 4_000) : undefined;
    return {
      id,
      question: id,
      at: chance.yes(together) ? chance.pick(bursts) : chance.int(0, span),
      line: chance.int(0, lines.length - 1),
      priority: chance.pick(priorities),
      fairnessKey: `run-${Math.min(chance.int(1, keys), chance.int(1, keys))}`,
      stream: chance.yes(intensity.streams),
      maxRetries: chance.yes(0.8) ? retries : chance.int(0, 6),
      maxQueue: chance.yes(intensity.tinyQueues) ? chance.int(0, 20) : 100_000,
      deadlineMs: chance.yes(intensity.deadlines) ? drawDeadline(chance, span) : Number.POSITIVE_INFINITY,
      queueTimeout: chance.yes(intensity.queueTimeouts) ? chance.size(1, span) : Number.POSITIVE_INFINITY,
      timeout: chance.yes(0.7) ? 300_000 : chance.size(100, 60_000),
      abandonAfter: chance.pick([30_000, 1_000, 50]),
      ...(abort !== undefined && { abort }),
      ...(run !== undefined && { run }),
      ...(grouped && { prefix: chance.int(0, groups - 1) }),
      prefixSharing: chance.weighted<CallPlan["prefixSharing"]>([
        [90, "auto"],
        [5, false],
        [5, { prefixWait }],
      ]),
      ...(chance.yes(0.02) && { throwsAt: chance.int(1, 3) }),
      promptTokens: chance.size(5, 3_000),
      ...(maxTokens !== undefined && { maxTokens }),
      // What really comes back: seldom what was estimated.
      outputTokens: chance.int(1, maxTokens ?? 2_000),
    };
  });
}

/** Some have passed before the call comes. */
function drawDeadline(chance: Chance, span: number): number {
  return chance.yes(0.03) ? chance.pick([0, -1, -10_000]) : chance.size(1, span * 2);
}

function drawAbort(chance: Chance, span: number): AbortPlan {
  const phase = chance.weighted<AbortPlan["phase"]>([
    [0.5, "before"],
    [3, "arrived"],
    [2, "queued"],
    [2, "dispatched"],
    [2, "sent"],
    [2, "first_byte"],
    [2, "backoff"],
    [1, "answered"],
  ]);
  const afterMs = chance.weighted([
    // Less than 0: within the very event that the phase is reached in.
    [1, -1],
    [2, 0],
    [2, chance.int(0, 20)],
    [2, chance.size(1, span)],
  ]);
  return { phase, afterMs };
}

function drawChanges(
  chance: Chance,
  intensity: Intensity,
  pools: readonly PoolPlan[],
  clients: readonly ClientPlan[],
  runs: number,
  span: number,
): Change[] {
  const changes: Change[] = [];
  for (const pool of pools) {
    if (!chance.yes(intensity.capMoves)) continue;
    for (let moves = chance.int(1, 8); moves > 0; moves--) {
      const capacity = chance.weighted([
        [1, 0],
        [4, chance.size(1, 64)],
        [1, Number.POSITIVE_INFINITY],
      ]);
      changes.push({ at: chance.int(0, span), kind: "pool", pool: pool.id, capacity });
    }
    // A pool that stays empty for ever would rightly hold its calls for ever.
    changes.push({ at: span + 1, kind: "pool", pool: pool.id, capacity: chance.size(1, 64) });
  }
  for (const client of clients) {
    if (chance.yes(intensity.closes)) {
      const mode = chance.pick(["drain", "abort"] as const);
      const deadline = chance.weighted([
        [1, 0],
        [3, chance.size(1, span * 2)],
        [1, Number.POSITIVE_INFINITY],
      ]);
      changes.push({ at: chance.int(0, span), kind: "close", client: client.id, mode, deadline });
    }
  }
  if (intensity.sharedAborts > 0) {
    for (const run of range(runs)) {
      if (chance.yes(0.6)) changes.push({ at: chance.int(0, span), kind: "abort-run", run });
    }
  }
  return changes;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
