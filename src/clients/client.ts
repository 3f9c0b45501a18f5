import type { Clock } from "../core/clock.ts";
import type { TrunklineError } from "../core/errors.ts";
import type { Leave } from "../core/signals.ts";
import { Slots } from "../core/slots.ts";
import type { PoolHandle } from "../transport/transport.ts";
import type { ClientConfig } from "./config.ts";
import { KeySource } from "./key-source.ts";
import { OpenCalls } from "./open-calls.ts";

/** What waits at a Client right now; whoever makes calls wait keeps count. */
export interface Gauges {
  /** Calls that wait for admission. */
  queued: number;
  /** Calls that wait for a socket. */
  waitingForSocket: number;
  /** Calls whose driver did not end after their abort, and that were written off. */
  abandoned: number;
}

/** Who wants to know when a Client gets work and when it has none left. */
export interface Keeper {
  busy(client: Client): void;
  idle(client: Client): void;
}

/** One full configuration with what its calls share. The registry makes it, once; many LMs use it. */
export class Client {
  /** Short and unique in this process, such as "openai#3". */
  readonly id: string;
  readonly config: ClientConfig;
  /** The sockets to its origin; none where the work is done in this process. */
  readonly pool: PoolHandle | undefined;
  readonly slots: Slots;
  /** How to settle each call in flight at once. Whoever starts a call adds to it and takes out what it added. */
  readonly open: Set<Leave>;
  readonly gauges: Gauges = { queued: 0, waitingForSocket: 0, abandoned: 0 };
  /** `clock.wall()` when it was made. */
  readonly createdAt: number;
  /** `clock.now()` when it was last asked for, or its last call ended. */
  lastUsedAt: number;
  /**
   * The key for one attempt, by its place among the Client's keys; `""` where none is wanted, a promise only where a
   * function brings it. A member of its own, so that posting a Client to a thread fails as cloning a function does:
   * sockets do not travel.
   */
  readonly key: (index?: number) => string | Promise<string>;
  /** What ends with it; whoever adds something here has it called once, when the Client goes. */
  readonly closers: (() => unknown)[] = [];
  readonly #keys: readonly (string | KeySource)[];
  readonly #clock: Clock;
  readonly #keeper: Keeper;
  #closed = false;

  constructor(id: string, config: ClientConfig, pool: PoolHandle | undefined, clock: Clock, keeper: Keeper) {
    const keys = config.keys.map((key) => (typeof key === "function" ? new KeySource(key, clock) : key));
    this.id = id;
    this.config = config;
    this.pool = pool;
    this.slots = new Slots(config.maxParallelRequests);
    this.open = new OpenCalls(
      () => keeper.busy(this),
      () => this.#quiet(),
    );
    this.createdAt = clock.wall();
    this.lastUsedAt = clock.now();
    this.key = (index = 0) => {
      const key = keys[index]!;
      return typeof key === "string" ? key : key.current();
    };
    this.#keys = keys;
    this.#clock = clock;
    this.#keeper = keeper;
  }

  /** After the provider refused `stale`: a newer key from the same place, or `stale` again where there is none. */
  refreshKey(stale: string, index = 0): Promise<string> {
    const key = this.#keys[index]!;
    return typeof key === "string" ? Promise.resolve(stale) : key.refresh(stale);
  }

  /** Whether it has neither calls nor work that outlived them. */
  get idle(): boolean {
    return this.open.size === 0 && this.slots.used === 0;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Gives up its share of the Pool. For the registry, and only when it is idle. A promise where something ends later. */
  release(): Promise<void> | undefined {
    this.pool?.release();
    return this.#end();
  }

  /** Settles every call in flight with `error`, and ends what of their work runs in the Pool. For the registry. */
  abort(error: TrunklineError): void {
    for (const leave of [...this.open]) leave(error);
    this.pool?.destroy(error);
    void this.#end();
  }

  #end(): Promise<void> | undefined {
    this.#closed = true;
    const closers = this.closers.splice(0);
    if (closers.length === 0) return undefined;
    return Promise.allSettled(closers.map(async (close) => close())).then(() => {});
  }

  #quiet(): void {
    this.lastUsedAt = this.#clock.now();
    if (this.slots.used === 0) {
      this.#keeper.idle(this);
      return;
    }
    // Work that outlives its callers holds the Client a little longer.
    const stop = this.slots.onRoom(() => {
      if (this.slots.used > 0) return;
      stop();
      if (this.idle) this.#keeper.idle(this);
    });
  }
}
