import type { Clock } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import type { Slots } from "../core/slots.ts";
import type { Exchange, Receiver } from "./exchange.ts";
import { Flight, type Tower } from "./flight.ts";
import type { Pool } from "./pool.ts";
import type { PoolUse } from "./settings.ts";

/** One user's hold on a pool: knows that user's calls, so that closing it touches nobody else's. */
export class Handle implements Tower {
  readonly #pool: Pool;
  readonly #use: PoolUse;
  readonly #clock: Clock;
  readonly #flights = new Set<Flight>();
  #released = false;

  constructor(pool: Pool, use: PoolUse, clock: Clock) {
    this.#pool = pool;
    // Its own object, since users are told apart by it.
    this.#use = { ...use };
    this.#clock = clock;
    pool.join(this.#use);
  }

  get slots(): Slots {
    return this.#pool.slots;
  }

  get origin(): string {
    return this.#pool.origin;
  }

  get protocol(): "h1" | "h2" | undefined {
    return this.#pool.protocol;
  }

  stats(): { sockets: number; inFlight: number; waitingForSocket: number } {
    let inFlight = 0;
    for (const flight of this.#flights) if (flight.riding) inFlight++;
    return { sockets: this.#pool.sockets, inFlight, waitingForSocket: this.#flights.size - inFlight };
  }

  send(exchange: Exchange, receiver: Receiver): Promise<void> {
    if (this.#released) return Promise.reject(closed(this.origin));
    if (exchange.signal?.aborted) return Promise.reject(exchange.signal.reason);
    let flight: Flight;
    try {
      flight = new Flight(this.origin, exchange, receiver, this.#clock, this);
    } catch (error) {
      return Promise.reject(error);
    }
    const settled = flight.settled();
    this.#flights.add(flight);
    this.#pool.enter(flight);
    return settled;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#pool.leave(this.#use);
  }

  destroy(error: TrunklineError): void {
    for (const flight of [...this.#flights]) flight.abort(error);
    this.release();
  }

  landed(flight: Flight): void {
    this.#flights.delete(flight);
    this.#pool.landed(flight);
  }

  again(flight: Flight, renewed: boolean): void {
    this.#pool.again(flight, renewed);
  }
}

function closed(origin: string): TrunklineError {
  return new TrunklineError("closed", `this client's hold on ${origin} was released`, { sent: false });
}
