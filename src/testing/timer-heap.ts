/** Something that falls due. `place` belongs to the heap. */
export interface Due {
  readonly at: number;
  /** Breaks ties, so that what was added first falls due first. */
  readonly order: number;
  place: number;
}

/**
 * What falls due next, with tens of thousands waiting: a binary heap whose entries know their place, so that
 * cancelling costs no search.
 */
export class TimerHeap<T extends Due> {
  readonly #entries: T[] = [];

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

  /** Takes `entry` out; false when it is not in the heap any more. */
  remove(entry: T): boolean {
    const { place } = entry;
    if (this.#entries[place] !== entry) return false;
    const last = this.#entries.pop()!;
    if (last !== entry) {
      this.#rise(last, place);
      this.#sink(last, last.place);
    }
    return true;
  }

  #rise(entry: T, from: number): void {
    let place = from;
    while (place > 0) {
      const parent = this.#entries[(place - 1) >> 1]!;
      if (!sooner(entry, parent)) break;
      this.#put(parent, place);
      place = (place - 1) >> 1;
    }
    this.#put(entry, place);
  }

  #sink(entry: T, from: number): void {
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#entries.length) break;
      const right = this.#entries[child + 1];
      if (right !== undefined && sooner(right, this.#entries[child]!)) child++;
      if (!sooner(this.#entries[child]!, entry)) break;
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

function sooner(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
