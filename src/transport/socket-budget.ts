import type { Clock } from "../core/clock.ts";
import { limits } from "./limits.ts";

/** Who uses sockets of the process-wide budget: a pool. */
export interface SocketUser {
  /** Sockets it holds or is opening. */
  readonly sockets: number;
  /** Of those, the unused ones. */
  readonly idle: number;
  /** When its longest unused socket fell idle, or Infinity. */
  readonly idleSince: number;
  /** Closes that one. */
  closeIdlest(): void;
  /** There may be room again. */
  roomAgain(): void;
}

/**
 * How many sockets the whole process may have, over all pools and all copies of this package. A user that holds
 * none may always take one, so that nobody starves; beyond the cap others wait until a socket closes, and the
 * longest idle one of all is closed for them.
 */
export class SocketBudget {
  /** The cap as configured or derived; the one in force may be lower for a while. */
  #ceiling: number;
  readonly #clock: Clock;
  #cap: number;
  #taken = 0;
  readonly #users = new Set<SocketUser>();
  /** Users that were refused, in the order in which they will be told of room. */
  readonly #short = new Set<SocketUser>();
  #telling = false;
  #recovering = false;

  constructor(ceiling: number, clock: Clock) {
    this.#clock = clock;
    this.#ceiling = ceiling;
    this.#cap = ceiling;
  }

  get cap(): number {
    return this.#cap;
  }

  get ceiling(): number {
    return this.#ceiling;
  }

  set ceiling(sockets: number) {
    this.#ceiling = sockets;
    this.#cap = sockets;
    this.tell();
  }

  get taken(): number {
    return this.#taken;
  }

  join(user: SocketUser): void {
    this.#users.add(user);
  }

  leave(user: SocketUser): void {
    this.#users.delete(user);
    this.#short.delete(user);
  }

  /** Most sockets that `user` could have now, idle ones of others among them; more than `enough` is not counted. */
  reach(user: SocketUser, enough: number): number {
    let reach = user.sockets + Math.max(0, this.#cap - this.#taken);
    for (const other of this.#users) {
      if (reach >= enough) return reach;
      if (other !== user) reach += other.idle;
    }
    return Math.max(1, reach);
  }

  /** Takes up to `wanted` sockets; answers how many. Who got fewer is told when there is room again. */
  take(user: SocketUser, wanted: number): number {
    const free = Math.max(0, this.#cap - this.#taken);
    const granted = Math.max(Math.min(wanted, free), user.sockets === 0 ? 1 : 0);
    this.#taken += granted;
    if (granted < wanted) this.#short.add(user);
    this.#makeRoom(Math.max(wanted - granted, this.#taken - this.#cap));
    return granted;
  }

  give(): void {
    this.#taken--;
    this.tell();
  }

  /** `user` wants to hear of room, although it did not ask for a socket. */
  watch(user: SocketUser): void {
    this.#short.add(user);
  }

  /** Tells those that were refused, once a turn: what they could have may have changed. */
  tell(): void {
    if (this.#telling || this.#short.size === 0) return;
    this.#telling = true;
    this.#clock.turn(() => {
      this.#telling = false;
      const told = [...this.#short];
      this.#short.clear();
      for (const user of told) user.roomAgain();
    });
  }

  /** Descriptors or ports ran out below the cap: lower it to what is open, and raise it again step by step. */
  shrink(): void {
    this.#cap = Math.max(1, Math.min(this.#cap, this.#taken));
    if (this.#recovering) return;
    this.#recovering = true;
    this.#recover();
  }

  #recover(): void {
    this.#clock.after(
      limits.recovery,
      () => {
        this.#cap = Math.min(this.#ceiling, this.#cap + Math.max(1, this.#cap >> 3));
        this.tell();
        if (this.#cap < this.#ceiling) this.#recover();
        else this.#recovering = false;
      },
      "idle",
    );
  }

  #makeRoom(sockets: number): void {
    for (let i = 0; i < sockets; i++) {
      let idlest: SocketUser | undefined;
      for (const user of this.#users) {
        if (user.idleSince < (idlest?.idleSince ?? Number.POSITIVE_INFINITY)) idlest = user;
      }
      if (idlest === undefined) return;
      idlest.closeIdlest();
    }
  }
}
