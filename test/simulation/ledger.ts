import type { CallOptions, CallRecord, Layer } from "../../src/core/call.ts";
import type { ChatRequest } from "../../src/core/request.ts";
import { roomy } from "./draw-cache.ts";
import { callerOf } from "./question.ts";
import type { Scenario } from "./scenario.ts";
import type { CallSight, ClosingSight, LaneSight, StoredSight, Visit, Work } from "./sight.ts";
import type { World } from "./world.ts";

interface LedgerParts {
  readonly scenario: Scenario;
  readonly world: World;
  readonly callNumber: (id: number) => CallSight;
  readonly laneOf: (request: ChatRequest) => LaneSight;
  readonly onWork: (work: Work) => void;
  readonly onJoin: () => void;
  readonly closings: readonly ClosingSight[];
}

/** Who stays in the cache, what is done for them, and what must still be known: as seen from above and below it. */
export class Ledger {
  readonly works = new Set<Work>();
  readonly stored = new Map<string, StoredSight>();
  readonly #parts: LedgerParts;
  readonly #inside = new Set<Visit>();
  /** Plain askers whose answer is looked up: a refresh of their question takes them in when that has brought nothing. */
  readonly #looking = new Set<Visit>();
  /** Those whose work has failed in this event: they hear it, or ask anew. */
  readonly #failing = new Map<Visit, number>();
  readonly #byRecord = new WeakMap<CallRecord, Work>();
  readonly #erasOfScopes = new Map<string, number>();
  #clears = 0;
  #order = 0;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  get undecided(): Iterable<Visit> {
    return this.#failing.keys();
  }

  workOf(options: CallOptions): Work {
    return (
      this.#byRecord.get(options.record) ?? this.#parts.callNumber(callerOf(options)).visits.at(-1)!.work!
    );
  }

  readonly cacheProbe: Layer = (next) => (request, options) => {
    const { callNumber, laneOf, world } = this.#parts;
    const call = callNumber(callerOf(options));
    const lane = laneOf(request);
    const { mode = "off", scope = "" } = call.plan.cache ?? {};
    const visit: Visit = {
      call,
      lane,
      key: JSON.stringify([lane.plan.model, call.plan.question, scope, call.plan.rolloutId]),
      mode,
      era: this.#eraOf(scope),
      enteredAt: world.now(),
      order: this.#order++,
      options,
      work: undefined,
      led: 0,
      over: false,
    };
    call.visits.push(visit);
    if (this.#isUncertain(visit)) this.#failing.set(visit, this.#order++);
    else if (mode !== "off") this.#join(visit);
    this.#inside.add(visit);
    const over = (): void => {
      visit.over = true;
      this.#inside.delete(visit);
      this.#looking.delete(visit);
      this.leave(visit);
    };
    const answer = next(request, options);
    answer.then(over, over);
    return answer;
  };

  readonly workProbe: Layer = (next) => (request, options) => {
    const { callNumber, world, onWork, closings } = this.#parts;
    const hasStore = this.#parts.scenario.cache.store !== undefined;
    const leader = callNumber(callerOf(options)).visits.at(-1)!;
    // A close ends joined work for everybody before the work itself has ended.
    if (leader.work !== undefined && closings.length > 0) this.#failed(leader.work);
    // Whose work failed ask anew in the order in which they heard it.
    const asked = this.#failing.get(leader);
    if (this.#failing.delete(leader)) this.#askAnew(leader);
    const work: Work = {
      lane: leader.lane,
      leader,
      key: leader.key,
      era: leader.era,
      startedAt: world.now(),
      order: asked ?? this.#order++,
      options,
      members: new Set([leader]),
      attempts: [],
      joined: false,
      forgotten: false,
      // Of those who waited while it was looked up, some may just have got what was found.
      surelyAll: leader.mode === "off" || !(hasStore || this.#isUncertain(leader)),
      aloneSince: undefined,
      overAt: undefined,
    };
    leader.work = work;
    leader.led++;
    this.#looking.delete(leader);
    // Those who waited while the answer was looked up; without a store nobody does.
    for (const visit of this.#inside) {
      const looking = hasStore && visit.work === undefined && !this.#failing.has(visit);
      if (looking && visit.mode === leader.mode && joins(visit, work)) this.#add(work, visit);
    }
    this.#byRecord.set(options.record, work);
    onWork(work);
    this.works.add(work);
    const answer = next(request, options);
    answer.then(
      () => this.#over(work, true),
      () => this.#over(work, false),
    );
    return answer;
  };

  /** It waits no more. */
  leave(visit: Visit): void {
    const { work } = visit;
    if (work?.members.delete(visit) && work.members.size === 0) work.aloneSince = this.#parts.world.now();
  }

  clear(scope: string | undefined): void {
    if (scope === undefined) this.#clears++;
    else this.#erasOfScopes.set(scope, this.#eraOf(scope) - this.#clears + 1);
    for (const [key, entry] of this.stored) {
      if (scope === undefined || entry.scope === scope) this.stored.delete(key);
    }
    for (const work of this.works) {
      if (scope === undefined || work.leader.call.plan.cache?.scope === scope) work.forgotten = true;
    }
  }

  resetMemory(): void {
    for (const [key, { lane }] of this.stored) if (!this.#outlivesMemory(lane)) this.stored.delete(key);
  }

  /** Who asks the same may be about to hear a failure, or to ask anew: the end of the event will tell. */
  #isUncertain({ key, mode }: Visit): boolean {
    return (
      mode !== "off" && [...this.#failing.keys()].some((other) => other.key === key && other.mode === mode)
    );
  }

  #eraOf(scope: string): number {
    return this.#clears + (this.#erasOfScopes.get(scope) ?? 0);
  }

  #over(work: Work, answered: boolean): void {
    const { leader, key, lane } = work;
    work.overAt = this.#parts.world.now();
    this.works.delete(work);
    const { scope = "", ttl = Number.POSITIVE_INFINITY } = leader.call.plan.cache ?? {};
    if (answered && leader.mode !== "off" && work.era === this.#eraOf(scope) && this.#keeps(lane)) {
      this.stored.set(key, { at: work.overAt, ttl, order: this.#order++, scope, lane });
    }
    if (!answered) this.#failed(work);
    for (const visit of work.members) visit.work = undefined;
  }

  #failed(work: Work): void {
    for (const visit of work.members) {
      this.leave(visit);
      visit.work = undefined;
      if (!visit.over) this.#failing.set(visit, this.#order++);
    }
  }

  /** At the end of an event: who is still there has asked anew. */
  eventOver(): void {
    this.seek();
    for (const [visit, order] of this.#failing) {
      this.#failing.delete(visit);
      if (visit.over || visit.work !== undefined) continue;
      this.#askAnew(visit);
      this.#join(visit, order);
    }
  }

  #askAnew(visit: Visit): void {
    visit.era = this.#eraOf(visit.call.plan.cache?.scope ?? "");
  }

  /** Finds the work that a visit joins, if there is one: its own kind first, then a refresh. */
  #join(visit: Visit, asked = this.#order): void {
    const running = [...this.works].filter((work) => joins(visit, work) && [...work.members].some(waits));
    const own = running.find(({ leader }) => leader.mode === visit.mode);
    // Whoever else has no work while it runs is on its way out with what was found.
    const others = own === undefined && this.#looksWithOthers(visit);
    const work = own ?? (others ? undefined : running.find(({ order }) => order < asked));
    if (work !== undefined) this.#add(work, visit);
    else if (visit.mode === "use" && this.#parts.scenario.cache.store !== undefined) {
      visit.options.record.cache = "off";
      this.#looking.add(visit);
    }
  }

  /** Whoever looked and found nothing may wait for a refresh by now: its record says so. */
  seek(): void {
    for (const visit of this.#looking) {
      if (visit.options.record.cache !== "join") continue;
      const era = this.#eraOf(visit.call.plan.cache!.scope);
      for (const work of this.works) {
        if (work.leader.mode !== "refresh" || work.era !== era || !asksFor(visit, work)) continue;
        if (work.options.signal!.aborted) continue;
        visit.era = era;
        this.#add(work, visit);
        break;
      }
    }
  }

  #looksWithOthers(visit: Visit): boolean {
    return [...this.#inside].some((other) => {
      const looking = other !== visit && other.work === undefined && !other.over && !this.#failing.has(other);
      return looking && other.mode === visit.mode && other.key === visit.key && other.era === visit.era;
    });
  }

  #add(work: Work, visit: Visit): void {
    visit.work = work;
    this.#looking.delete(visit);
    work.members.add(visit);
    work.joined = true;
    work.aloneSince = undefined;
    this.#parts.onJoin();
  }

  #keeps(lane: LaneSight): boolean {
    return this.#parts.scenario.cache.memoryBytes === roomy || this.#outlivesMemory(lane);
  }

  #outlivesMemory({ plan }: LaneSight): boolean {
    const { cache, lag } = this.#parts.scenario;
    if (cache.store === undefined || plan.memoryOnly) return false;
    const { manner, ms } = cache.store;
    return manner === "sound" || (manner === "slow" && ms < 1_000 && lag.often === 0);
  }
}

/** Whether a visit and a piece of work belong together. */
function joins(visit: Visit, work: Work): boolean {
  return visit.era === work.era && asksFor(visit, work);
}

/** Whether the answer is one to its question, asked in a manner that it may share. */
export function asksFor(visit: Visit, { leader, key }: Work): boolean {
  if (visit.mode === "off" || leader.mode === "off" || visit.key !== key) return false;
  return visit.mode === leader.mode || leader.mode === "refresh";
}

/** Whether its caller is still there. */
export function waits({ call, over }: Visit): boolean {
  return !over && call.settledAt === undefined && call.abortedAt === undefined;
}
