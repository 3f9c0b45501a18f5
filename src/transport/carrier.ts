import type { Flight } from "./flight.ts";

/** A connection that is ready to carry calls. */
export interface Carrier {
  readonly protocol: "h1" | "h2";
  /** Takes no new calls any more. */
  readonly retired: boolean;
  /** Places for further calls at this moment; 0 when full or retired. */
  readonly room: number;
  /** Places in use. A place is in use until its stream or socket is truly free again. */
  readonly used: number;
  /** Of those, the ones whose flight is over, so that they will be free in a moment. */
  readonly ending: number;
  /** How long it may live unused, from now. */
  readonly idleFor: number;
  /** Resolves when calls may start on it. */
  ready(): Promise<void>;
  start(flight: Flight): void;
  /** Takes no new calls and ends once the running ones have. */
  retire(): void;
}

/** Who keeps the carriers. */
export interface Keeper {
  /** Places became free, or more are allowed. */
  freed(carrier: Carrier): void;
  /** It takes no new calls. */
  retired(carrier: Carrier): void;
}
