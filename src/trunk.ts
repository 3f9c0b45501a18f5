import { Admission, type LineFacts } from "./admission/admission.ts";
import { fallback } from "./admission/fallback.ts";
import { keys } from "./admission/keys.ts";
import { retry } from "./admission/retry.ts";
import { Cache } from "./cache/cache.ts";
import type { Client } from "./clients/client.ts";
import { type ClientConfig, resolveConfig, resolveLocalConfig } from "./clients/config.ts";
import { type Registry, registry } from "./clients/registry.ts";
import {
  type ClientOptions,
  clientChecks,
  type LocalOptions,
  localChecks,
  type ProviderFacts,
} from "./clients/settings.ts";
import { type Call, type CallOptions, compose, type Layer, type LineName } from "./core/call.ts";
import { caller } from "./core/caller.ts";
import type { Clock } from "./core/clock.ts";
import type { Completion } from "./core/completion.ts";
import type { ChatRequest } from "./core/request.ts";
import { weakest } from "./drivers/abilities.ts";
import { lookup } from "./drivers/catalog.ts";
import type { Abilities, Driver } from "./drivers/driver.ts";
import { type FunctionDriverOptions, functionChecks } from "./drivers/driver-lm.ts";
import { guard } from "./drivers/guard.ts";
import { cachesOnlyMarked } from "./drivers/prefix-marks.ts";
import { sharedFunctions } from "./drivers/shared-functions.ts";
import { Events } from "./events/events.ts";

export type { Abilities } from "./drivers/driver.ts";

/** Models of one configuration whose targets are kept; beyond it they cost memory, nothing else. */
const mostTargetsKept = 1_000;

/** What finds one line: whose it is, and how to make the driver at its end. */
interface Route {
  readonly facts: ProviderFacts;
  readonly config: ClientConfig;
  readonly makeDriver: (client: Client) => Driver;
  /** Names the lane where there is no origin to name it. */
  readonly lane?: string;
  /** Who answers, for cache keys. */
  readonly identity: string;
  /** The most texts that one request for vectors may hold. */
  readonly embedTexts?: number;
  /** The identity holds in this process alone. */
  readonly memoryOnly?: boolean;
}

/**
 * The layers in their order around the driver of each Client. The only place that knows them all:
 *
 *     events -> fallbacks -> caller -> cache -> retry -> admission -> guard -> driver
 *
 * Events and fallbacks belong to a target, the others to a Client.
 */
export class Trunk {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly events: Events;
  readonly admission: Admission;
  readonly cache: Cache;
  readonly #lines = new WeakMap<Client, Call>();
  readonly #drivers = new WeakMap<Client, Driver>();
  readonly #targets = new WeakMap<ClientConfig, Map<string, Target>>();

  constructor(registry: Registry) {
    const logger = () => registry.logger;
    this.clock = registry.clock;
    this.registry = registry;
    this.events = new Events({ clock: registry.clock, logger });
    this.admission = new Admission({ clock: registry.clock, logger });
    this.cache = new Cache({ clock: registry.clock, logger });
  }

