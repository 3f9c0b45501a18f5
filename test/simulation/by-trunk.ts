import type { LaneStats } from "../../src/admission/lane.ts";
import type { Cache } from "../../src/cache/cache.ts";
import { Configs } from "../../src/clients/config.ts";
import { Registry } from "../../src/clients/registry.ts";
import type { KeyFunction } from "../../src/clients/settings.ts";
import type { Call } from "../../src/core/call.ts";
import type { Driver } from "../../src/drivers/driver.ts";
import { type Target, Trunk } from "../../src/trunk.ts";
import { Chance } from "./chance.ts";
import { modelledDriver } from "./modelled-driver.ts";
import { ModelledPools, originOf } from "./modelled-pools.ts";
import { tiersOf } from "./modelled-store.ts";
import { Provider } from "./provider.ts";
import type { Change, LinePlan } from "./scenario.ts";
import type { ClientSight, ClosingSight } from "./sight.ts";
import type { Mutation, Stack, Witness } from "./stack.ts";

/** The trunk as programs have it: registry, drivers and wires included, with modelled pools at its end. */
export class ByTrunk implements Stack {
  readonly #witness: Witness;
  readonly #mutation: Mutation;
  readonly #registry: Registry;
  readonly #trunk: Trunk;
  readonly #pools: ModelledPools;
  readonly #drivers: readonly Driver[];
  readonly #keys = new Map<string, KeyFunction>();
  readonly #targets: (Target | undefined)[] = [];
  /** Calls, and the records that listeners heard. */
  #asked = 0;
  #heard = 0;

  constructor(witness: Witness, mutation: Mutation) {
    const { world, scenario, addClient, removeClient, cacheProbe, workProbe, outerProbe, innerProbe } =
      witness;
    this.#witness = witness;
    this.#mutation = mutation;
    const providers = scenario.lanes.map((plan) => new Provider(plan, world, scenario.seed));
    this.#pools = new ModelledPools(witness, providers);
    this.#registry = new Registry({ clock: world, transport: this.#pools, configs: new Configs() });
    this.#trunk = new Trunk(this.#registry);
    const options = { memoryBytes: scenario.cache.memoryBytes, tiers: tiersOf(witness) };
    this.cache.configure(mutation.cacheOptions?.(options) ?? options);
    const cacheLayer = this.cache.layer.bind(this.cache);
    this.cache.layer = (facts) => {
      const real = cacheLayer(facts);
      const layer = mutation.cache?.(real) ?? real;
      return (next) => cacheProbe(layer(workProbe(next)));
    };
    this.#trunk.events.subscribe(() => this.#heard++);
    const { admission } = this.#trunk;
    const clients = new Map<object, ClientSight>();
    const layer = admission.layer.bind(admission);
    admission.layer = (facts) => {
      const client = addClient({ ...facts, name: `layer of ${facts.origin}` });
      clients.set(facts, client);
      const real = mutation.admission?.(client, world) ?? layer(facts);
      return (next) => outerProbe(client)(real(innerProbe(client)(next)));
    };
    const forget = admission.forget.bind(admission);
    admission.forget = (facts) => {
      forget(facts);
      const client = clients.get(facts);
      if (client !== undefined) removeClient(client);
    };
    this.#drivers = scenario.lines.map((line) => this.#driver(line, providers[line.lane]!));
  }

  get cache(): Cache {
    return this.#trunk.cache;
  }

  /** One caller in three holds on to an LM that was made before a close. */
  call(line: number, id: number): Call {
    const known = this.#targets[line];
    const target = known === undefined || (known.closed && id % 3 > 0) ? this.#targetWithOthers(line) : known;
    this.#targets[line] = target;
    this.#asked++;
    return (request, options) => target.call(request, options);
  }

