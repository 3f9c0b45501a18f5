import { type Check, checkOptions, checks, oneOf, wrongOption } from "../core/check.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { type Logger, silent } from "../core/log.ts";
import { type PoolHandle, Transport } from "../transport/transport.ts";
import { Client } from "./client.ts";
import { Closing, closedError } from "./closing.ts";
import { type ClientConfig, Configs, sharedConfigs } from "./config.ts";
import { describe, inOneLine, type SettingsView } from "./describe.ts";
import { IdleClients } from "./idle-clients.ts";
import { LeakWatch } from "./leak-watch.ts";
import { processWide } from "./process-wide.ts";

/** What `clients.configure` takes. What is left out stays as it is. */
export interface RegistryOptions {
  /** Clients kept although no call uses them; the one not used longest goes first. Default 256. */
  readonly maxIdleClients?: number;
  /** Milliseconds after its last use at which a Client goes. Default 600,000; Infinity keeps it. */
  readonly idleTtl?: number;
  /** Sockets of all Pools together. Default: about half of the descriptors that are free. */
  readonly maxSockets?: number;
  /** Hears of Clients made (info), used again (debug) and of leaks (warn). Default: none. */
  readonly logger?: Logger;
}

/** How `clients.close` closes. */
export interface CloseOptions {
  /** `"drain"` lets running calls end, `"abort"` ends them at once with a `closed` error. Default `"drain"`. */
  readonly mode?: "drain" | "abort";
  /** Milliseconds that a drain may take before it aborts what is left; Infinity waits for all. Default 30,000. */
  readonly deadline?: number;
}

/** What `clients.stats` shows. */
export interface ClientStats {
  readonly clients: number;
  readonly pools: number;
  readonly sockets: number;
  /** Calls that hold a slot. */
  readonly inFlight: number;
  /** Calls that wait for admission. */
  readonly queued: number;
  /** Calls that wait for a socket. */
  readonly waitingForSocket: number;
  /** Calls of the living Clients that were written off, because their driver ignored their abort. */
  readonly abandoned: number;
  /** Times that a Client was asked for and was there. */
  readonly hits: number;
  readonly misses: number;
  readonly created: number;
  readonly closed: number;
}

/** One line of `clients.list`. */
export interface ClientView {
  readonly id: string;
  readonly provider: string;
  /** Undefined, as `protocol` is, where the work is done in this process. */
  readonly origin: string | undefined;
  readonly protocol: string | undefined;
  /** Secrets are masked. */
  readonly settings: SettingsView;
  /** Open sockets of its Pool, which other Clients may share. */
  readonly sockets: number;
  readonly inFlight: number;
  /** Milliseconds since 1970, as `lastUsedAt` is. */
  readonly createdAt: number;
  readonly lastUsedAt: number;
}

const isLogger: Check = (value) =>
  (["debug", "info", "warn"] as const).every(
    (level) => typeof (value as Partial<Logger> | null)?.[level] === "function",
  )
    ? undefined
    : "an object with debug, info and warn, as console is";

const registryChecks = {
  maxIdleClients: checks.count,
  idleTtl: checks.duration,
  maxSockets: checks.positiveCount,
  logger: isLogger,
} satisfies Record<keyof RegistryOptions, Check>;

const milliseconds: Check = (value) =>
  typeof value === "number" && value >= 0 ? undefined : "milliseconds of 0 or more";

const closeChecks = {
  mode: oneOf("drain", "abort"),
  deadline: milliseconds,
} satisfies Record<keyof CloseOptions, Check>;

/** What a registry needs of the transport. */
type Pools = Pick<Transport, "open" | "stats" | "maxSockets">;

/**
 * Where Clients live: one for each configuration, made when it is first asked for, let go some time after its
 * last call. Nothing is ever taken from under a call, and correctness never waits for the garbage collector.
 */
export class Registry {
  readonly configs: Configs;
  readonly clock: Clock;
  readonly #transport: Pools;
  readonly #clients = new Map<string, Client>();
  readonly #idle: IdleClients;
  readonly #leaks: LeakWatch;
  readonly #companions = new Map<string, unknown>();
  #closing: Closing | undefined;
  #logger = silent;
  #unsaid: string | undefined;
  #hits = 0;
  #misses = 0;
  #created = 0;
  #closed = 0;

  constructor(parts: { clock: Clock; transport: Pools; configs?: Configs; leaks?: LeakWatch }) {
    this.clock = parts.clock;
    this.configs = parts.configs ?? new Configs();
    this.#transport = parts.transport;
    this.#leaks = parts.leaks ?? new LeakWatch();
    this.#idle = new IdleClients(parts.clock, (client) => this.#retire(client));
  }

  get logger(): Logger {
    return this.#logger;
  }

