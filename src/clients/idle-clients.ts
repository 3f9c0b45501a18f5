import type { Clock, Timer } from "../core/clock.ts";
import type { Client } from "./client.ts";

/**
 * Clients without calls, the one used longest ago first. Keeps at most `most` of them, and none for longer than
 * `ttl`. One timer serves them all, and it never holds the process.
 */
export class IdleClients {
  most = 256;
  #ttl = 600_000;
  readonly #resting = new Set<Client>();
  readonly #clock: Clock;
  readonly #letGo: (client: Client) => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, letGo: (client: Client) => void) {
    this.#clock = clock;
    this.#letGo = letGo;
  }

  set ttl(ttl: number) {
    this.#ttl = ttl;
    this.#timer?.cancel();
    this.#sweep();
  }

  /** Takes in a Client whose last call has ended. */
  add(client: Client): void {
    this.#resting.add(client);
    this.trim();
    this.#timer ??= this.#wake(this.#ttl);
  }

  /** Takes in a Client that was just made for somebody: others make room for it, it never goes itself. */
  welcome(client: Client): void {
    this.trim(Math.max(0, this.most - 1));
    this.#resting.add(client);
    this.#timer ??= this.#wake(this.#ttl);
  }

  /** Moves a Client that was asked for to the end of the row. */
  touch(client: Client): void {
    if (this.#resting.delete(client)) this.#resting.add(client);
  }

  remove(client: Client): void {
    this.#resting.delete(client);
  }

  /** Lets the longest idle go until `most` are left. */
  trim(most: number = this.most): void {
    for (const client of this.#resting) {
      if (this.#resting.size <= most) return;
      this.#resting.delete(client);
      this.#letGo(client);
    }
  }

  /** Lets go of those last used `age` ago or longer, and tells how many. */
  expire(age: number): number {
    const before = this.#resting.size;
    const latest = this.#clock.now() - age;
    for (const client of this.#resting) {
      if (client.lastUsedAt > latest) break;
      this.#resting.delete(client);
      this.#letGo(client);
    }
    return before - this.#resting.size;
  }

  #sweep(): void {
    this.expire(this.#ttl);
    const [eldest] = this.#resting;
    this.#timer = eldest && this.#wake(eldest.lastUsedAt + this.#ttl - this.#clock.now());
  }

  #wake(ms: number): Timer {
    // Never less than a millisecond: sums of instants round, and a wait of nothing could then be repeated for ever.
    return this.#clock.after(Math.max(1, ms), () => this.#sweep(), "idle");
  }
}
