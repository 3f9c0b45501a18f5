import type { Clock, Timer } from "../core/clock.ts";
import type { Door } from "./door.ts";
import { deadlinePassed, outlastsDeadline, queueTooLong } from "./lane-errors.ts";
import type { Limits } from "./limits.ts";
import { Parking } from "./parking.ts";
import type { Lead } from "./prefix.ts";
import type { Ticket } from "./ticket.ts";

export interface RoomParts {
  readonly clock: Clock;
  readonly model: string;
  readonly limits: Limits;
  /** Gives a call everything it needs. */
  readonly take: (ticket: Ticket, now: number) => void;
}

/**
 * Where the calls of one lane wait until they may start: in their doors' queues, parked behind a call that warms their
 * prefix, or for the end of their tick. Here is the one decision who starts.
 */
export class WaitingRoom {
  readonly #parts: RoomParts;
  readonly #limits: Limits;
  /** Everybody who waits, in whatever place. */
  readonly #waiting = new Set<Ticket>();
  /** Doors with calls in their queue. */
  readonly #busy = new Set<Door<Ticket>>();
  readonly #parking: Parking;
  /** Calls of this tick whose prefix nobody has seen yet. */
  #newcomers: Ticket[] = [];
  #entered = 0;
  #timer: Timer | undefined;
  #wakeAt = 0;
  /** The end of the pause that those who wait were last told of. */
  #heededUntil = 0;

  constructor(parts: RoomParts) {
    this.#parts = parts;
    this.#limits = parts.limits;
    this.#parking = new Parking(parts.clock);
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Calls that wait for another to warm their prefix. */
  get parked(): number {
    return this.#parking.size;
  }

  /** Settles when the call has everything it needs. `isNews`: calls of this tick may share a prefix with it. */
  wait(ticket: Ticket, isNews: boolean, now: number): Promise<void> {
    const { queueTimeout } = ticket.options;
    if (ticket.claim.input === 0) this.#limits.weigh(ticket);
    const started = ticket.wait(this.#entered++, now);
    this.#waiting.add(ticket);
    ticket.door.gauges.queued++;
    if (queueTimeout < Number.POSITIVE_INFINITY) {
      ticket.timer = this.#parts.clock.after(queueTimeout, () => {
        this.dismiss(ticket, queueTooLong(queueTimeout, this.#parts.model));
      });
    }
    if (isNews) this.#compareLater(ticket);
    else {
      this.#enqueue(ticket);
      this.startSome();
    }
    return started;
  }

  #enqueue(ticket: Ticket): void {
    ticket.door.queue.add(ticket);
    ticket.door.recount();
    this.#busy.add(ticket.door);
  }

  #dequeue(ticket: Ticket): void {
    ticket.door.queue.remove(ticket);
    this.#unqueued(ticket.door);
  }

