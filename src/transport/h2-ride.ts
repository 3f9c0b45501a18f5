import { type ClientHttp2Stream, constants } from "node:http2";
import { Duplex } from "node:stream";
import type { Clock, Timer } from "../core/clock.ts";
import { brokenExchange } from "./failure.ts";
import type { Flight, Ride } from "./flight.ts";
import type { Pulse } from "./h2-pulse.ts";
import { joinHeaders } from "./headers.ts";
import { limits } from "./limits.ts";

/** What a stream's rider asks of the session. */
export interface Session {
  readonly origin: string;
  readonly clock: Clock;
  /** The server's last id, once it said GOAWAY: streams above it were not processed. */
  readonly lastId: number;
  readonly pulse: Pulse;
  /** The flight left a stream that will close in a moment. */
  streamEnding(): void;
  streamClosed(): void;
}

/** A stream that knows who rides it, so that its listeners are shared functions and not closures of each call. */
type RiddenStream = ClientHttp2Stream & { ride: H2Ride };

/** One call on one HTTP/2 stream. */
export class H2Ride implements Ride {
  readonly #session: Session;
  readonly #stream: RiddenStream;
  #flight: Flight | undefined;
  #error: Error | undefined;
  #headed = false;
  /** What came before the head: Node tells of headers a moment later than of the data behind them. */
  #early: Buffer[] | undefined;
  /** The stream's own end came, and not only its reset. */
  #whole = false;
  #tailBytes = 0;
  #cancelled = false;
  #tail: Timer | undefined;

  constructor(session: Session, bare: ClientHttp2Stream, flight: Flight) {
    const stream = bare as RiddenStream;
    this.#session = session;
    this.#flight = flight;
    stream.ride = this;
    this.#stream = stream;
    stream.push = pushAndNote;
    stream.on("response", onResponse);
    stream.on("data", onData);
    stream.on("end", onEnd);
    stream.on("error", onError);
    stream.on("close", onClose);
  }

  drop(): void {
    this.#leave();
    this.#cancel();
  }

  /** The peer ended the stream in good order. Node shows a reset without an error as the same `end`, so it is noted here. */
  ended(): void {
    this.#whole = true;
  }

  response(status: number, headers: Record<string, unknown>): void {
    this.#headed = true;
    this.#flight?.head(status, joinHeaders(headers));
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    for (const chunk of early) this.data(chunk);
  }

  data(chunk: Buffer): void {
    if (!this.#headed) {
      this.#early ??= [];
      this.#early.push(chunk);
      return;
    }
    if (this.#flight !== undefined) {
      if (!this.#flight.data(chunk)) this.#readTail();
      return;
    }
    this.#tailBytes += chunk.length;
    if (this.#tailBytes > limits.tailBytes) this.#cancel();
  }

  end(): void {
    if (!this.#whole) return;
    const flight = this.#leave();
    // A server that answers before it has read the whole request leaves our half open.
    if (!this.#stream.writableFinished) this.#cancel();
    flight?.end();
  }

  broke(error: Error): void {
    this.#error = error;
  }

  close(): void {
    this.#tail?.cancel();
    const flight = this.#leave();
    this.#session.streamClosed();
    if (flight === undefined) return;
    const { id, rstCode } = this.#stream;
    const { origin, lastId } = this.#session;
    const what = `the stream ended before the answer was complete (code ${rstCode})`;
    if (id === undefined || id > lastId || rstCode === constants.NGHTTP2_REFUSED_STREAM) {
      flight.failUnprocessed(brokenExchange(origin, what, this.#error, false), false);
    } else {
      flight.fail(brokenExchange(origin, what, this.#error));
    }
  }

  #leave(): Flight | undefined {
    const flight = this.#flight;
    this.#flight = undefined;
    if (flight !== undefined) this.#session.streamEnding();
    return flight;
  }

  #readTail(): void {
    this.#leave();
    this.#tail = this.#session.clock.after(limits.tailWait, () => this.#cancel(), "idle");
  }

  #cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#session.pulse.cancel(this.#stream);
  }
}

function pushAndNote(this: RiddenStream, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (chunk === null && !this.closed) this.ride.ended();
  return Duplex.prototype.push.call(this, chunk, encoding);
}

function onResponse(this: RiddenStream, headers: Record<string, unknown>): void {
  this.ride.response(headers[":status"] as number, headers);
}

function onData(this: RiddenStream, chunk: Buffer): void {
  this.ride.data(chunk);
}

function onEnd(this: RiddenStream): void {
  this.ride.end();
}

function onError(this: RiddenStream, error: Error): void {
  this.ride.broke(error);
}

function onClose(this: RiddenStream): void {
  this.ride.close();
}