  /**
   * The Client of a configuration. Ask anew for each call and start the call at once: a Client that nobody uses
   * may be let go at any later moment.
   */
  get(config: ClientConfig): Client {
    if (config.generation !== this.configs.generation) throw closedError();
    const known = this.#clients.get(config.key);
    if (known === undefined) return this.#make(config);
    this.#hits++;
    known.lastUsedAt = this.clock.now();
    this.#idle.touch(known);
    if (this.#logger !== silent) this.#log("debug", `client ${known.id} is used again`);
    return known;
  }

  configure(options: RegistryOptions): void {
    checkOptions("clients.configure", options, registryChecks);
    const { maxIdleClients, idleTtl, maxSockets, logger } = options;
    if (logger !== undefined) this.#setLogger(logger);
    if (maxSockets !== undefined) this.#transport.maxSockets = maxSockets;
    if (maxIdleClients !== undefined) this.#idle.most = maxIdleClients;
    if (idleTtl !== undefined) this.#idle.ttl = idleTtl;
    this.#idle.trim();
  }

  stats(): ClientStats {
    const all = [...this.#clients.values(), ...(this.#closing?.left ?? [])];
    const sum = (of: (client: Client) => number): number =>
      all.reduce((total, client) => total + of(client), 0);
    const { pools, sockets, waitingForSocket } = this.#transport.stats();
    return {
      clients: this.#clients.size,
      pools,
      sockets,
      inFlight: sum((client) => client.slots.used),
      queued: sum((client) => client.gauges.queued),
      waitingForSocket: waitingForSocket + sum((client) => client.gauges.waitingForSocket),
      abandoned: sum((client) => client.gauges.abandoned),
      hits: this.#hits,
      misses: this.#misses,
      created: this.#created,
      closed: this.#closed,
    };
  }

  list(): ClientView[] {
    const since = this.clock.wall() - this.clock.now();
    return [...this.#clients.values()].map((client) => ({
      id: client.id,
      provider: client.config.provider,
      origin: client.pool?.origin,
      protocol: client.pool?.protocol,
      settings: describe(client.config),
      sockets: client.pool?.stats().sockets ?? 0,
      inFlight: client.slots.used,
      createdAt: client.createdAt,
      lastUsedAt: since + client.lastUsedAt,
    }));
  }

  /** Lets go of the Clients whose last use is `maxAgeMs` ago or longer (0: of all idle ones); tells how many. */
  async closeIdle(maxAgeMs: number): Promise<number> {
    const expected = milliseconds(maxAgeMs);
    if (expected !== undefined) throw wrongOption("clients.closeIdle: maxAgeMs", expected, maxAgeMs);
    return this.#idle.expire(maxAgeMs);
  }

  /**
   * Closes everything there is. LMs made before fail with `closed`, those made after work. Asked again while
   * nothing new was made, it is the same promise; a sooner deadline, or `"abort"`, then hastens it.
   */
  close(options: CloseOptions = {}): Promise<void> {
    checkOptions("clients.close", options, closeChecks);
    const { mode = "drain", deadline = 30_000 } = options;
    const closing = this.#closeAll();
    closing.within(mode === "abort" ? 0 : deadline);
    return closing.done;
  }

  /** A companion of this registry that all copies of the package share; made by whoever asks first. */
  attach<T>(name: string, make: () => T): T {
    if (!this.#companions.has(name)) this.#companions.set(name, make());
    return this.#companions.get(name) as T;
  }

  #closeAll(): Closing {
    if (this.#closing !== undefined && !this.configs.any && this.#clients.size === 0) return this.#closing;
    const clients = [...this.#clients.values()];
    this.configs.nextGeneration();
    this.#clients.clear();
    for (const client of clients) this.#idle.remove(client);
    this.#closed += clients.length;
    this.#closing = new Closing(clients, this.clock, this.#closing);
    return this.#closing;
  }

  #make(config: ClientConfig): Client {
    this.#misses++;
    const pool = this.#open(config);
    const client = new Client(`${config.provider}#${++this.#created}`, config, pool, this.clock, {
      busy: (client) => this.#idle.remove(client),
      idle: (client) => this.#rest(client),
    });
    this.#clients.set(config.key, client);
    this.#idle.welcome(client);
    if (this.#logger !== silent)
      this.#log("info", `client ${client.id} made: ${inOneLine(describe(config))}`);
    this.#unsaid = this.#leaks.created(config.key) ?? this.#unsaid;
    this.#warn();
    return client;
  }

  #open({
    baseURL,
    protocol,
    tls,
    proxy,
    connections,
    connectTimeout,
  }: ClientConfig): PoolHandle | undefined {
    if (baseURL === undefined) return undefined;
    const { origin } = new URL(baseURL);
    return this.#transport.open({ origin, protocol, tls, proxy }, { connections, connectTimeout });
  }

  #rest(client: Client): void {
    if (this.#clients.get(client.config.key) === client) this.#idle.add(client);
    else this.#closing?.settled(client);
  }

  #retire(client: Client): void {
    this.#clients.delete(client.config.key);
    this.#closed++;
    client.release();
  }

  #setLogger(logger: Logger): void {
    this.#logger = logger;
    this.#warn();
  }

  /** The one warning waits for somebody who hears it. */
  #warn(): void {
    if (this.#unsaid === undefined || this.#logger === silent) return;
    this.#log("warn", this.#unsaid);
    this.#unsaid = undefined;
  }

  /** A logger that throws must not cost a call. */
  #log(level: keyof Logger, message: string): void {
    try {
      this.#logger[level](`trunkline: ${message}`);
    } catch {}
  }
}

/** The registry of this process, shared by all copies of the package. */
export function registry(): Registry {
  return processWide("registry.v1", () => {
    const transport = new Transport({ clock: systemClock, logger: () => made.logger });
    const made: Registry = new Registry({ clock: systemClock, transport, configs: sharedConfigs() });
    return made;
  });
}
