import type { Clock } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { outside } from "../core/outside.ts";
import { Slots } from "../core/slots.ts";
import type { Carrier } from "./carrier.ts";
import { Connector } from "./connector.ts";
import { brokenExchange } from "./failure.ts";
import { Fleet } from "./fleet.ts";
import type { Flight, Tower } from "./flight.ts";
import { limits } from "./limits.ts";
import { Line } from "./line.ts";
import { Notices } from "./notices.ts";
import { Opener, type Opening } from "./opener.ts";
import type { PoolSettings, PoolUse } from "./settings.ts";
import type { SocketBudget } from "./socket-budget.ts";

/** What a pool needs of the process. */
export interface Surroundings {
  readonly clock: Clock;
  readonly logger: () => Logger;
  readonly budget: SocketBudget;
}

/**
 * The sockets to one origin and the calls that wait for them. A call is bound to a connection only when that is ready
 * and has a place; until then it waits here, and a connection that fails or goes away costs it nothing.
 */
export class Pool implements Tower, Opening {
  readonly origin: string;
  /** How many calls it can carry now. Admission takes and gives; the limit is moved here. */
  readonly slots = new Slots(1);
  readonly #clock: Clock;
  readonly #notices: Notices;
  readonly #budget: SocketBudget;
  readonly #fleet: Fleet;
  readonly #opener: Opener;
  readonly #line = new Line();
  readonly #users = new Set<PoolUse>();
  #connectTimeout = 0;
  #connections: readonly (number | undefined)[] = [];
  readonly #emptied: () => void;
  /** Calls that came and have not landed. */
  #flights = 0;
  /** Sockets held, from the start of their connect to their close. */
  #sockets = 0;
  /** The budget granted less than was wanted; it will tell when to ask again. */
  #short = false;
  #serving = false;

  /** `emptied` is called when nobody uses the pool and nothing runs in it any more. */
  constructor(settings: PoolSettings, { clock, logger, budget }: Surroundings, emptied: () => void) {
    const origin = new URL(settings.origin);
    this.origin = origin.origin;
    this.#clock = clock;
    this.#notices = new Notices(origin.origin, clock, logger);
    this.#budget = budget;
    this.#emptied = emptied;
    this.#fleet = new Fleet(clock);
    this.#opener = new Opener(origin, new Connector(settings, clock), budget, clock, this);
    budget.join(this);
  }

  get protocol(): "h1" | "h2" | undefined {
    return this.#opener.protocol;
  }

  get sockets(): number {
    return this.#sockets;
  }

  get opened(): number {
    return this.#opener.opened;
  }

  get inFlight(): number {
    return this.#flights - this.#line.size;
  }

  get waiting(): number {
    return this.#line.size;
  }

  get carriers(): number {
    return this.#fleet.size;
  }

  get idle(): number {
    return this.#fleet.idle;
  }

  get idleSince(): number {
    return this.#fleet.idleSince;
  }

  join(use: PoolUse): void {
    this.#users.add(use);
    this.#agree();
    this.#measure();
  }

  leave(use: PoolUse): void {
    this.#users.delete(use);
    this.#agree();
    this.#measure();
    this.#tidy();
  }