  /** A target by "provider/model". Reads the environment now; opens nothing. Equal ones are one object. */
  target(name: string, given: ClientOptions = {}): Target {
    const options = pick(given, clientChecks);
    const { facts, model, makeDriver, local } = lookup(name);
    const { configs } = this.registry;
    const config =
      local === undefined
        ? resolveConfig(facts, options, configs)
        : resolveLocalConfig(facts, local, options as LocalOptions, configs);
    return this.#known(config, name, () => {
      const ofClient = (client: Client) => local ?? makeDriver(client, { clock: this.clock });
      const identity = `${facts.name} ${config.baseURL ?? ""}`;
      const { embedTexts } = facts;
      return new Target(this, name, model, { facts, config, makeDriver: ofClient, identity, embedTexts });
    });
  }

  /** The target of a configuration and a name. A configuration is asked for few models, so few are kept. */
  #known(config: ClientConfig, name: string, make: () => Target): Target {
    const targets = this.#targets.get(config) ?? new Map<string, Target>();
    this.#targets.set(config, targets);
    const target = targets.get(name) ?? make();
    if (targets.size < mostTargetsKept) targets.set(name, target);
    return target;
  }

  /** A target whose work two functions do. */
  functionTarget<Raw>(options: FunctionTargetOptions<Raw>): Target {
    const { driver, ...names } = sharedFunctions(pick(options, functionChecks) as FunctionDriverOptions<Raw>);
    const route = { ...names, memoryOnly: options.model === undefined };
    return this.driverTarget(driver, options.model ?? "", pick(options, localChecks), route);
  }

  /** A target of a driver made elsewhere; its name is its lane and its identity, unless `names` tells others. */
  driverTarget(
    driver: Driver,
    model: string,
    options: LocalOptions = {},
    names: Partial<Route> = {},
  ): Target {
    const config = resolveLocalConfig(functionFacts, driver, options, this.registry.configs);
    const own = { lane: driver.name, identity: driver.name, memoryOnly: true };
    const route = { facts: functionFacts, config, makeDriver: () => driver, ...own, ...names };
    return new Target(this, driver.name, model, route);
  }

  /** Asks through whatever Client the route's configuration has then, so that its eviction is never seen. */
  along(route: Route): Call {
    return (request, options) => {
      try {
        return this.#line(route)(request, options);
      } catch (error) {
        return Promise.reject(error);
      }
    };
  }

  /** The driver at the end of a route. */
  driverOf(route: Route): Driver {
    this.#line(route);
    return this.#drivers.get(this.registry.get(route.config))!;
  }

  #line(route: Route): Call {
    const client = this.registry.get(route.config);
    const known = this.#lines.get(client);
    if (known !== undefined) return known;
    const made = this.#compose(client, route);
    this.#lines.set(client, made);
    return made;
  }

  #compose(client: Client, { facts: provider, config, makeDriver, lane, identity, memoryOnly }: Route): Call {
    const { clock } = this;
    const origin = client.pool?.origin ?? lane ?? config.provider;
    const poolSlots = client.pool?.slots;
    // Each key is a lane of its own; without an origin the lane has a name.
    const accounts = lane === undefined ? config.accounts : [lane];
    const lines = accounts.map(
      (account): LineFacts => ({
        origin,
        account,
        requestsPerMinute: config.requestsPerMinute,
        tokensPerMinute: config.tokensPerMinute,
        slots: poolSlots ? [client.slots, poolSlots] : [client.slots],
        poolSlots,
        concurrencyBound: provider.concurrencyBound,
        cachesPrefixes: provider.cachesPrefixes,
        cachedTokensFree: provider.cachedTokensFree,
        onlyMarked: (model) => cachesOnlyMarked(provider, model, config.baseURL),
        gauges: client.gauges,
      }),
    );
    for (const line of lines) client.closers.push(() => this.admission.forget(line));
    const layers = [
      signed({ provider: config.provider, clientId: client.id }),
      caller(clock, client.open),
      this.cache.layer({
        identity,
        memoryOnly,
        headers: config.headers,
        client: client.id,
        open: client.open,
      }),
      retry({ clock, budget: this.admission.budget(origin) }),
      lines.length === 1 ? this.admission.layer(lines[0]!) : this.#byKeys(config.provider, lines),
    ];
    const driver = makeDriver(client);
    this.#drivers.set(client, driver);
    if (driver.close !== undefined) client.closers.push(() => driver.close!());
    return compose(
      layers,
      guard(driver, { clock, logger: () => this.registry.logger, counters: client.gauges }),
    );
  }

  #byKeys(provider: string, lines: readonly LineFacts[]): Layer {
    const { clock, admission } = this;
    return keys({ clock, logger: () => this.registry.logger, admission, provider, lines });
  }
}

/** Writes into the record whose line the call takes. */
function signed(line: LineName): Layer {
  return (next) => (request, options) => {
    options.record.line = line;
    options.record.model = request.model;
    return next(request, options);
  };
}