  #unqueued(door: Door<Ticket>): void {
    door.recount();
    if (door.queue.size === 0) this.#busy.delete(door);
  }

  #compareLater(ticket: Ticket): void {
    this.#newcomers.push(ticket);
    if (this.#newcomers.length === 1) this.#parts.clock.turn(() => this.#compare());
  }

  /** The tick is over: whoever shares a prefix knows it now, and all of them queue. */
  #compare(): void {
    const together = this.#newcomers.filter((ticket) => this.#waiting.has(ticket));
    this.#newcomers = [];
    this.#limits.compare(together);
    for (const ticket of together) this.#enqueue(ticket);
    this.startSome();
  }

  /** The call's rank may have changed. */
  moved(ticket: Ticket): void {
    if (!ticket.rerank() || ticket.place < 0) return;
    ticket.door.queue.update(ticket);
    this.startSome();
  }

  /** The call waits no longer, and fails with `error`. */
  dismiss(ticket: Ticket, error: unknown): void {
    if (ticket.place >= 0) this.#dequeue(ticket);
    else if (ticket.parkedOn !== undefined) this.#parking.remove(ticket);
    this.#leaveWait(ticket);
    ticket.endWait(error);
    // Whoever stood behind it may be smaller.
    this.startSome();
  }

  #leaveWait(ticket: Ticket): void {
    this.#waiting.delete(ticket);
    ticket.door.gauges.queued--;
  }

  /** Everybody who waits at `door` leaves with `error`. */
  recall(door: Door<Ticket>, error: unknown): void {
    for (const ticket of this.#waiting) if (ticket.door === door) this.dismiss(ticket, error);
  }

  /** After a pause began, or grew: whoever cannot wait that long hears it at once, and doors may send theirs elsewhere. */
  heedPause(now: number): void {
    const until = now + this.#limits.shutMs(now);
    // Each refusal of a burst may add a little; looking at everybody again is worth a second.
    if (until < this.#heededUntil + 1_000) return;
    this.#heededUntil = until;
    const doors = new Set<Door<Ticket>>();
    for (const ticket of this.#waiting) {
      const pause = this.#limits.hopelessMs(ticket, now);
      if (pause !== undefined) this.dismiss(ticket, outlastsDeadline(pause, this.#parts.model));
      else doors.add(ticket.door);
    }
    for (const door of doors) door.shut();
  }

  /** Whoever waited for one of `leads` waits no more for it. */
  release(leads: readonly Lead[]): void {
    const released = this.#parking.release(leads);
    if (released.length > 0) this.#requeue(released);
  }

  /** The one decision: starts what may start now, in order. True when only `most` ended it. */
  startSome(most = Number.POSITIVE_INFINITY): boolean {
    let started = 0;
    const now = this.#parts.clock.now();
    while (this.#busy.size > 0) {
      const shut = this.#limits.shutMs(now);
      if (shut > 0) return this.#sleep(shut, now);
      const ticket = this.#next();
      if (ticket === undefined) return false;
      if (this.#stepsAside(ticket, now)) continue;
      const short = this.#limits.shortMs(ticket, now);
      if (short > 0) return this.#sleep(short, now);
      if (started === most) return true;
      this.#start(ticket, now);
      started++;
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    return false;
  }

  /** The first in order of all calls whose Client has a place. */
  #next(): Ticket | undefined {
    let best: Door<Ticket> | undefined;
    for (const door of this.#busy) {
      if (!door.ready) continue;
      if (best === undefined || goesBefore(door, best)) best = door;
    }
    return best?.queue.first;
  }

  /** The call gives way to whoever is behind it: its deadline has passed, or another is warming its prefix. */
  #stepsAside(ticket: Ticket, now: number): boolean {
    if (ticket.options.deadlineAt <= now) {
      // A busy loop fires timers late; what is too late is not sent all the same.
      this.dismiss(ticket, deadlinePassed(this.#parts.model));
      return true;
    }
    const lead = this.#limits.awaits(ticket, now);
    if (lead === undefined) return false;
    this.#dequeue(ticket);
    this.#parking.add(ticket, lead, now, this.#requeue);
    return true;
  }

  #start(ticket: Ticket, now: number): void {
    ticket.door.queue.start(ticket);
    this.#unqueued(ticket.door);
    this.#parts.take(ticket, now);
    this.#leaveWait(ticket);
    ticket.options.record.queueMs += now - ticket.enteredAt;
    ticket.endWait();
  }

  #sleep(ms: number, now: number): false {
    // Waking too early is harmless; only an earlier need is worth another timer.
    if (this.#timer !== undefined && this.#wakeAt <= now + ms) return false;
    this.#timer?.cancel();
    this.#wakeAt = now + ms;
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#timer = undefined;
      this.startSome();
    });
    return false;
  }

  /** Whoever was parked waits in the queue again. */
  readonly #requeue = (tickets: readonly Ticket[]): void => {
    for (const ticket of tickets) this.#enqueue(ticket);
    this.startSome();
  };
}

function goesBefore(a: Door<Ticket>, b: Door<Ticket>): boolean {
  const difference = a.queue.firstTag - b.queue.firstTag;
  return difference < 0 || (difference === 0 && a.queue.first!.rank < b.queue.first!.rank);
}
