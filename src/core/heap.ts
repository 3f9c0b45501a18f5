/** Something in a heap. `place` belongs to the heap; -1 when it was taken out. */
export interface Placed {
  place: number;
}

/** A binary heap whose entries know their place, so that taking any of them out costs no search. */
export class Heap<T extends Placed> {
  readonly #entries: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#entries.length;
  }

  get first(): T | undefined {
    return this.#entries[0];
  }

  add(entry: T): void {
    this.#entries.push(entry);
    this.#rise(entry, this.#entries.length - 1);
  }

  /** Takes `entry` out; false when it is not in the heap. */
  remove(entry: T): boolean {
    const { place } = entry;
    if (this.#entries[place] !== entry) return false;
    const last = this.#entries.pop()!;
    entry.place = -1;
    if (last !== entry) {
      this.#put(last, place);
      this.update(last);
    }
    return true;
  }

  /** Puts an entry right whose order has changed. */
  update(entry: T): void {
    this.#rise(entry, entry.place);
    this.#sink(entry, entry.place);
  }

  #rise(entry: T, from: number): void {
    let place = from;
    while (place > 0) {
      const up = (place - 1) >> 1;
      const parent = this.#entries[up]!;
      if (!this.#before(entry, parent)) break;
      this.#put(parent, place);
      place = up;
    }
    this.#put(entry, place);
  }

  #sink(entry: T, from: number): void {
    let place = from;
    for (let child = 2 * place + 1; child < this.#entries.length; child = 2 * place + 1) {
      const right = this.#entries[child + 1];
      if (right !== undefined && this.#before(right, this.#entries[child]!)) child++;
      if (!this.#before(this.#entries[child]!, entry)) break;
      this.#put(this.#entries[child]!, place);
      place = child;
    }
    this.#put(entry, place);
  }

  #put(entry: T, place: number): void {
    this.#entries[place] = entry;
    entry.place = place;
  }
}
