import { type CallOptions, type Priority, priorities } from "../core/call.ts";

type Wants = Pick<CallOptions, "deadlineAt" | "priority">;

/** Those who wait, as far as their wants are concerned. */
type Waiting = Iterable<{ readonly ask: { readonly options: Wants } }>;

/** What those who wait for one piece of work want together: the latest deadline and the highest priority of all. */
export class Demand {
  readonly #waiting: Waiting;
  readonly #ofPriority = priorities.map(() => 0);
  /** Undefined: whoever had it has left. */
  #latest: number | undefined;
  /** How many have that deadline. */
  #atLatest = 0;

  constructor(waiting: Waiting) {
    this.#waiting = waiting;
  }

  get deadlineAt(): number {
    this.#latest ??= this.#seekLatest();
    return this.#latest;
  }

  get priority(): Priority {
    return priorities.at(this.#ofPriority.findIndex((count) => count > 0))!;
  }

  /** One more waits, and is among the waiting already. True when that may change what all want. */
  add({ deadlineAt, priority }: Wants): boolean {
    const before = this.priority;
    this.#ofPriority[priorities.indexOf(priority)]!++;
    const { priority: highest } = this;
    if (this.#latest === undefined) return true;
    if (deadlineAt < this.#latest) return highest !== before;
    const later = deadlineAt > this.#latest;
    this.#atLatest = later ? 1 : this.#atLatest + 1;
    this.#latest = deadlineAt;
    return later || highest !== before;
  }

  /** One waits no more, and is not among the waiting. True when that may change what all want. */
  remove({ deadlineAt, priority }: Wants): boolean {
    const before = this.priority;
    this.#ofPriority[priorities.indexOf(priority)]!--;
    if (deadlineAt === this.#latest && --this.#atLatest === 0) this.#latest = undefined;
    return this.#latest === undefined || this.priority !== before;
  }

  #seekLatest(): number {
    let latest = Number.NEGATIVE_INFINITY;
    this.#atLatest = 0;
    for (const { ask } of this.#waiting) {
      const { deadlineAt } = ask.options;
      if (deadlineAt > latest) this.#atLatest = 0;
      if (deadlineAt >= latest) this.#atLatest++;
      latest = Math.max(latest, deadlineAt);
    }
    return latest;
  }
}
