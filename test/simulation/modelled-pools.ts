import type { TrunklineError } from "../../src/core/errors.ts";
import type { Exchange, Receiver } from "../../src/transport/exchange.ts";
import type { PoolSettings } from "../../src/transport/settings.ts";
import type { PoolHandle, TransportStats } from "../../src/transport/transport.ts";
import type { Play } from "./play.ts";
import type { Provider } from "./provider.ts";
import { callerOf, lineOf } from "./question.ts";
import type { PoolSight } from "./sight.ts";
import type { Witness } from "./stack.ts";

/** The address of a pool's origin. */
export const originOf = (pool: number): string => `https://origin-${pool}.test`;

/** In the transport's place: pools without sockets, behind which the modelled providers answer. */
export class ModelledPools {
  maxSockets = 1_000;
  readonly #witness: Witness;
  readonly #providers: readonly Provider[];
  #handles = 0;

  constructor(witness: Witness, providers: readonly Provider[]) {
    this.#witness = witness;
    this.#providers = providers;
  }

  /** Holds on pools that were not given back. */
  get handles(): number {
    return this.#handles;
  }

  open({ origin }: PoolSettings): PoolHandle {
    const pool = this.#witness.pools.find(({ plan }) => originOf(plan.id) === origin)!;
    this.#handles++;
    return new Handle(pool, this.#witness, this.#providers, () => this.#handles--);
  }

  stats(): TransportStats {
    return { pools: this.#witness.pools.length, sockets: 0, inFlight: 0, waitingForSocket: 0, opened: 0 };
  }
}

class Handle implements PoolHandle {
  readonly protocol = "h2";
  readonly #pool: PoolSight;
  readonly #witness: Witness;
  readonly #providers: readonly Provider[];
  readonly #onRelease: () => void;
  readonly #plays = new Set<Play<undefined>>();
  #released = false;

  constructor(pool: PoolSight, witness: Witness, providers: readonly Provider[], onRelease: () => void) {
    this.#pool = pool;
    this.#witness = witness;
    this.#providers = providers;
    this.#onRelease = onRelease;
  }

  get origin(): string {
    return originOf(this.#pool.plan.id);
  }

  get slots() {
    return this.#pool.slots;
  }

  stats(): ReturnType<PoolHandle["stats"]> {
    return { sockets: 0, inFlight: this.#plays.size, waitingForSocket: 0 };
  }

  send(exchange: Exchange, receiver: Receiver): Promise<void> {
    if (this.#released) throw new Error("something was sent through a pool that was given back");
    const body = JSON.parse(exchange.body as string) as { stream?: boolean };
    const call = this.#witness.callNumber(callerOf(exchange));
    const streamed = body.stream === true;
    return this.#witness.work(call, streamed, (attempt) => {
      const { plan } = attempt.lane;
      const line = lineOf(this.#witness.scenario, call.line, plan.id);
      const play = this.#providers[plan.id]!.send(line, attempt, exchange, receiver, streamed);
      this.#plays.add(play);
      const over = (): void => {
        this.#plays.delete(play);
      };
      play.done.then(over, over);
      return play.done;
    });
  }

  release(): void {
    if (this.#released) throw new Error("a pool was given back twice");
    this.#released = true;
    this.#onRelease();
  }

  destroy(error: TrunklineError): void {
    for (const play of this.#plays) play.fail(error);
    this.release();
  }
}
