import type { Socket } from "node:net";
import type { Dispatcher, Client as UndiciClient } from "undici";
import type { Clock, Timer } from "../core/clock.ts";
import type { Carrier, Keeper } from "./carrier.ts";
import { brokenExchange } from "./failure.ts";
import type { Flight, Ride } from "./flight.ts";
import { joinHeaders } from "./headers.ts";
import { limits } from "./limits.ts";
import { Client } from "./undici.ts";

/**
 * One HTTP/1.1 socket inside one undici Client, which parses and frames; when to connect, keep and close is decided
 * here. It carries one call at a time, so it is itself that call's ride and undici's handler of it.
 */
export class H1Carrier implements Carrier, Ride, Dispatcher.DispatchHandler {
  readonly protocol = "h1";
  idleFor: number = limits.h1Idle;
  readonly #origin: string;
  readonly #socket: Socket;
  readonly #client: UndiciClient;
  readonly #keeper: Keeper;
  readonly #clock: Clock;
  #hint: string | undefined;
  #flight: Flight | undefined;
  #retired = false;
  /** A request is on it, or the rest of an answer nobody reads. */
  #busy = false;
  #answers = 0;
  #begun = false;
  #sentAt = Number.POSITIVE_INFINITY;
  #tailBytes = 0;
  #tail: Timer | undefined;

  constructor(origin: string, socket: Socket, keeper: Keeper, clock: Clock) {
    this.#origin = origin;
    this.#socket = socket;
    this.#keeper = keeper;
    this.#clock = clock;
    let given = false;
    this.#client = new Client(origin, {
      // undici loses a socket that it gets while it asks for one, so it gets it a moment later; and it gets only one.
      connect: (_options, callback) => {
        const first = !given;
        given = true;
        queueMicrotask(() =>
          first ? callback(null, socket) : callback(new Error("the socket closed"), null),
        );
      },
      pipelining: 1,
      maxHeaderSize: limits.headerBytes,
      // Deadlines and idle life are ours; undici's must never be the ones that fire.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: limits.h1IdleMost * 2,
      keepAliveTimeoutThreshold: -limits.h1IdleMost,
      keepAliveMaxTimeout: limits.h1IdleMost * 2,
    });
    socket.on("error", () => {}).once("close", () => this.#destroy());
    socket.unref();
  }

  get retired(): boolean {
    return this.#retired;
  }

  get room(): number {
    return this.#busy || this.#retired ? 0 : 1;
  }

  get used(): number {
    return this.#busy ? 1 : 0;
  }

  get ending(): number {
    return this.#busy && this.#flight === undefined ? 1 : 0;
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  start(flight: Flight): void {
    const { method, path, body } = flight.exchange;
    // undici counts references from its first call on and would not know that the waiting socket had none.
    if (this.#answers === 0) this.#socket.ref();
    this.#busy = true;
    this.#begun = false;
    this.#sentAt = Number.POSITIVE_INFINITY;
    this.#flight = flight;
    flight.board(this);
    // undici only reads the headers, though its type does not say so.
    const headers = flight.headers as string[];
    this.#client.dispatch(
      { method: method as Dispatcher.HttpMethod, path, headers, body: body ?? null },
      this,
    );
  }

  retire(): void {
    if (!this.#retired) {
      this.#retired = true;
      this.#keeper.retired(this);
    }
    if (!this.#busy) this.#socket.destroy();
  }

  drop(): void {
    this.#flight = undefined;
    this.#destroy();
  }

  onRequestStart(): void {}

  onRequestSent(): void {
    this.#sentAt = this.#clock.now();
    this.#flight?.sent();
  }

  onResponseStarted(): void {
    this.#begun = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    const joined = joinHeaders(headers);
    this.#noteKeepAlive(joined["keep-alive"]);
    this.#flight?.head(status, joined);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#flight !== undefined) {
      if (!this.#flight.data(chunk)) this.#readTail();
      return;
    }
    this.#tailBytes += chunk.length;
    if (this.#tailBytes > limits.tailBytes) this.#destroy();
  }

  onResponseEnd(): void {
    const flight = this.#flight;
    this.#flight = undefined;
    this.#tail?.cancel();
    this.#answers++;
    // A body without a length ends with its connection, and an aborted connection is no good end.
    if (this.#socket.errored) flight?.fail(this.#broken(this.#socket.errored));
    else flight?.end();
    // undici closes a socket that is not to be kept within this very turn, after this method.
    queueMicrotask(() => this.#free());
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const flight = this.#flight;
    this.#flight = undefined;
    this.#destroy();
    if (flight === undefined) return;
    const unsent = this.#sentAt === Number.POSITIVE_INFINITY;
    const stale = this.#answers > 0 && !this.#begun && this.#clock.now() - this.#sentAt < limits.staleWithin;
    if (unsent || stale) flight.failUnprocessed(this.#broken(error, unsent), true);
    else flight.fail(this.#broken(error));
  }

  #broken(error: Error, unsent = false) {
    const what = this.#begun
      ? "the connection broke within the answer"
      : "the connection broke before the answer";
    return brokenExchange(this.#origin, what, error, unsent ? false : undefined);
  }

  #free(): void {
    if (this.#retired || this.#socket.destroyed || this.idleFor <= 0) {
      this.#destroy();
      return;
    }
    this.#busy = false;
    this.#keeper.freed(this);
  }

  #readTail(): void {
    this.#flight = undefined;
    this.#tailBytes = 0;
    this.#tail = this.#clock.after(limits.tailWait, () => this.#destroy(), "idle");
  }

  /** `Keep-Alive: timeout=5`: the server closes five idle seconds later, perhaps while a request is on its way. */
  #noteKeepAlive(hint: string | undefined): void {
    // A server says the same each time.
    if (hint === undefined || hint === this.#hint) return;
    this.#hint = hint;
    const seconds = /\btimeout\s*=\s*(\d+)/i.exec(hint)?.[1];
    if (seconds === undefined) return;
    this.idleFor = Math.min(Number(seconds) * 1000 - limits.keepAliveMargin, limits.h1IdleMost);
  }

  #destroy(): void {
    this.#tail?.cancel();
    this.#busy = false;
    this.retire();
  }
}
