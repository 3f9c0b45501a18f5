import type { LaneStats } from "../../src/admission/lane.ts";
import type { Cache } from "../../src/cache/cache.ts";
import { type CallOptions, type Layer, newRecord } from "../../src/core/call.ts";
import { isTrunklineError } from "../../src/core/errors.ts";
import { Slots } from "../../src/core/slots.ts";
import { ByLayers } from "./by-layers.ts";
import { ByTrunk } from "./by-trunk.ts";
import { drawScenario } from "./draw-scenario.ts";
import { idOf } from "./fate.ts";
import { Judge, type Violation } from "./judge.ts";
import { Ledger } from "./ledger.ts";
import { callHeader, requestOf } from "./question.ts";
import { able, longestHint, spendsBudget } from "./reading.ts";
import type { AbortPlan, CallPlan, Change, Scenario } from "./scenario.ts";
import type {
  Attempt,
  CallSight,
  ClientSight,
  ClosingSight,
  LaneSight,
  OriginSight,
  Phase,
  PoolSight,
  Sight,
  Work,
} from "./sight.ts";
import type { Mutation, Stack, Witness } from "./stack.ts";
import { World } from "./world.ts";

export interface Outcome {
  readonly seed: number;
  readonly violation?: Violation & { readonly lanes: readonly LaneStats[] };
  readonly steps: number;
  readonly virtualMs: number;
  /** What the seed exercised. */
  readonly tally: Readonly<Record<string, number>>;
  /** The last events before the end, or all of them when a trace was asked for. */
  readonly trace: readonly string[];
}

export interface Options {
  readonly trace?: boolean;
  readonly mutation?: Mutation;
  /** Judges by these invariants alone. */
  readonly only?: readonly string[];
  /** Changes the drawn scenario, for tests of one situation. */
  readonly shape?: (scenario: Scenario) => Scenario;
}

/** Runs one seed to its end, or to the first invariant that does not hold. */
export async function simulate(seed: number, options: Options = {}): Promise<Outcome> {
  const scenario = drawScenario(seed);
  const run = new Run(options.shape?.(scenario) ?? scenario, options);
  return run.toTheEnd();
}

/** Far more events than any instant of a clean seed needs: beyond it something spins. */
const longestInstant = 100_000;

class Run implements Sight, Witness {
  readonly scenario: Scenario;
  readonly world: World;
  readonly calls: CallSight[] = [];
  readonly open = new Set<CallSight>();
  readonly touched = new Set<CallSight>();
  readonly pools: readonly PoolSight[];
  readonly clients: ClientSight[] = [];
  readonly lanes: readonly LaneSight[];
  readonly closings: ClosingSight[] = [];
  readonly runs: readonly AbortController[];
  readonly #origins = new Map<string, OriginSight>();
  readonly byId = new Map<string, Attempt>();
  readonly byError = new Map<unknown, Attempt>();
  readonly #stack: Stack;
  readonly #judge: Judge;
  readonly #ledger: Ledger;
  #entries = 0;
  /** Events since time last moved. */
  #sameInstant = 0;

