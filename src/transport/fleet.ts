import type { Clock, Timer } from "../core/clock.ts";
import type { Carrier } from "./carrier.ts";
import { H2Carrier } from "./h2-carrier.ts";
import { limits } from "./limits.ts";

/** A carrier and since when it lies idle. */
interface Berth {
  readonly carrier: Carrier;
  since: number;
  /** By the wall as well: a process that was frozen wakes with timers that are late and sockets that are closed. */
  wallSince: number;
}

/** The ready carriers of one pool: finds one for a call and ends those that were idle for too long. */
export class Fleet {
  readonly #clock: Clock;
  readonly #berths = new Map<Carrier, Berth>();
  readonly #sessions: H2Carrier[] = [];
  /** Unused carriers, the longest idle first. */
  readonly #idle: Berth[] = [];
  #sweep: Timer | undefined;
  #sweepAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Carriers that take calls. */
  get size(): number {
    return this.#berths.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  get idleSince(): number {
    return this.#idle[0]?.since ?? Number.POSITIVE_INFINITY;
  }

  /** Places whose call is over, so that they are free in a moment. */
  get ending(): number {
    let ending = 0;
    for (const carrier of this.#berths.keys()) ending += carrier.ending;
    return ending;
  }

  /** Streams that one session of this server takes. */
  get streams(): number {
    let most = 0;
    for (const session of this.#sessions) most = Math.max(most, session.most);
    return most || limits.streamsPerSession;
  }

  add(carrier: Carrier): void {
    this.#berths.set(carrier, { carrier, since: 0, wallSince: 0 });
    if (carrier instanceof H2Carrier) this.#sessions.push(carrier);
    this.rest(carrier);
  }

  /** It takes no calls any more. False when it took none before. */
  remove(carrier: Carrier): boolean {
    const berth = this.#berths.get(carrier);
    if (berth === undefined) return false;
    this.#berths.delete(carrier);
    this.#wake(berth);
    if (carrier instanceof H2Carrier) this.#sessions.splice(this.#sessions.indexOf(carrier), 1);
    return true;
  }

  /** A carrier with a place: the least loaded session, or the socket used last, which is the least likely to be stale. */
  pick(): Carrier | undefined {
    for (;;) {
      const session = this.#leastLoaded();
      if (session !== undefined && session.used > 0) return session;
      const berth = session === undefined ? this.#idle.at(-1) : this.#berths.get(session);
      if (berth === undefined || berth.carrier.room === 0) return undefined;
      this.#wake(berth);
      if (!this.#tooOld(berth)) return berth.carrier;
      berth.carrier.retire();
    }
  }

  /** It is about to be used. */
  wake(carrier: Carrier): void {
    const berth = this.#berths.get(carrier);
    if (berth !== undefined) this.#wake(berth);
  }

  /** It has places free again; with none in use it lies idle. */
  rest(carrier: Carrier): void {
    const berth = this.#berths.get(carrier);
    if (berth === undefined || carrier.used > 0) return;
    this.#wake(berth);
    berth.since = this.#clock.now();
    berth.wallSince = this.#clock.wall();
    this.#idle.push(berth);
    this.#sweepBy(berth.since + carrier.idleFor);
  }

  retireIdlest(): void {
    this.#idle[0]?.carrier.retire();
  }

  /** Ends every carrier: now, or after the calls on it. */
  retireAll(): void {
    for (const carrier of [...this.#berths.keys()]) carrier.retire();
  }

  #leastLoaded(): H2Carrier | undefined {
    let best: H2Carrier | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const session of this.#sessions) {
      if (session.used >= least || session.room === 0) continue;
      best = session;
      least = session.used;
    }
    return best;
  }

  #wake(berth: Berth): void {
    // What is taken is nearly always the last.
    const at = this.#idle.lastIndexOf(berth);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #tooOld({ carrier, since, wallSince }: Berth): boolean {
    return Math.max(this.#clock.now() - since, this.#clock.wall() - wallSince) >= carrier.idleFor;
  }

  #sweepBy(instant: number): void {
    if (instant >= this.#sweepAt) return;
    this.#sweep?.cancel();
    this.#sweepAt = instant;
    this.#sweep = this.#clock.after(instant - this.#clock.now(), () => this.#sweepIdle(), "idle");
  }

  #sweepIdle(): void {
    this.#sweepAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const { carrier, since } of [...this.#idle]) {
      const due = since + carrier.idleFor;
      if (due <= now) carrier.retire();
      else next = Math.min(next, due);
    }
    this.#sweepBy(next);
  }
}
