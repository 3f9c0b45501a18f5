import type { Clock } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import { Deadlines } from "./deadlines.ts";
import type { Exchange, Receiver, ResponseHeaders } from "./exchange.ts";
import { checkTarget, flatHeaders } from "./headers.ts";
import { limits } from "./limits.ts";

/** The stream or socket that a flight is on. */
export interface Ride {
  /** Nobody reads any more. */
  drop(): void;
}

/** Who is told how flights end: the pool. */
export interface Tower {
  /** The flight is over, for whatever reason. */
  landed(flight: Flight): void;
  /** The flight was certainly not processed and is sent again, on a new connection only where `renewed` says so. */
  again(flight: Flight, renewed: boolean): void;
}

/**
 * One exchange on its way: waits for a place, rides a carrier, settles once. Whatever happens later (the rest of a
 * body, a late reset) is its carrier's affair alone.
 */
export class Flight {
  readonly exchange: Exchange;
  readonly origin: string;
  /** The exchange's headers, checked and flat. */
  readonly headers: readonly string[];
  /** A request is sent again at most once. */
  #resent = false;
  #over = false;
  #ride: Ride | undefined;
  #told = false;
  #headed = false;
  #bytes = 0;
  readonly #receiver: Receiver;
  readonly #tower: Tower;
  readonly #deadlines: Deadlines;
  #resolve!: () => void;
  #reject!: (reason: unknown) => void;

  constructor(origin: string, exchange: Exchange, receiver: Receiver, clock: Clock, tower: Tower) {
    checkTarget(exchange.method, exchange.path);
    this.origin = origin;
    this.exchange = exchange;
    this.headers = flatHeaders(exchange.headers);
    this.#receiver = receiver;
    this.#tower = tower;
    this.#deadlines = new Deadlines(clock, exchange, this);
  }

  /** The promise of its end; asked for once, before it enters a pool. */
  settled(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.exchange.signal?.addEventListener("abort", this);
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** Whether it sits on a carrier. */
  get riding(): boolean {
    return this.#ride !== undefined;
  }

  /** The exchange's signal aborted. */
  handleEvent(): void {
    this.abort(this.exchange.signal!.reason);
  }

  /** A place was found; from here on the deadlines run. */
  board(ride: Ride): void {
    this.#ride = ride;
    this.#headed = false;
    this.#deadlines.start();
  }

  sent(): void {
    if (this.#told || this.#over) return;
    this.#told = true;
    this.#guard(() => this.#receiver.onSent?.());
  }

  head(status: number, headers: ResponseHeaders): void {
    if (this.#over) return;
    this.#headed = true;
    this.#deadlines.firstByte();
    try {
      this.#receiver.onHead(status, headers);
    } catch (error) {
      this.abort(error);
    }
  }

  /** False once its reader wants no more. */
  data(chunk: Uint8Array): boolean {
    if (this.#over) return true;
    this.#bytes += chunk.length;
    if (this.#bytes > limits.bodyBytes) {
      this.abort(tooLong(this.origin));
      return true;
    }
    try {
      const reading = this.#receiver.onData(chunk);
      // The reader itself may have aborted.
      if (this.#over) return true;
      if (reading === "progress") this.#deadlines.progress();
      else if (reading === "done") {
        this.end();
        return false;
      }
    } catch (error) {
      this.abort(error);
    }
    return true;
  }

  /** The answer is complete, or as much of it as its reader wanted. */
  end(): void {
    if (this.#land()) this.#resolve();
  }

  /** It broke, and may have been processed. */
  fail(error: TrunklineError): void {
    if (this.#land()) this.#reject(error);
  }

  /** It broke, and the provider certainly did nothing with it: the first time it is sent again. */
  failUnprocessed(error: TrunklineError, renewed: boolean): void {
    if (this.#over) return;
    if (this.#resent || this.#headed) {
      this.fail(error);
      return;
    }
    this.#resent = true;
    this.#ride = undefined;
    this.#deadlines.stop();
    this.#tower.again(this, renewed);
  }

  /** Ends it from outside: an abort, a deadline, a close, a reader that threw. */
  abort(reason: unknown): void {
    const ride = this.#ride;
    if (!this.#land()) return;
    ride?.drop();
    this.#reject(reason);
  }

  #land(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#deadlines.stop();
    this.exchange.signal?.removeEventListener("abort", this);
    this.#tower.landed(this);
    this.#ride = undefined;
    return true;
  }

  #guard(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.abort(error);
    }
  }
}

function tooLong(origin: string): TrunklineError {
  return new TrunklineError("bad_response", `${origin}: the answer is larger than ${limits.bodyBytes} bytes`);
}