  constructor(scenario: Scenario, { trace = false, mutation = {}, only }: Options) {
    this.scenario = scenario;
    this.world = new World(scenario.seed, scenario.lag);
    this.#judge = new Judge(this, { trace, only });
    this.pools = scenario.pools.map((plan) => ({
      plan,
      slots: new Slots(plan.capacity),
      running: new Set(),
    }));
    this.lanes = scenario.lanes.map((plan) => ({
      plan,
      waiting: new Set(),
      running: new Set(),
      dispatched: [],
      clients: new Map(),
      toldUntil: 0,
      askedUntil: 0,
      refusedAt: Number.NEGATIVE_INFINITY,
      paced: plan.concurrencyBound || plan.headers !== "none",
      ableSince: undefined,
    }));
    this.#ledger = new Ledger({
      scenario,
      world: this.world,
      callNumber: this.callNumber,
      laneOf: ({ model }) => this.lanes.find(({ plan }) => plan.model === model)!,
      onWork: (work) => this.#judge.fire("onWork", work),
      closings: this.closings,
      onJoin: () => this.#judge.count("joins"),
    });
    this.runs = Array.from({ length: scenario.runs }, () => new AbortController());
    this.#stack = scenario.by === "trunk" ? new ByTrunk(this, mutation) : new ByLayers(this, mutation);
    for (const plan of scenario.calls)
      this.world.script(plan.at, `call ${plan.id}`, () => this.#arrive(plan));
    for (const change of scenario.changes) {
      this.world.script(change.at, change.kind, () => this.#change(change));
    }
  }

  async toTheEnd(): Promise<Outcome> {
    const unhandled = (error: unknown): void =>
      this.#judge.report("no-stray-errors", `unhandled: ${String(error)}`);
    process.on("unhandledRejection", unhandled);
    process.on("uncaughtException", unhandled);
    try {
      while (this.#judge.violation === undefined) {
        // What is left to keep-alives and sweeps alone would hold no process.
        if (this.world.left("pending") + this.world.left("script") + this.world.left("turn") === 0) break;
        const label = await this.world.step();
        if (label === undefined) break;
        if (label !== "timer" && label !== "turn") this.#judge.note(label);
        this.#afterEvent();
      }
      if (this.#judge.violation === undefined) this.#judge.check("atEnd");
    } catch (error) {
      this.#judge.report("no-stray-errors", `thrown: ${String(error)}`);
    } finally {
      process.off("unhandledRejection", unhandled);
      process.off("uncaughtException", unhandled);
    }
    const { violation, tally, trace } = this.#judge;
    return {
      seed: this.scenario.seed,
      ...(violation && { violation: { ...violation, lanes: this.#stack.lanes() } }),
      steps: this.world.steps,
      virtualMs: this.world.now(),
      tally,
      trace,
    };
  }

  // What the stack tells.

  readonly callNumber = (id: number): CallSight => this.calls[id]!;

  get cache(): Cache {
    return this.#stack.cache;
  }

  get works() {
    return this.#ledger.works;
  }

  get undecided() {
    return this.#ledger.undecided;
  }

  get stored() {
    return this.#ledger.stored;
  }

  get cacheProbe(): Layer {
    return this.#ledger.cacheProbe;
  }

  get workProbe(): Layer {
    return this.#ledger.workProbe;
  }

  readonly addClient: Witness["addClient"] = ({ origin, ...facts }) => {
    const shared = this.#origins.get(origin) ?? { answers: 0, retries: 0 };
    this.#origins.set(origin, shared);
    const client: ClientSight = {
      ...facts,
      closing: undefined,
      requestsPerMinute: facts.requestsPerMinute,
      tokensPerMinute: facts.tokensPerMinute,
      origin: shared,
      running: new Set(),
      waiting: new Set(),
    };
    this.clients.push(client);
    return client;
  };

  readonly closing = (closing: ClosingSight): void => {
    for (const earlier of this.closings) {
      if (earlier.client === closing.client) earlier.abortsAt = Math.min(earlier.abortsAt, closing.abortsAt);
    }
    this.closings.push(closing);
    if (closing.client === undefined) for (const client of this.clients) client.closing ??= closing;
  };

  readonly removeClient: Witness["removeClient"] = (client) => {
    for (const { clients, dispatched } of this.lanes) {
      const stay = clients.get(client);
      if (stay !== undefined) stay.to ??= dispatched.length;
    }
  };

  /** Between retry and admission: an attempt asks for a place, and is over. */
  readonly outerProbe =
    (client: ClientSight): Layer =>
    (next) =>
    (request, options) => {
      const work = this.#ledger.workOf(options);
      const { lane, leader } = work;
      const { call } = leader;
      const attempt: Attempt = {
        call,
        work,
        lane,
        client,
        number: call.attempts.length + 1,
        nth: work.attempts.length + 1,
        options,
        enteredAt: this.world.now(),
        entry: this.#entries++,
        ahead: lane.waiting.size,
      };
      call.attempts.push(attempt);
      work.attempts.push(attempt);
      this.byId.set(idOf(attempt), attempt);
      this.#ledger.seek();
      this.#judge.fire("onEnter", attempt);
      if (!lane.clients.has(client)) lane.clients.set(client, { from: lane.dispatched.length });
      if ((client.requestsPerMinute ?? client.tokensPerMinute) !== undefined) lane.paced = true;
      lane.waiting.add(attempt);
      client.waiting.add(attempt);
      this.#reach(work, "waiting", "queued");
      if (attempt.nth > 1) this.#judge.count("retries");
      const leave = (): void => {
        lane.waiting.delete(attempt);
        client.waiting.delete(attempt);
        this.#reach(work, "between", "backoff");
      };
      return next(request, options).then(
        (answer) => {
          leave();
          return answer;
        },
        (error) => {
          leave();
          attempt.error ??= error;
          this.byError.set(error, attempt);
          throw error;
        },
      );
    };

  /** Between admission and the guard: an attempt holds its slots, and gives them back. */
  readonly innerProbe =
    (client: ClientSight): Layer =>
    (next) =>
    (request, options) => {
      const work = this.#ledger.workOf(options);
      const attempt = work.attempts.at(-1)!;
      const { lane } = work;
      attempt.dispatchedAt = this.world.now();
      this.#ledger.seek();
      this.#judge.fire("onDispatch", attempt);
      lane.waiting.delete(attempt);
      client.waiting.delete(attempt);
      lane.dispatched.push(attempt);
      lane.ableSince = undefined;
      if (spendsBudget(attempt)) client.origin.retries++;
      const held = [lane, client, ...this.pools.filter(({ slots }) => client.slots.includes(slots))];
      for (const { running } of held) running.add(attempt);
      this.#reach(work, "running", "dispatched");
      const over = (): void => {
        attempt.overAt = this.world.now();
        for (const { running } of held) running.delete(attempt);
        this.#touch(work);
      };
      return next(request, options).then(
        (answer) => {
          over();
          client.origin.answers++;
          attempt.answer = answer;
          return answer;
        },
        (error) => {
          over();
          attempt.error = error;
          this.#heed(lane, attempt);
          throw error;
        },
      );
    };

  readonly work: Witness["work"] = (call, streamed, run) => {
    const attempt = call.attempts.at(-1)!;
    attempt.streamed = streamed;
    this.#ledger.seek();
    this.#judge.fire("onSend", attempt);
    attempt.sentAt = this.world.now();
    delete attempt.endedAt;
    const { work } = attempt;
    this.#judge.note(`sent ${call.plan.id}.${attempt.number}`);
    this.#judge.count("sent");
    this.#armAborts(work, "sent");
    const end = (): void => {
      attempt.endedAt = this.world.now();
      this.#touch(work);
      this.#judge.count(`fate: ${attempt.fate}`);
      this.#judge.note(`ended ${call.plan.id}.${attempt.number} (${attempt.fate})`);
      this.#armAborts(work, "answered");
    };
    const done = run(attempt);
    done.then(end, end);
    return done;
  };

  readonly leftovers = (): string | undefined => this.#stack.leftovers();

  /** Remembers what a provider's error told about its lane. */
  #heed(lane: LaneSight, { error, hintMs }: Attempt): void {
    if (!isTrunklineError(error)) return;
    this.#judge.count(`error: ${error.code}`);
    const { retryAfterMs: heardMs } = error;
    if (error.code !== "rate_limit" && (error.code !== "overloaded" || heardMs === undefined)) return;
    const now = this.world.now();
    lane.paced = true;
    lane.refusedAt = now;
    if (heardMs !== undefined && Number.isFinite(heardMs))
      lane.askedUntil = Math.max(lane.askedUntil, now + heardMs);
    if (hintMs !== undefined) lane.toldUntil = Math.max(lane.toldUntil, now + Math.min(hintMs, longestHint));
  }

  // The callers.

  #arrive(plan: CallPlan): void {
    const line = this.scenario.lines[plan.line]!;
    const now = this.world.now();
    const call: CallSight = {
      plan,
      line,
      lane: this.lanes[line.lane]!,
      attempts: [],
      visits: [],
      controller: new AbortController(),
      record: newRecord(now),
      arrivedAt: now,
      deadlineAt: now + plan.deadlineMs,
      phase: "new",
      abortArmed: false,
      settles: 0,
      text: "",
      deltas: 0,
      lateDeltas: 0,
    };
    this.calls[plan.id] = call;
    this.open.add(call);
    this.touched.add(call);
    this.#judge.count("calls");
    if (plan.abort?.phase === "before") this.#abort(call);
    if (plan.run !== undefined && this.runs[plan.run]!.signal.aborted) this.#leaves(call);
    this.#armAbort(call, "arrived");
    const settle = (fill: () => void): void => {
      call.settles++;
      this.touched.add(call);
      if (call.settles > 1) return;
      fill();
      call.settledAt = this.world.now();
      call.phase = "settled";
      this.#judge.note(`settled ${plan.id}`);
      this.open.delete(call);
      const visit = call.visits.at(-1);
      if (visit !== undefined) this.#ledger.leave(visit);
      if (call.answer?.cacheHit) this.#judge.count("hits");
      this.#judge.fire("onSettle", call);
    };
    this.#stack
      .call(plan.line, plan.id)(requestOf(plan, call.lane.plan.model), this.#optionsOf(call))
      .then(
        (answer) =>
          settle(() => {
            call.answer = answer;
            this.#judge.count("answered");
          }),
        (error: unknown) =>
          settle(() => {
            call.error = error;
            this.#judge.count(`failed: ${isTrunklineError(error) ? error.code : "foreign"}`);
          }),
      );
  }

  #optionsOf(call: CallSight): CallOptions {
    const { plan } = call;
    return {
      signal: call.controller.signal,
      ...(plan.run !== undefined && { outerSignals: [this.runs[plan.run]!.signal] }),
      ...(plan.stream && {
        onDelta: ({ text }) => {
          call.deltas++;
          if (call.deltas === plan.throwsAt) throw new Error("a listener's own mistake");
          call.text += text;
          if (call.settledAt !== undefined) call.lateDeltas++;
          this.touched.add(call);
          this.#armAbort(call, "first_byte");
        },
      }),
      deadlineAt: call.deadlineAt,
      timeout: plan.timeout,
      firstByteTimeout: plan.timeout,
      idleTimeout: plan.timeout,
      headers: { [callHeader]: String(plan.id) },
      ...(plan.cache && { cache: plan.cache }),
      ...(plan.rolloutId !== undefined && { rolloutId: plan.rolloutId }),
      queueTimeout: plan.queueTimeout,
      maxQueue: plan.maxQueue,
      maxRetries: plan.maxRetries,
      abandonAfter: plan.abandonAfter,
      priority: plan.priority,
      fairnessKey: plan.fairnessKey,
      prefixSharing: plan.prefixSharing,
      watch: {},
      record: call.record,
    };
  }

  #armAbort(call: CallSight, phase: AbortPlan["phase"]): void {
    const { abort } = call.plan;
    if (abort?.phase !== phase || call.abortArmed) return;
    call.abortArmed = true;
    if (abort.afterMs < 0) this.#abort(call);
    else this.world.script(abort.afterMs, `abort ${call.plan.id}`, () => this.#abort(call));
  }

  #abort(call: CallSight): void {
    this.touched.add(call);
    if (call.settledAt === undefined) {
      call.abortedAt ??= this.world.now();
      this.#judge.count(`aborted while ${call.phase}`);
    }
    call.controller.abort(new Error("the caller had enough"));
  }

  #change(change: Change): void {
    switch (change.kind) {
      case "pool":
        this.pools[change.pool]!.slots.limit = change.capacity;
        break;
      case "abort-run":
        for (const call of this.open) if (call.plan.run === change.run) this.#leaves(call);
        this.runs[change.run]!.abort();
        break;
      case "clear-cache":
        this.#ledger.clear(change.scope);
        void this.cache.clear(change.scope).catch(() => {});
        break;
      case "reset-memory":
        this.#ledger.resetMemory();
        this.cache.resetMemory();
        break;
      default:
        this.#stack.change(change);
    }
    this.#judge.count(`change: ${change.kind}`);
  }

  #leaves(call: CallSight): void {
    call.abortedAt ??= this.world.now();
    this.touched.add(call);
    this.#judge.count(`aborted by its run while ${call.phase}`);
  }

  /** All who wait for the work have come so far. */
  #reach(work: Work, phase: Phase, abort: AbortPlan["phase"]): void {
    this.#judge.note(`${phase} ${work.leader.call.plan.id}`);
    for (const { call } of work.members) {
      if (call.phase === "settled") continue;
      call.phase = phase;
      this.touched.add(call);
      this.#armAbort(call, abort);
    }
  }

  #armAborts(work: Work, phase: AbortPlan["phase"]): void {
    for (const { call } of work.members) this.#armAbort(call, phase);
  }

  #touch({ leader, members }: Work): void {
    this.touched.add(leader.call);
    for (const { call } of members) this.touched.add(call);
  }

  // Judging.

  #afterEvent(): void {
    this.#ledger.eventOver();
    this.#judge.check("always");
    this.touched.clear();
    for (const lane of this.lanes) {
      lane.ableSince = able(lane, this.world.now()) ? (lane.ableSince ?? this.world.now()) : undefined;
    }
    this.#sameInstant++;
    if (this.world.nextAt <= this.world.now()) {
      if (this.#sameInstant > longestInstant)
        this.#judge.report("time-moves", `${longestInstant} events at one instant`);
      return;
    }
    this.#sameInstant = 0;
    this.#judge.check("atRest");
  }
}
