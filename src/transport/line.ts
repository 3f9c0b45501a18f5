import type { Flight } from "./flight.ts";

/** Flights that wait for a place: first come first served, but those that were refused elsewhere go first. */
export class Line {
  readonly #again = new Set<Flight>();
  readonly #fresh = new Set<Flight>();

  get size(): number {
    return this.#again.size + this.#fresh.size;
  }

  add(flight: Flight): void {
    this.#fresh.add(flight);
  }

  addFirst(flight: Flight): void {
    this.#again.add(flight);
  }

  delete(flight: Flight): boolean {
    return this.#fresh.delete(flight) || this.#again.delete(flight);
  }

  shift(): Flight | undefined {
    const source = this.#again.size > 0 ? this.#again : this.#fresh;
    for (const flight of source) {
      source.delete(flight);
      return flight;
    }
    return undefined;
  }

  /** Those up to arrival number `order`. */
  upTo(order: number): Flight[] {
    return [...this.#again, ...this.#fresh].filter((flight) => flight.order <= order);
  }
}
