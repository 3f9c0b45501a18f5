/**
 * Places for work that may run at once. Whoever takes one gives it back when the work settles. The limit may
 * move at any time; below the number in use it only stops new work.
 */
export class Slots {
  #limit: number;
  #used = 0;
  readonly #listeners = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    const grew = limit > this.#limit;
    this.#limit = limit;
    if (grew) this.#announce();
  }

  get used(): number {
    return this.#used;
  }

  /** Whether one more may start. */
  get free(): boolean {
    return this.#used < this.#limit;
  }

  /** Takes a place. Ask `free` first: a caller that needs several kinds of room takes all of them or none. */
  take(): void {
    this.#used++;
  }

  give(): void {
    if (this.#used === 0) throw new Error("Slots: a place was given back that nobody took");
    this.#used--;
    if (this.#used < this.#limit) this.#announce();
  }

  /** Calls `listener` whenever there may be room again; returns the function that stops it. */
  onRoom(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }
}