/** One model behind one configuration, or several that stand in for each other: what an LM holds. */
export class Target {
  readonly #trunk: Trunk;
  readonly #route: Route;
  readonly #call: Call;
  readonly #others: readonly Target[];
  #abilities: Abilities | undefined;
  #says: Pick<Driver, "abilities" | "prefers"> | undefined;
  /** As its user wrote it, such as "openai/gpt-4o-mini". */
  readonly name: string;
  /** As the provider names it. */
  readonly model: string;

  constructor(
    trunk: Trunk,
    name: string,
    model: string,
    route: Route,
    call?: Call,
    others: readonly Target[] = [],
  ) {
    this.#trunk = trunk;
    this.#route = route;
    this.#call = call ?? trunk.events.layer()(trunk.along(route));
    this.#others = others;
    this.name = name;
    this.model = model;
  }

  /** The same, with others to ask when it fails. Vectors of different models do not compare, so they have none. */
  withFallbacks(others: readonly Target[]): Target {
    const chains = [this, ...others].map((target) => ({
      name: target.name,
      model: target.model,
      call: this.#trunk.along(target.#route),
    }));
    const chained = fallback(this.clock, chains);
    const either: Call = (request, options) => (request.embed ? chains[0]!.call : chained)(request, options);
    const call = this.#trunk.events.layer()(either);
    return new Target(this.#trunk, this.name, this.model, this.#route, call, others);
  }

  get clock(): Clock {
    return this.#trunk.clock;
  }

  get config(): ClientConfig {
    return this.#route.config;
  }

  /** Names the model and who answers for it. */
  get identity(): string {
    return `${this.#route.identity} ${this.model}`;
  }

  /** What every model that may answer can carry. */
  get abilities(): Abilities {
    this.#abilities ??= weakest([this, ...this.#others].map((each) => each.#declared.abilities));
    return this.#abilities;
  }

  /** The adapter that suits the driver best, where it says so. */
  get prefers(): string | undefined {
    return this.#declared.prefers;
  }

  /** Not the driver itself: it belongs to a Client, which comes and goes. */
  get #declared(): Pick<Driver, "abilities" | "prefers"> {
    if (this.#says === undefined) {
      const { abilities, prefers } = this.#trunk.driverOf(this.#route);
      this.#says = prefers === undefined ? { abilities } : { abilities, prefers };
    }
    return this.#says;
  }

  /** The most texts that one request for vectors may hold. */
  get embedTexts(): number {
    return this.#route.embedTexts ?? Number.POSITIVE_INFINITY;
  }

  /** Whether `clients.close()` came after this target was made. */
  get closed(): boolean {
    return this.#route.config.generation !== this.#trunk.registry.configs.generation;
  }

  call(request: ChatRequest, options: CallOptions): Promise<Completion> {
    return this.#call(request, options);
  }
}

/** A backend of the user's own: of its limits and habits nothing is known. */
const functionFacts: ProviderFacts = {
  name: "driver",
  baseURLVariables: [],
  keyVariables: [],
  keyRequired: false,
  cachesPrefixes: false,
  concurrencyBound: false,
};

/** The trunk of this process, shared by all copies of the package. */
export function trunk(): Trunk {
  const shared = registry();
  return shared.attach("trunk.v1", () => new Trunk(shared));
}

/** What `new LM` takes beside sampling and behaviour. */
export type TargetOptions = ClientOptions;
export const targetChecks = clientChecks;

/** What `new DriverLM` takes beside sampling and behaviour. */
export interface FunctionTargetOptions<Raw> extends FunctionDriverOptions<Raw>, LocalOptions {}
export const functionTargetChecks = { ...localChecks, ...functionChecks };

/** The members of `options` that `table` knows. */
function pick<T extends object>(options: T, table: object): Partial<T> {
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => Object.hasOwn(table, name)),
  ) as Partial<T>;
}
