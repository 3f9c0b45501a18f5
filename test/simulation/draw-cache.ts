import { Chance } from "./chance.ts";
import type { CachePlan, CallPlan, Change, LinePlan, Scenario, StorePlan, Weather } from "./scenario.ts";

/** Longer than any scenario's calls take. */
const always = 1e12;

/** The same callers, some of whom ask what others ask, through a cache; by a stream of its own, so that all else stays. */
export function withCache(scenario: Scenario): Scenario {
  const chance = new Chance(scenario.seed, 6);
  if (chance.yes(0.4)) return scenario;
  const span = Math.max(1, ...scenario.calls.map(({ at }) => at));
  const repeats = chance.pick([0.2, 0.6, 0.95]);
  const popular = range(chance.int(1, 6)).map(() => chance.pick(scenario.calls));
  const [scopes, rollouts, ttls] = [chance.yes(0.4), chance.yes(0.4), chance.yes(0.3)];
  const [refreshed, off] = [chance.yes(0.4) ? 8 : 0, chance.yes(0.5) ? 8 : 0];
  const calls = scenario.calls.map((call): CallPlan => {
    const asked = chance.yes(repeats) ? asking(call, chance.pick(popular)) : call;
    const mode = chance.weighted([
      [85, "use"],
      [refreshed, "refresh"],
      [off, "off"],
    ] as const);
    const ttl = ttls && chance.yes(0.3) ? chance.size(1, span) : undefined;
    return {
      ...asked,
      ...(mode !== "off" && {
        cache: {
          mode,
          scope: scopes && chance.yes(0.4) ? "a" : "",
          ...(ttl !== undefined && { ttl }),
        },
      }),
      ...(rollouts && chance.yes(0.3) && { rolloutId: chance.int(1, 2) }),
    };
  });
  const changes = range(chance.yes(0.3) ? chance.int(1, 4) : 0).map((): Change => {
    const at = chance.int(0, span);
    return chance.weighted<() => Change>([
      [2, () => ({ at, kind: "clear-cache" })],
      [2, () => ({ at, kind: "clear-cache", scope: chance.pick(["", "a"]) })],
      [2, () => ({ at, kind: "reset-memory" })],
    ])();
  });
  return { ...scenario, cache: drawCachePlan(chance), calls, changes: [...scenario.changes, ...changes] };
}

/** The call, with the question of another. */
function asking(
  call: CallPlan,
  { question, promptTokens, outputTokens, prefix, maxTokens }: CallPlan,
): CallPlan {
  const { prefix: _prefix, maxTokens: _maxTokens, ...rest } = call;
  return {
    ...rest,
    question,
    promptTokens,
    outputTokens,
    ...(prefix !== undefined && { prefix }),
    ...(maxTokens !== undefined && { maxTokens }),
  };
}

function drawCachePlan(chance: Chance): CachePlan {
  const manner = chance.weighted<StorePlan["manner"] | undefined>([
    [4, undefined],
    [3, "sound"],
    [3, "slow"],
    [1, "failing"],
    [1, "silent"],
    [1, "rubbish"],
    [2, "moody"],
  ]);
  return {
    memoryBytes: chance.yes(0.6) ? roomy : chance.size(1_000, 30_000),
    ...(manner && { store: { manner, ms: chance.size(1, 3_000) } }),
  };
}

/** More than all answers of a scenario take. */
export const roomy = 2 ** 28;

/** The same lines, some of which have others to ask; mostly one model is out and another is in good order. */
export function withFallbacks(scenario: Scenario): Scenario {
  const chance = new Chance(scenario.seed, 7);
  if (scenario.lanes.length < 2 || chance.yes(0.5)) return scenario;
  const well = chance.yes(0.7) ? chance.int(0, scenario.lanes.length - 1) : undefined;
  const lines = scenario.lines.map((line): LinePlan => {
    const others = scenario.lines.filter(({ lane }) => lane !== line.lane);
    const fallbacks = [...new Set(range(chance.int(0, 2)).map(() => chance.pick(others)))];
    // Each model once, in whatever order.
    const once = fallbacks.filter(({ lane }, i) => fallbacks.findIndex((each) => each.lane === lane) === i);
    const { start, requestsPerMinute, tokensPerMinute, ...steady } = line;
    const own = well === line.lane ? { ...steady, bad: 0 } : line;
    return once.length === 0 ? own : { ...own, fallbacks: once.map(({ id }) => id) };
  });
  if (well === undefined) return { ...scenario, lines };
  const out: Weather = {
    from: 0,
    to: always,
    kind: chance.pick(["outage", "storm", "refused", "hang", "quota", "cut"]),
    p: 1,
  };
  const lanes = scenario.lanes.map((lane) => {
    if (lane.id !== well) return chance.yes(0.6) ? { ...lane, weather: [out] } : lane;
    const grants = [
      { at: 0, requestsPerMinute: Number.POSITIVE_INFINITY, tokensPerMinute: Number.POSITIVE_INFINITY },
    ];
    return { ...lane, weather: [], headers: "none" as const, grants };
  });
  const clients = scenario.clients.map(({ key, ...client }) => client);
  return { ...scenario, clients, lines, lanes, healthy: [well] };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
