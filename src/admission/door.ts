import type { Slots } from "../core/slots.ts";
import { FairQueue, type Queued } from "./queue.ts";
import type { Shares } from "./shares.ts";
import type { TurnTable, Waiter } from "./turns.ts";

/** Counters of one Client, for `clients.stats()`. */
export interface Gauges {
  queued: number;
  waitingForSocket: number;
}

export interface DoorParts {
  readonly slots: readonly Slots[];
  /** The one among `slots` whose fullness counts as waiting for a socket. */
  readonly poolSlots: Slots | undefined;
  readonly gauges: Gauges;
  readonly shares: Shares;
  readonly turns: TurnTable;
  /** Starts at most one call of the lane; true when it might start another. */
  readonly startOne: () => boolean;
  /** Called the first time that calls wait because the pool is full. */
  readonly onPoolFull: () => void;
  /** Called when a refusal shuts the lane, or for longer, while calls wait here. */
  readonly onShut: () => void;
}

/** One Client's entrance to a lane: its places, and the calls that wait for one. */
export class Door<T extends Queued> implements Waiter {
  readonly queue: FairQueue<T>;
  readonly gauges: Gauges;
  readonly #parts: DoorParts;
  /** The full Slots in whose turns this door stands. */
  #blockedOn: Slots | undefined;
  #countedForSocket = 0;

  constructor(parts: DoorParts) {
    this.#parts = parts;
    this.gauges = parts.gauges;
    this.queue = new FairQueue(parts.shares);
  }

  /** Whether a place of each kind is free. */
  get free(): boolean {
    for (const slots of this.#parts.slots) if (!slots.free) return false;
    return true;
  }

  /** Whether a call may start here; if not, the door waits its turn for what is missing. */
  get ready(): boolean {
    if (this.#blockedOn !== undefined) return false;
    const { slots, turns, poolSlots, onPoolFull } = this.#parts;
    const full = slots.find(({ free }) => !free);
    if (full === undefined) return true;
    this.#blockedOn = full;
    turns.of(full).wait(this);
    this.recount();
    if (full === poolSlots) onPoolFull();
    return false;
  }

  /** Takes a place of each kind. Ask `free` or `ready` first. */
  take(): void {
    for (const slots of this.#parts.slots) slots.take();
  }

  give(): void {
    for (const slots of this.#parts.slots) slots.give();
  }

  /** A refusal has shut the lane. */
  shut(): void {
    this.#parts.onShut();
  }

  wake(): boolean {
    this.#blockedOn = undefined;
    const more = this.#parts.startOne();
    this.recount();
    return more && this.ready;
  }

  /** Brings the gauge up to date after the queue or what blocks it has changed. */
  recount(): void {
    const { gauges, poolSlots } = this.#parts;
    const waiting = this.#blockedOn !== undefined && this.#blockedOn === poolSlots ? this.queue.size : 0;
    gauges.waitingForSocket += waiting - this.#countedForSocket;
    this.#countedForSocket = waiting;
  }
}
