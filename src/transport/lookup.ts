import { type LookupAddress, lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Clock } from "../core/clock.ts";
import { limits } from "./limits.ts";

type Answered = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/**
 * A host's addresses, asked once for many connects: name lookups run on the four threads that the process shares with
 * its files, and while descriptors are short they fail although the answer was known a moment ago.
 */
export class Lookup {
  readonly #clock: Clock;
  #host = "";
  #addresses: LookupAddress[] = [];
  #until = Number.NEGATIVE_INFINITY;
  #waiting: Answered[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What `net.connect` takes as `lookup`. One object serves one host. */
  readonly find: LookupFunction = (host, { all }, callback) => {
    this.#find(host, (error, addresses) => {
      if (all || error !== null) callback(error, addresses);
      else callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };

  /** A connect failed: the host may have moved. The old answer stays as a last resort. */
  expire(): void {
    this.#until = Number.NEGATIVE_INFINITY;
  }

  #find(host: string, answered: Answered): void {
    if (host === this.#host && this.#clock.now() < this.#until) {
      answered(null, this.#addresses);
      return;
    }
    if (this.#waiting.push(answered) > 1) return;
    lookup(host, { all: true }, (error, addresses) => {
      const waiting = this.#waiting;
      this.#waiting = [];
      if (error === null) {
        this.#host = host;
        this.#addresses = addresses;
        this.#until = this.#clock.now() + limits.lookupAge;
      }
      const known = host === this.#host;
      for (const each of waiting) each(known ? null : error, known ? this.#addresses : []);
    });
  }
}
