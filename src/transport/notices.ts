import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { codeOf, unwrap } from "./failure.ts";
import { limits } from "./limits.ts";

/** What a pool has to say: each kind at most once a minute, however many calls it concerns. */
export class Notices {
  readonly #origin: string;
  readonly #clock: Clock;
  readonly #logger: () => Logger;
  readonly #saidAt = new Map<string, number>();

  constructor(origin: string, clock: Clock, logger: () => Logger) {
    this.#origin = origin;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** All `cap` connections are in use and calls wait: no bottleneck is silent. */
  full(cap: number, protocol: "h1" | "h2" | undefined): void {
    if (!this.#mayTell("full")) return;
    const what = protocol === "h2" ? "HTTP/2 sessions" : "sockets";
    const option = "the option `connections` sets how many there may be";
    this.#logger().info(`all ${cap} ${what} to ${this.#origin} are in use and calls wait for one; ${option}`);
  }

  shortage(error: unknown): void {
    if (!this.#mayTell("shortage")) return;
    const code = codeOf(unwrap(error));
    this.#logger().warn(
      `${code}: this process has no more descriptors or ports; trunkline now opens fewer sockets`,
    );
  }

  #mayTell(kind: string): boolean {
    const now = this.#clock.now();
    if (now - (this.#saidAt.get(kind) ?? Number.NEGATIVE_INFINITY) < limits.logEvery) return false;
    this.#saidAt.set(kind, now);
    return true;
  }
}