  change(change: Change): void {
    const { world, closing } = this.#witness;
    switch (change.kind) {
      case "close": {
        const { mode, deadline } = change;
        const at = world.now();
        const sight: ClosingSight = { at, abortsAt: mode === "abort" ? at : at + deadline };
        closing(sight);
        const real = (): Promise<void> => this.#registry.close({ mode, deadline });
        void (this.#mutation.close?.(real) ?? real()).then(() => {
          sight.doneAt = world.now();
        });
        break;
      }
      case "close-idle":
        void this.#registry.closeIdle(change.maxAgeMs);
        break;
      case "keep":
        this.#registry.configure({ maxIdleClients: change.clients, idleTtl: change.idleTtl });
    }
  }

  leftovers(): string | undefined {
    const { inFlight, queued, waitingForSocket, clients, created, closed } = this.#registry.stats();
    if (inFlight + queued + waitingForSocket > 0)
      return `clients.stats() ends with ${inFlight}, ${queued}, ${waitingForSocket}`;
    if (created - closed !== clients)
      return `${created} clients were made, ${closed} closed, ${clients} are there`;
    if (this.#heard !== this.#asked)
      return `${this.#asked} calls were asked, ${this.#heard} records were heard`;
    if (this.#pools.handles > clients) return `${clients} clients hold ${this.#pools.handles} pools`;
    return undefined;
  }

  lanes(): readonly LaneStats[] {
    return this.#trunk.admission.stats().lanes;
  }

  #targetWithOthers(number: number): Target {
    const { fallbacks } = this.#witness.scenario.lines[number]!;
    const others = this.#mutation.fallbacks?.(fallbacks ?? []) ?? fallbacks ?? [];
    const target = this.#target(number);
    return others.length === 0 ? target : target.withFallbacks(others.map((other) => this.#target(other)));
  }

  #target(number: number): Target {
    const { scenario } = this.#witness;
    const line = scenario.lines[number]!;
    const lane = scenario.lanes[line.lane]!;
    const client = scenario.clients[line.client]!;
    const shared = {
      maxParallelRequests: client.cap,
      // Two Clients of one account differ in something that the calls themselves override.
      timeout: 200_000 + client.id,
      requestsPerMinute: line.requestsPerMinute,
      tokensPerMinute: line.tokensPerMinute,
    };
    if (lane.local)
      return this.#trunk.driverTarget(this.#drivers[number]!, lane.model, shared, {
        lane: lane.model,
        identity: lane.model,
        memoryOnly: lane.memoryOnly,
      });
    return this.#trunk.target(`${providerOf(lane)}/${lane.model}`, {
      ...shared,
      apiKey: client.key === undefined ? lane.account : this.#keyOf(lane.account, client.key),
      baseURL: `${originOf(lane.pool)}/v1`,
      proxy: false,
    });
  }

  /** One function an account: Clients are told apart by it. */
  #keyOf(account: string, { ms, fails }: { readonly ms: number; readonly fails: number }): KeyFunction {
    const known = this.#keys.get(account);
    if (known !== undefined) return known;
    const { world } = this.#witness;
    const chance = new Chance(this.#witness.scenario.seed, 5, this.#keys.size);
    let asked = 0;
    const made: KeyFunction = () => {
      const key = `${account}-${asked++}`;
      if (chance.yes(fails)) throw new Error("the vault is sealed");
      return ms === 0 ? key : new Promise((resolve) => world.script(ms, "key", () => resolve(key)));
    };
    this.#keys.set(account, made);
    return made;
  }

  #driver(line: LinePlan, provider: Provider): Driver {
    return modelledDriver(`modelled-${line.id}`, line, provider, this.#witness);
  }
}

/** The provider of the catalog that has the habits of the lane. */
function providerOf({
  concurrencyBound,
  cachesPrefixes,
}: {
  concurrencyBound: boolean;
  cachesPrefixes: boolean;
}) {
  if (concurrencyBound) return "vllm";
  return cachesPrefixes ? "openai" : "openai-compatible";
}
