import { type CallOptions, type CallRecord, type Delta, type Moves, newRecord } from "../core/call.ts";
import type { Completion } from "../core/completion.ts";
import { deliver } from "../core/deltas.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import { CallSignal, type Leave } from "../core/signals.ts";
import { type Ask, isForeign } from "./ask.ts";
import { Demand } from "./demand.ts";
import { handOut } from "./storable.ts";
import { type Entry, isFresh } from "./store.ts";
import { Transcript } from "./transcript.ts";
import { type Host, Waiter } from "./waiter.ts";

/** What a join needs of the cache around it. */
export interface JoinHost {
  /** Makes an answer what everybody gets, and stores it if it may be. */
  settled(ask: Ask, answer: Completion): Completion;
  /** Nobody may join it any more. */
  forget(join: Join): void;
  /** Whether the question of `key` is being asked anew, so that its answer will do for all. */
  askedAnew(key: string): boolean;
  /** Looks and asks once more for a caller whom the failure of another's work does not concern, or who may join others now. */
  again(ask: Ask): Promise<Completion>;
  readonly counts: { hits: number; misses: number; joins: number };
  now(): number;
}

/**
 * All callers of one question, and the one piece of work that answers it. A caller that leaves only detaches
 * itself; the last one's leaving ends the work. While it runs its deadline is the latest, and its priority the
 * highest, of those who still wait.
 */
export class Join implements Host {
  readonly key: string;
  readonly #host: JoinHost;
  readonly #waiters = new Set<Waiter>();
  readonly #signal = new CallSignal();
  /** What the work has counted. Its payer, the first who still waits, is told; nobody is told twice. */
  readonly #record: CallRecord;
  #told: CallRecord;
  /** Who asked for the work; until then it is being looked up. */
  #leader: Ask | undefined;
  #transcript: Transcript | undefined;
  readonly #demand = new Demand(this.#waiters);
  /** Where the work waits for its turn, it hears that others wait for it now. */
  readonly #moves: Moves = {};
  #ended = false;

  constructor(host: JoinHost, key: string, arrivedAt: number) {
    this.#host = host;
    this.key = key;
    this.#record = newRecord(arrivedAt);
    this.#told = newRecord(arrivedAt);
  }

