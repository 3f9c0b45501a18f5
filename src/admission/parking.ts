import type { Clock, Timer } from "../core/clock.ts";
import type { Lead } from "./prefix.ts";
import type { Ticket } from "./ticket.ts";

/** Calls that wait for the same prefix, as long as each other. */
interface Group {
  readonly tickets: Set<Ticket>;
  readonly timer: Timer;
}

/** Where calls wait, out of the queue, for another call to warm their prefix. */
export class Parking {
  readonly #clock: Clock;
  /** By how long they wait: one timer for all who wait alike. */
  readonly #groups = new Map<Lead, Map<number, Group>>();
  #size = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#size;
  }

  /** Parks `ticket` behind `lead`; `onLate` is called when the first of its group has waited long enough. */
  add(ticket: Ticket, lead: Lead, now: number, onLate: (late: readonly Ticket[]) => void): void {
    const { prefixWait } = ticket;
    let groups = this.#groups.get(lead);
    if (groups === undefined) {
      groups = new Map();
      this.#groups.set(lead, groups);
    }
    let group = groups.get(prefixWait);
    if (group === undefined) {
      const tickets = new Set<Ticket>();
      const timer = this.#clock.after(lead.leadSince + prefixWait - now, () => onLate(this.#take(tickets)));
      group = { tickets, timer };
      groups.set(prefixWait, group);
    }
    group.tickets.add(ticket);
    ticket.parkedOn = lead;
    this.#size++;
  }

  remove(ticket: Ticket): void {
    const lead = ticket.parkedOn!;
    const groups = this.#groups.get(lead)!;
    const { tickets, timer } = groups.get(ticket.prefixWait)!;
    tickets.delete(ticket);
    ticket.parkedOn = undefined;
    this.#size--;
    if (tickets.size > 0) return;
    timer.cancel();
    groups.delete(ticket.prefixWait);
    if (groups.size === 0) this.#groups.delete(lead);
  }

  /** Everybody who waited for one of `leads`; they wait no more. */
  release(leads: readonly Lead[]): readonly Ticket[] {
    const released: Ticket[] = [];
    for (const lead of leads) {
      const groups = this.#groups.get(lead);
      if (groups === undefined) continue;
      for (const { tickets } of [...groups.values()]) released.push(...this.#take(tickets));
    }
    return released;
  }

  #take(tickets: ReadonlySet<Ticket>): readonly Ticket[] {
    const taken = [...tickets];
    for (const ticket of taken) this.remove(ticket);
    return taken;
  }
}
