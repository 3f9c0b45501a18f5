import type { Clock } from "../core/clock.ts";
import type { TrunklineError } from "../core/errors.ts";
import { type Logger, silent } from "../core/log.ts";
import type { Slots } from "../core/slots.ts";
import { sharedBudget, socketsWithinLimit } from "./budget.ts";
import type { Exchange, Receiver } from "./exchange.ts";
import { Handle } from "./handle.ts";
import { Pool } from "./pool.ts";
import { type PoolSettings, type PoolUse, poolKey } from "./settings.ts";
import type { SocketBudget } from "./socket-budget.ts";

/** One user's hold on a Pool; Clients with the same origin, TLS, proxy and protocol share the Pool behind it. */
export interface PoolHandle {
  /** How many calls the Pool can carry now; admission takes and gives, the Pool moves the limit. */
  readonly slots: Slots;
  readonly origin: string;
  /** What the server speaks, once that is known. */
  readonly protocol: "h1" | "h2" | undefined;
  /** Sockets of the whole Pool; calls of this handle alone. */
  stats(): { readonly sockets: number; readonly inFlight: number; readonly waitingForSocket: number };
  /**
   * Sends one request and feeds the answer to `receiver`. Resolves at the answer's end, or when the reader says
   * "done"; no status is an error here. Rejects with a TrunklineError (`sent: false` when certainly nothing reached
   * the provider), with `exchange.signal.reason`, or with what the receiver threw.
   */
  send(exchange: Exchange, receiver: Receiver): Promise<void>;
  /** This user needs it no more; its running calls finish. The last one to leave closes what is idle. */
  release(): void;
  /** Ends this user's calls with `error`, then releases. */
  destroy(error: TrunklineError): void;
}

/** Sums over all Pools. */
export interface TransportStats {
  readonly pools: number;
  readonly sockets: number;
  readonly inFlight: number;
  readonly waitingForSocket: number;
  /** Connections ever tried. */
  readonly opened: number;
}

/**
 * All Pools of one registry.
 *
 * ```ts
 * const transport = new Transport({ clock: systemClock });
 * const pool = transport.open({ origin: "https://api.example.com", protocol: "auto" }, { connectTimeout: 10_000 });
 * ```
 */
export class Transport {
  readonly #clock: Clock;
  readonly #logger: () => Logger;
  readonly #budget: SocketBudget;
  readonly #pools = new Map<string, Pool>();
  /** Connections of pools that are gone. */
  #openedBefore = 0;

  constructor({
    clock,
    logger = () => silent,
    maxSockets,
  }: { clock: Clock; logger?: () => Logger; maxSockets?: number }) {
    this.#clock = clock;
    this.#logger = logger;
    this.#budget = sharedBudget();
    if (maxSockets !== undefined) this.#budget.ceiling = maxSockets;
  }

  /** Sockets of the whole process, for all Pools together; undefined goes back to what the descriptor limit allows. */
  set maxSockets(sockets: number | undefined) {
    this.#budget.ceiling = sockets ?? socketsWithinLimit();
  }

  get maxSockets(): number {
    return this.#budget.ceiling;
  }

  /** A hold on the Pool of these settings, which is made when there is none. Opens no connection. */
  open(settings: PoolSettings, use: PoolUse): PoolHandle {
    const key = poolKey(settings);
    return new Handle(this.#pools.get(key) ?? this.#make(key, settings), use, this.#clock);
  }

  stats(): TransportStats {
    const sums = {
      pools: this.#pools.size,
      sockets: 0,
      inFlight: 0,
      waitingForSocket: 0,
      opened: this.#openedBefore,
    };
    for (const pool of this.#pools.values()) {
      sums.sockets += pool.sockets;
      sums.inFlight += pool.inFlight;
      sums.waitingForSocket += pool.waiting;
      sums.opened += pool.opened;
    }
    return sums;
  }

  #make(key: string, settings: PoolSettings): Pool {
    const surroundings = { clock: this.#clock, logger: this.#logger, budget: this.#budget };
    const pool = new Pool(settings, surroundings, () => {
      // A pool hears of its sockets' closes after it has left the table, perhaps for a successor.
      if (this.#pools.get(key) !== pool) return;
      this.#pools.delete(key);
      this.#openedBefore += pool.opened;
    });
    this.#pools.set(key, pool);
    return pool;
  }
}