  /** One more caller. */
  add(ask: Ask): Promise<Completion> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(this, ask, resolve, reject);
      if (this.#waiters.size > 0) waiter.keepContext();
      this.#waiters.add(waiter);
      if (this.#demand.add(ask.options)) this.#moves.onMoved?.();
      if (this.#leader === undefined) return;
      this.#host.counts.joins++;
      ask.options.record.cache = "join";
      if (this.#transcript !== undefined && ask.options.onDelta !== undefined) this.#catchUp(waiter);
    });
  }

  /** Looks the answer up before asking for it. */
  async find(found: Promise<Entry | undefined>): Promise<void> {
    const entry = await found.catch(() => undefined);
    if (entry !== undefined) {
      const now = this.#host.now();
      for (const waiter of [...this.#waiters]) {
        if (isFresh(entry, now, waiter.ask.options.cache?.ttl)) this.#hit(waiter, entry);
      }
    }
    if (this.#waiters.size === 0) this.#end();
    else if (this.#host.askedAnew(this.key)) this.#giveWay();
    else this.work();
  }

  /** While the answer was looked up somebody has begun to ask anew: all wait there. */
  #giveWay(): void {
    const waiters = [...this.#waiters];
    for (const waiter of waiters) this.#part(waiter);
    this.#end();
    for (const waiter of waiters) this.#again(waiter);
  }

  /** Asks for the answer, in the name of whoever waits longest. */
  work(): void {
    const [first] = this.#waiters;
    const leader = first!.ask;
    this.#leader = leader;
    const { counts } = this.#host;
    counts.misses++;
    counts.joins += this.#waiters.size - 1;
    for (const { ask } of this.#waiters) ask.options.record.cache = ask === leader ? "miss" : "join";
    leader.owner.open?.add(this.#close);
    first!.inContext(() => started(leader, this.#optionsOf(leader)).then(this.#done, this.#failed));
  }

  leave(waiter: Waiter, error: unknown): void {
    if (!this.#waiters.has(waiter)) return;
    const [payer] = this.#waiters;
    this.#part(waiter);
    const changed = this.#demand.remove(waiter.ask.options);
    waiter.reject(error);
    if (this.#leader !== undefined && waiter === payer) this.#tellCounts(waiter.ask.options.record);
    const [next] = this.#waiters;
    if (next === undefined) {
      this.#end();
      this.#signal.abort(error);
      return;
    }
    if (changed) this.#moves.onMoved?.();
    if (this.#leader !== undefined) next.ask.options.record.cache = "miss";
  }

  #optionsOf(leader: Ask): CallOptions {
    const { onDelta } = leader.options;
    if (onDelta !== undefined) this.#transcript = new Transcript();
    const demand = this.#demand;
    return {
      ...leader.options,
      signal: this.#signal,
      onDelta: onDelta && this.#hear,
      record: this.#record,
      get deadlineAt() {
        return demand.deadlineAt;
      },
      get priority() {
        return demand.priority;
      },
      moves: this.#moves,
    };
  }

  readonly #hear = (delta: Delta): void => {
    this.#transcript!.add(delta);
    for (const waiter of [...this.#waiters]) {
      if (waiter.upToDate && this.#waiters.has(waiter)) waiter.tell((onDelta) => onDelta(delta));
    }
  };

  /** Tells a late joiner what it has missed, in a later tick than the one that asked, as every delta comes. */
  #catchUp(waiter: Waiter): void {
    waiter.upToDate = false;
    queueMicrotask(() => {
      if (!this.#waiters.has(waiter)) return;
      waiter.upToDate = true;
      waiter.tell((onDelta) => this.#transcript!.tell(onDelta));
    });
  }

  readonly #done = (came: Completion): void => {
    // An answer that came too late for everybody is paid all the same.
    const answer = this.#host.settled(this.#leader!, came);
    const [payer] = this.#waiters;
    if (payer !== undefined) this.#tellCounts(payer.ask.options.record);
    for (const waiter of [...this.#waiters]) {
      if (!waiter.heard) waiter.tell((onDelta) => deliver(answer, onDelta));
      if (!this.#waiters.has(waiter)) continue;
      this.#part(waiter);
      waiter.resolve(handOut(answer));
    }
    this.#end();
  };

  readonly #failed = (error: unknown): void => {
    const waiters = [...this.#waiters];
    if (waiters[0] !== undefined) this.#tellCounts(waiters[0].ask.options.record);
    for (const waiter of waiters) this.#part(waiter);
    // First of all: whoever asks anew must not find this one.
    this.#end();
    for (const waiter of waiters) this.#fail(waiter, error);
  };

  #fail(waiter: Waiter, error: unknown): void {
    if (!isTrunklineError(error) || !isForeign(error, this.#leader!, waiter.ask)) waiter.reject(error);
    else if (waiter.heard) waiter.reject(cutShort(error));
    else this.#again(waiter);
  }

  #again(waiter: Waiter): void {
    waiter.resolve(waiter.inContext(() => this.#host.again(waiter.ask)));
  }

  /** The Client that does the work is closing. */
  readonly #close: Leave = (error) => {
    this.#failed(error);
    this.#signal.abort(error);
  };

  #hit(waiter: Waiter, entry: Entry): void {
    this.#host.counts.hits++;
    waiter.ask.options.record.cache = "hit";
    waiter.tell((onDelta) => deliver(entry.answer, onDelta));
    if (!this.#waiters.has(waiter)) return;
    this.#part(waiter);
    this.#demand.remove(waiter.ask.options);
    waiter.resolve(handOut(entry.answer));
  }

  #part(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    waiter.unlink();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#leader?.owner.open?.delete(this.#close);
    this.#host.forget(this);
  }

  /** Adds to `record` what the work has counted since anybody was told. */
  #tellCounts(record: CallRecord): void {
    const { attempts, queueMs, providerMs, possiblyPaid, firstByteMs } = this.#record;
    record.attempts += attempts - this.#told.attempts;
    record.queueMs += queueMs - this.#told.queueMs;
    record.providerMs += providerMs - this.#told.providerMs;
    record.possiblyPaid += possiblyPaid - this.#told.possiblyPaid;
    if (firstByteMs !== undefined) record.firstByteMs = firstByteMs;
    this.#told = { ...this.#record };
  }
}

/** A layer below that throws instead of rejecting has failed all the same. */
function started({ next, request }: Ask, options: CallOptions): Promise<Completion> {
  try {
    return next(request, options);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** For a reader who has seen the beginning: it cannot be told twice, and the cause is another's. */
function cutShort({ partial, requestId }: TrunklineError): TrunklineError {
  return new TrunklineError(
    "incomplete",
    "the call whose stream this one had joined ended before its answer was complete; asked again, it starts anew",
    { ...(partial && { partial }), ...(requestId !== undefined && { requestId }) },
  );
}
