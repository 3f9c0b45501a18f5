import { Admission } from "../../src/admission/admission.ts";
import { fallback } from "../../src/admission/fallback.ts";
import type { LaneStats } from "../../src/admission/lane.ts";
import { retry } from "../../src/admission/retry.ts";
import { Cache } from "../../src/cache/cache.ts";
import { type Call, compose } from "../../src/core/call.ts";
import { caller } from "../../src/core/caller.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { silent } from "../../src/core/log.ts";
import type { Leave } from "../../src/core/signals.ts";
import { Slots } from "../../src/core/slots.ts";
import { guard } from "../../src/drivers/guard.ts";
import { modelledDriver } from "./modelled-driver.ts";
import { tiersOf } from "./modelled-store.ts";
import { Provider } from "./provider.ts";
import type { Change, LinePlan } from "./scenario.ts";
import type { Mutation, Stack, Witness } from "./stack.ts";

interface ClientParts {
  readonly slots: Slots;
  readonly open: Set<Leave>;
  readonly gauges: { queued: number; waitingForSocket: number };
}

/** The layers themselves, in the order of the trunk, around drivers of every manner. */
export class ByLayers implements Stack {
  readonly #witness: Witness;
  readonly #admission: Admission;
  readonly #clients: readonly ClientParts[];
  readonly #lines: readonly Call[];
  readonly cache: Cache;

  constructor(witness: Witness, mutation: Mutation) {
    const { scenario, world } = witness;
    this.#witness = witness;
    this.#admission = new Admission({ clock: world, logger: () => silent });
    this.#clients = scenario.clients.map(({ cap }) => ({
      slots: new Slots(cap),
      open: new Set(),
      gauges: { queued: 0, waitingForSocket: 0 },
    }));
    const tiers = tiersOf(witness);
    const options = { memoryBytes: scenario.cache.memoryBytes, tiers };
    this.cache = new Cache({ clock: world, options: mutation.cacheOptions?.(options) ?? options });
    const providers = scenario.lanes.map((plan) => new Provider(plan, world, scenario.seed));
    const lines = scenario.lines.map((line) => this.#compose(line, providers[line.lane]!, mutation));
    this.#lines = scenario.lines.map((line) => {
      const others = mutation.fallbacks?.(line.fallbacks ?? []) ?? line.fallbacks;
      if (others === undefined || others.length === 0) return lines[line.id]!;
      const chains = [line.id, ...others].map((id) => {
        const { model } = scenario.lanes[scenario.lines[id]!.lane]!;
        return { name: model, model, call: lines[id]! };
      });
      return fallback(world, chains);
    });
  }

  call(line: number): Call {
    return this.#lines[line]!;
  }

  change(change: Change): void {
    if (change.kind !== "close") return;
    const now = this.#witness.world.now();
    this.#witness.closing({ at: now, client: change.client, abortsAt: now, doneAt: now });
    const closed = new TrunklineError("closed", "the client was closed");
    for (const leave of [...this.#clients[change.client]!.open]) leave(closed);
  }

  leftovers(): string | undefined {
    const open = this.#clients.findIndex((client) => client.open.size > 0);
    return open < 0 ? undefined : `client ${open} ends with ${this.#clients[open]!.open.size} open callers`;
  }

  lanes(): readonly LaneStats[] {
    return this.#admission.stats().lanes;
  }

  #compose(line: LinePlan, provider: Provider, mutation: Mutation): Call {
    const { world, scenario, pools, addClient, cacheProbe, workProbe, outerProbe, innerProbe } =
      this.#witness;
    const { slots, open, gauges } = this.#clients[line.client]!;
    const lane = scenario.lanes[line.lane]!;
    const poolSlots = pools[lane.pool]!.slots;
    const facts = {
      origin: `https://origin-${lane.pool}`,
      account: lane.account,
      requestsPerMinute: line.requestsPerMinute,
      tokensPerMinute: line.tokensPerMinute,
      slots: [slots, poolSlots],
      poolSlots,
      concurrencyBound: lane.concurrencyBound,
      cachesPrefixes: lane.cachesPrefixes,
      gauges,
    };
    const client = addClient({ ...facts, name: `client ${line.client}, line ${line.id}` });
    const cacheLayer = this.cache.layer({
      identity: facts.origin,
      client: `client ${line.client}`,
      memoryOnly: lane.memoryOnly,
      open,
    });
    const { top, aboveRetry, belowRetry, admission, belowAdmission } = mutation;
    const layers = [
      top,
      caller(world, open),
      cacheProbe,
      mutation.cache?.(cacheLayer) ?? cacheLayer,
      workProbe,
      aboveRetry,
      retry({ clock: world, budget: this.#admission.budget(facts.origin) }),
      belowRetry,
      outerProbe(client),
      admission?.(client, world) ?? this.#admission.layer(facts),
      belowAdmission?.(client, world),
      innerProbe(client),
    ].filter((layer) => layer !== undefined);
    return compose(
      layers,
      guard(modelledDriver("modelled", line, provider, this.#witness), {
        clock: world,
        logger: () => silent,
      }),
    );
  }
}
