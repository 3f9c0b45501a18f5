import type { Clock, Timer } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import type { Client } from "./client.ts";

/** What a call meets whose Client was closed. */
export function closedError(): TrunklineError {
  return new TrunklineError("closed", "clients.close() was called; an LM made after it works again");
}

/**
 * Clients on their way out. Each is released when its last call ends; what is left at the deadline is aborted.
 * A close that comes while an earlier one still drains takes it along.
 */
export class Closing {
  readonly done: Promise<void>;
  readonly #left: Set<Client>;
  /** Released Clients whose drivers still close. */
  #ending = 0;
  readonly #clock: Clock;
  readonly #earlier: Closing | undefined;
  #finish!: (earlier: Promise<void> | undefined) => void;
  #abortAt = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clients: Iterable<Client>, clock: Clock, earlier?: Closing) {
    this.#left = new Set(clients);
    this.#clock = clock;
    this.#earlier = earlier?.over === false ? earlier : undefined;
    this.done = new Promise<void>((resolve) => {
      this.#finish = (earlier) => resolve(earlier);
    });
    for (const client of [...this.#left]) if (client.idle) this.settled(client);
    this.#finishIfEmpty();
  }

  /** The Clients that still have calls. */
  get left(): readonly Client[] {
    return [...this.#left, ...(this.#earlier?.left ?? [])];
  }

  get over(): boolean {
    return this.#left.size === 0 && this.#earlier?.over !== false;
  }

  /** Aborts what is left after `ms`. The soonest deadline asked for holds. */
  within(ms: number): void {
    this.#earlier?.within(ms);
    const at = this.#clock.now() + ms;
    if (this.#waitsForNobody || at >= this.#abortAt) return;
    this.#abortAt = at;
    this.#timer?.cancel();
    if (ms === 0) this.#abort();
    else this.#timer = this.#clock.after(ms, () => this.#abort());
  }

  /** A Client's last call has ended. */
  settled(client: Client): void {
    this.#earlier?.settled(client);
    if (!this.#left.delete(client)) return;
    const ended = client.release();
    if (ended !== undefined) this.#waitFor(ended);
    this.#finishIfEmpty();
  }

  get #waitsForNobody(): boolean {
    return this.#left.size === 0 && this.#ending === 0;
  }

  #waitFor(ended: Promise<void>): void {
    this.#ending++;
    void ended.then(() => {
      this.#ending--;
      this.#finishIfEmpty();
    });
  }

  #abort(): void {
    const error = closedError();
    const left = [...this.#left];
    this.#left.clear();
    for (const client of left) client.abort(error);
    this.#finishNow();
  }

  #finishIfEmpty(): void {
    if (this.#waitsForNobody) this.#finishNow();
  }

  #finishNow(): void {
    this.#timer?.cancel();
    this.#finish(this.#earlier?.done);
  }
}
