import {
  type ClientStats,
  type ClientView,
  type CloseOptions,
  type RegistryOptions,
  registry,
} from "./registry.ts";

/** The Clients of this process, for looking at them, limiting them and closing them. */
export interface ProcessClients {
  /**
   * Counts of everything at this moment.
   *
   * ```ts
   * const { sockets, inFlight, queued } = clients.stats();
   * ```
   */
  stats(): ClientStats;
  /** The Clients there are, with their settings; secrets are masked. */
  list(): ClientView[];
  /**
   * Sets limits and the logger, from now on.
   *
   * ```ts
   * clients.configure({ logger: console, maxIdleClients: 1_000 });
   * ```
   */
  configure(options: RegistryOptions): void;
  /** Closes Clients that no call has used for `maxAgeMs` or longer, 0 for all idle ones; tells how many. */
  closeIdle(maxAgeMs: number): Promise<number>;
  /**
   * Closes all Clients, after their running calls. LMs made before fail with `closed`, those made after work.
   *
   * ```ts
   * await clients.close({ deadline: 10_000 });
   * ```
   */
  close(options?: CloseOptions): Promise<void>;
}

export const clients: ProcessClients = Object.freeze({
  stats: () => registry().stats(),
  list: () => registry().list(),
  configure: (options: RegistryOptions) => registry().configure(options),
  closeIdle: (maxAgeMs: number) => registry().closeIdle(maxAgeMs),
  close: (options?: CloseOptions) => registry().close(options),
});
