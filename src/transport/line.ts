import type { Flight } from "./flight.ts";

/**
 * Flights that wait: first come, first served, but those that were refused elsewhere go before, and those whose
 * socket turned out to be dead wait for a new one, because the other old ones may be dead too.
 */
export class Line {
  readonly #renewed = new Set<Flight>();
  readonly #again = new Set<Flight>();
  readonly #arrived = new Set<Flight>();

  get size(): number {
    return this.#renewed.size + this.servable;
  }

  /** Those that any carrier can take. */
  get servable(): number {
    return this.#again.size + this.#arrived.size;
  }

  /** Those that only a new carrier can take. */
  get renewed(): number {
    return this.#renewed.size;
  }

  add(flight: Flight): void {
    this.#arrived.add(flight);
  }

  addAgain(flight: Flight, renewed: boolean): void {
    (renewed ? this.#renewed : this.#again).add(flight);
  }

  delete(flight: Flight): boolean {
    return this.#arrived.delete(flight) || this.#again.delete(flight) || this.#renewed.delete(flight);
  }

  /** The next for any carrier. */
  shift(): Flight | undefined {
    return first(this.#again) ?? first(this.#arrived);
  }

  /** The next of those that wait for a new carrier. */
  shiftRenewed(): Flight | undefined {
    return first(this.#renewed);
  }

  all(): Flight[] {
    return [...this.#renewed, ...this.#again, ...this.#arrived];
  }
}

function first(flights: Set<Flight>): Flight | undefined {
  for (const flight of flights) {
    flights.delete(flight);
    return flight;
  }
  return undefined;
}