  /** Takes a call in; it settles by itself. */
  enter(flight: Flight): void {
    this.#flights++;
    if (this.#line.size >= limits.waiting) flight.abort(tooMany(this.origin));
    else outside(() => this.#place(flight));
  }

  // What flights report.

  landed(flight: Flight): void {
    this.#flights--;
    if (!flight.riding && this.#line.delete(flight) && this.#line.size === 0) this.#opener.hold(false);
    this.#tidy();
  }

  again(flight: Flight, renewed: boolean): void {
    this.#line.addAgain(flight, renewed);
    this.#serveSoon();
  }

  // What carriers and connects report.

  ready(carrier: Carrier): void {
    this.#fleet.add(carrier);
    while (this.#line.renewed > 0 && carrier.room > 0) {
      this.#fleet.wake(carrier);
      this.#start(carrier, this.#line.shiftRenewed()!);
    }
    this.#serve();
    this.#measure();
    this.#tidy();
  }

  freed(carrier: Carrier): void {
    this.#fleet.rest(carrier);
    this.#serve();
    if (carrier.protocol === "h2") this.#measure();
    this.#tidy();
    this.#budget.tell();
  }

  retired(carrier: Carrier): void {
    if (!this.#fleet.remove(carrier)) return;
    this.#serveSoon();
  }

  closed(): void {
    this.#sockets--;
    this.#serveSoon();
  }

  failed(error: TrunklineError): void {
    for (const flight of this.#line.all()) flight.abort(error);
  }

  resume(): void {
    this.#serve();
  }

  shortage(error: unknown): void {
    this.#notices.shortage(error);
  }

  // What the budget asks.

  closeIdlest(): void {
    this.#fleet.retireIdlest();
  }

  roomAgain(): void {
    this.#short = false;
    this.#serve();
    this.#measure();
  }

  #place(flight: Flight): void {
    const carrier = this.#line.servable === 0 ? this.#fleet.pick() : undefined;
    if (carrier !== undefined) {
      this.#start(carrier, flight);
      return;
    }
    this.#line.add(flight);
    if (this.#line.size === 1) this.#opener.hold(true);
    this.#grow();
  }

  #start(carrier: Carrier, flight: Flight): void {
    try {
      carrier.start(flight);
    } catch (error) {
      flight.abort(brokenExchange(this.origin, "the request could not be started", error, false));
      this.#fleet.rest(carrier);
    }
  }

  /** Gives places to those that wait, and opens connections for the rest. */
  #serve(): void {
    while (this.#line.servable > 0) {
      const carrier = this.#fleet.pick();
      if (carrier === undefined) break;
      this.#start(carrier, this.#line.shift()!);
    }
    if (this.#line.size > 0) this.#grow();
  }

  /** After this turn, since what it reacts to may be reported from the middle of `#serve`. */
  #serveSoon(): void {
    if (this.#serving) return;
    this.#serving = true;
    this.#clock.turn(() => {
      this.#serving = false;
      this.#serve();
      this.#measure();
      this.#tidy();
    });
  }

  /** Opens as many connections as the waiting calls need beyond the places that are free in a moment. */
  #grow(): void {
    const cap = this.#cap;
    const open = this.#fleet.size + this.#opener.connecting;
    if (open >= cap) this.#notices.full(cap, this.protocol);
    const room = Math.min(this.#opener.room, cap - open);
    if (room <= 0 || this.#short) return;
    const calls = this.#line.renewed + Math.max(0, this.#line.servable - this.#fleet.ending);
    const wanted = Math.min(room, Math.ceil(calls / this.#streams) - this.#opener.connecting);
    if (wanted <= 0) return;
    const granted = this.#budget.take(this, wanted);
    this.#short = granted < wanted;
    this.#sockets += granted;
    for (let i = 0; i < granted; i++) this.#opener.open(this.#connectTimeout);
  }

  /** The largest wish of the living users, or of the last who left calls behind. */
  #agree(): void {
    if (this.#users.size === 0) return;
    const wishes = [...this.#users];
    this.#connectTimeout = Math.max(...wishes.map(({ connectTimeout }) => connectTimeout));
    this.#connections = wishes.map(({ connections }) => connections);
  }

  /** Connections there may be. */
  get #cap(): number {
    const usual = this.protocol === "h2" ? limits.h2Sessions : limits.h1Sockets;
    return Math.max(...this.#connections.map((connections) => connections ?? usual));
  }

  /** Calls on one connection. */
  get #streams(): number {
    return this.protocol === "h2" ? this.#fleet.streams : 1;
  }

  #measure(): void {
    if (this.#users.size === 0) return;
    const cap = this.#cap;
    const reach = this.#budget.reach(this, cap);
    if (reach < cap) this.#budget.watch(this);
    const limit = Math.min(cap, reach) * this.#streams;
    if (limit !== this.slots.limit) this.slots.limit = limit;
  }

  /** With no user left it keeps nothing that is unused, and ends when the last call has. */
  #tidy(): void {
    if (this.#users.size > 0) return;
    while (this.#fleet.idle > 0) this.#fleet.retireIdlest();
    if (this.#flights > 0) return;
    this.#opener.cancel(
      new TrunklineError("closed", `the pool of ${this.origin} was closed`, { sent: false }),
    );
    this.#fleet.retireAll();
    this.#budget.leave(this);
    this.#emptied();
  }
}

function tooMany(origin: string): TrunklineError {
  const message = `${origin}: ${limits.waiting} calls wait for a socket already`;
  return new TrunklineError("queue_full", message, { sent: false });
}
