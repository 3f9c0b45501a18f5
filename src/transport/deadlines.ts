import type { Clock, Timer } from "../core/clock.ts";
import { type TimeoutPhase, TrunklineError } from "../core/errors.ts";
import type { Exchange } from "./exchange.ts";

/** Who is aborted when a deadline passes. */
interface Late {
  readonly origin: string;
  abort(reason: TrunklineError): void;
}

/**
 * The three deadlines of one exchange on one timer. Progress only notes the time; the timer looks at the notes when
 * it fires and is armed again for what is left, so that a stream of a thousand pieces costs one timer and not a thousand.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #exchange: Exchange;
  readonly #late: Late;
  #timer: Timer | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  #totalAt = Number.POSITIVE_INFINITY;
  /** The first byte's deadline until the head, from then on the idle one. */
  #quietAt = Number.POSITIVE_INFINITY;
  #headed = false;

  constructor(clock: Clock, exchange: Exchange, late: Late) {
    this.#clock = clock;
    this.#exchange = exchange;
    this.#late = late;
  }

  start(): void {
    const { timeout, firstByteTimeout } = this.#exchange;
    const now = this.#clock.now();
    this.#headed = false;
    this.#totalAt = now + timeout;
    this.#quietAt = now + firstByteTimeout;
    this.#arm(now);
  }

  firstByte(): void {
    this.#headed = true;
    this.progress();
  }

  progress(): void {
    const { idleTimeout } = this.#exchange;
    if (idleTimeout === Number.POSITIVE_INFINITY) {
      this.#quietAt = idleTimeout;
      return;
    }
    const now = this.#clock.now();
    this.#quietAt = now + idleTimeout;
    if (this.#quietAt < this.#armedFor) this.#arm(now);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #arm(now: number): void {
    this.#timer?.cancel();
    this.#armedFor = Math.min(this.#totalAt, this.#quietAt);
    this.#timer =
      this.#armedFor === Number.POSITIVE_INFINITY
        ? undefined
        : this.#clock.after(this.#armedFor - now, () => this.#fire());
  }

  #fire(): void {
    const now = this.#clock.now();
    // At a tie the narrower phase tells more: no byte at all is not the same as a long answer.
    const quiet = this.#quietAt <= this.#totalAt;
    if (now < (quiet ? this.#quietAt : this.#totalAt)) {
      this.#arm(now);
      return;
    }
    const phase = quiet ? (this.#headed ? "idle" : "first_byte") : "total";
    this.#late.abort(this.#error(phase));
  }

  #error(phase: TimeoutPhase): TrunklineError {
    const { timeout, firstByteTimeout, idleTimeout } = this.#exchange;
    const text =
      phase === "first_byte"
        ? `no answer began within ${firstByteTimeout} ms (firstByteTimeout)`
        : phase === "idle"
          ? `the answer made no progress for ${idleTimeout} ms (idleTimeout)`
          : `the answer was not complete within ${timeout} ms (timeout)`;
    return new TrunklineError("timeout", `${this.#late.origin}: ${text}`, { phase });
  }
}
