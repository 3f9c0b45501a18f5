import { describe, type SettingsView } from "./describe.ts";
import { accountsOf, clientKey } from "./identity.ts";
import { processWide } from "./process-wide.ts";
import { Fingerprints } from "./secret.ts";
import {
  type ClientOptions,
  type ClientSettings,
  type LocalOptions,
  type ProviderFacts,
  readLocalSettings,
  readSettings,
} from "./settings.ts";

/** Settings as they were at one moment, frozen, with the key that finds their Client. An LM holds one. */
export interface ClientConfig extends ClientSettings {
  /** Equal for equal settings. */
  readonly key: string;
  /** One for each key: equal for those whom the provider takes for one, by key, organization and project, hashed. */
  readonly accounts: readonly string[];
  /** Counts closes: a config made before one has no Client any more. */
  readonly generation: number;
  /** The settings with secrets masked. As a member of its own it keeps a config from being posted to a thread. */
  readonly toJSON: () => SettingsView;
}

/** More would be one configuration a call; whoever has so many gains nothing from keeping them. */
const mostKept = 4_096;

const inspect = Symbol.for("nodejs.util.inspect.custom");

/**
 * Makes one ClientConfig of many equal ones, so that a hundred thousand LMs hold a hundred thousand references
 * and not as many copies. Bounded: the one not asked for longest is let go, which costs memory and nothing else.
 */
export class Configs {
  readonly #fingerprints = new Fingerprints();
  readonly #known = new Map<string, ClientConfig>();
  /** Those of backends in this process: kept with their backend, whose closures may hold anything, and no longer. */
  #local = new WeakMap<object, Map<string, ClientConfig>>();
  #any = false;
  #generation = 1;

  get generation(): number {
    return this.#generation;
  }

  /** Whether any config was made in this generation. */
  get any(): boolean {
    return this.#any;
  }

  /** From here on every config made so far is one of the past. */
  nextGeneration(): void {
    this.#generation++;
    this.#known.clear();
    this.#local = new WeakMap();
    this.#any = false;
  }

  intern(settings: ClientSettings): ClientConfig {
    const key = clientKey(settings, this.#fingerprints);
    const home = this.#homeOf(settings);
    const known = home.get(key);
    const config = known ?? this.#make(settings, key);
    if (known !== undefined) home.delete(key);
    else if (home.size >= mostKept) home.delete(home.keys().next().value!);
    home.set(key, config);
    this.#any = true;
    return config;
  }

  #homeOf({ backend }: ClientSettings): Map<string, ClientConfig> {
    if (backend === undefined) return this.#known;
    const home = this.#local.get(backend) ?? new Map<string, ClientConfig>();
    this.#local.set(backend, home);
    return home;
  }

  #make(settings: ClientSettings, key: string): ClientConfig {
    const toJSON = (): SettingsView => describe(config);
    const accounts = accountsOf(settings, this.#fingerprints);
    const config: ClientConfig = { ...settings, key, accounts, generation: this.#generation, toJSON };
    Object.defineProperty(config, inspect, { value: toJSON });
    return Object.freeze(config);
  }
}

/** The configs of this process, shared by all copies of the package. */
export function sharedConfigs(): Configs {
  return processWide("configs.v1", () => new Configs());
}

/**
 * What options, environment and defaults say at this moment. The same answer is the same object.
 *
 * ```ts
 * const config = resolveConfig(openai, { timeout: 60_000 });
 * const client = registry().get(config);
 * ```
 */
export function resolveConfig(
  provider: ProviderFacts,
  options: ClientOptions = {},
  configs: Configs = sharedConfigs(),
): ClientConfig {
  return configs.intern(readSettings(provider, options));
}

/** The config of a Client without connections: `backend`, a function or an object, does the work in this process. */
export function resolveLocalConfig(
  provider: ProviderFacts,
  backend: object,
  options: LocalOptions = {},
  configs: Configs = sharedConfigs(),
): ClientConfig {
  return configs.intern(readLocalSettings(provider, backend, options));
}
