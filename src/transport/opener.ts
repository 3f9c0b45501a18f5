import type { Socket } from "node:net";
import type { Clock, Timer } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import type { Carrier, Keeper } from "./carrier.ts";
import type { Connector } from "./connector.ts";
import { connectFailure, isShortage } from "./failure.ts";
import { H1Carrier } from "./h1-carrier.ts";
import { H2Carrier } from "./h2-carrier.ts";
import { limits } from "./limits.ts";
import type { SocketBudget, SocketUser } from "./socket-budget.ts";

/** Who wants carriers: the pool. */
export interface Opening extends Keeper, SocketUser {
  /** Carriers that take calls. */
  readonly carriers: number;
  /** One more may be used. */
  ready(carrier: Carrier): void;
  /** No connection lives and none could be made. */
  failed(error: TrunklineError): void;
  /** A socket of its own closed. */
  closed(): void;
  /** Connects may start again. */
  resume(): void;
  /** Descriptors or ports ran out. */
  shortage(error: unknown): void;
}

interface Attempt {
  socket: Socket | undefined;
  cancel(error: TrunklineError): void;
}

/** Opens one pool's connections: so many at once, with pauses after failures. */
export class Opener {
  readonly #origin: URL;
  readonly #connector: Connector;
  readonly #budget: SocketBudget;
  readonly #clock: Clock;
  readonly #pool: Opening;
  readonly #attempts = new Set<Attempt>();
  #protocol: "h1" | "h2" | undefined;
  #opened = 0;
  #pause: Timer | undefined;
  #pauseFor: number = limits.pause;
  /** When descriptors ran out without a success since. */
  #shortSince = Number.POSITIVE_INFINITY;

  constructor(origin: URL, connector: Connector, budget: SocketBudget, clock: Clock, pool: Opening) {
    this.#origin = origin;
    this.#connector = connector;
    this.#budget = budget;
    this.#clock = clock;
    this.#pool = pool;
    this.#protocol = connector.known;
  }

  /** What the server spoke last, or the only one that may be spoken. */
  get protocol(): "h1" | "h2" | undefined {
    return this.#protocol;
  }

  get connecting(): number {
    return this.#attempts.size;
  }

  /** Connections ever tried. */
  get opened(): number {
    return this.#opened;
  }

  /** Connects that may start now. */
  get room(): number {
    if (this.#pause !== undefined) return 0;
    return Math.max(0, atOnce(this.#protocol) - this.#attempts.size);
  }

  /** Starts one connect. Its place in the budget is taken already and given back when its socket has closed. */
  open(timeout: number): void {
    this.#opened++;
    let cancel!: (error: TrunklineError) => void;
    const cancelled = new Promise<never>((_resolve, reject) => (cancel = reject));
    const attempt: Attempt = {
      socket: undefined,
      cancel: (error) => {
        cancel(error);
        attempt.socket?.destroy();
      },
    };
    this.#attempts.add(attempt);
    const timer = this.#clock.after(timeout, () => attempt.cancel(this.#tooSlow(timeout)), "idle");
    const over = (): void => {
      timer.cancel();
      this.#attempts.delete(attempt);
    };
    Promise.race([this.#connect(attempt), cancelled]).then(
      (carrier) => {
        over();
        this.#succeed(carrier);
      },
      (error) => {
        over();
        // Without a socket there is no close to wait for.
        if (attempt.socket === undefined) this.#closed();
        else attempt.socket.destroy();
        this.#fail(error);
      },
    );
  }

  /** Gives up what is under way. */
  cancel(error: TrunklineError): void {
    for (const attempt of this.#attempts) attempt.cancel(error);
    this.#stopResting();
  }

  /** Connects hold the process only while somebody waits for them. */
  hold(waited: boolean): void {
    for (const { socket } of this.#attempts) {
      if (waited) socket?.ref();
      else socket?.unref();
    }
  }

  async #connect(attempt: Attempt): Promise<Carrier> {
    const { socket, protocol } = await this.#connector.connect((raw) => {
      attempt.socket = raw;
      raw.once("close", () => this.#closed());
    });
    const carrier =
      protocol === "h1"
        ? new H1Carrier(this.#origin.origin, socket, this.#pool, this.#clock)
        : new H2Carrier(this.#origin, socket, this.#pool, this.#clock);
    await carrier.ready();
    if (carrier.retired || socket.destroyed) throw new Error("it closed at once");
    this.#protocol = protocol;
    return carrier;
  }

  #closed(): void {
    this.#pool.closed();
    this.#budget.give();
  }

  #succeed(carrier: Carrier): void {
    this.#pauseFor = limits.pause;
    this.#shortSince = Number.POSITIVE_INFINITY;
    this.#pool.ready(carrier);
  }

  #fail(error: unknown): void {
    const now = this.#clock.now();
    const short = isShortage(error);
    if (short) {
      this.#shortSince = Math.min(this.#shortSince, now);
      this.#budget.shrink();
      this.#pool.shortage(error);
    }
    const alone = this.#pool.carriers === 0 && this.#attempts.size === 0;
    if (alone && (!short || now - this.#shortSince >= limits.shortageMost)) {
      this.#stopResting();
      this.#pool.failed(connectFailure(this.#connector.where, error));
      return;
    }
    this.#rest();
  }

  /** Calls wait for the connections that live; more are tried for after a pause. */
  #rest(): void {
    if (this.#pause !== undefined) return;
    const ms = this.#pauseFor * (0.5 + this.#clock.random());
    this.#pauseFor = Math.min(this.#pauseFor * 2, limits.pauseMost);
    this.#pause = this.#clock.after(ms, () => {
      this.#pause = undefined;
      this.#pool.resume();
    });
  }

  #stopResting(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#pauseFor = limits.pause;
  }

  #tooSlow(timeout: number): TrunklineError {
    const message = `connecting to ${this.#connector.where} took longer than ${timeout} ms (connectTimeout)`;
    return new TrunklineError("timeout", message, { phase: "connect", sent: false });
  }
}

/** Until the protocol is known, one connect tells whether hundreds are needed or one. */
function atOnce(protocol: "h1" | "h2" | undefined): number {
  if (protocol === undefined) return limits.connectingUnknown;
  return protocol === "h2" ? limits.connectingH2 : limits.connectingH1;
}
