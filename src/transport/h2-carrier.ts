import { type ClientHttp2Session, connect } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import type { Carrier, Keeper } from "./carrier.ts";
import type { Flight } from "./flight.ts";
import { Pulse } from "./h2-pulse.ts";
import { H2Ride, type Session } from "./h2-ride.ts";
import { limits } from "./limits.ts";

/**
 * One HTTP/2 session. Node counts a stream as gone a little before nghttp2 does, and a stream opened in between
 * breaks innocent ones; so a place here is free only after the stream's `close` event and one further turn of
 * the loop, and nothing is ever queued inside the session.
 */
export class H2Carrier implements Carrier, Session {
  readonly protocol = "h2";
  readonly idleFor = limits.h2Idle;
  readonly origin: string;
  readonly clock: Clock;
  lastId = Number.POSITIVE_INFINITY;
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  readonly #pseudo: readonly string[];
  readonly #keeper: Keeper;
  readonly pulse: Pulse;
  /** Streams that may be open; 0 until the server's settings came. */
  #most = 0;
  #used = 0;
  #ending = 0;
  /** Streams that closed since the last turn was asked for. */
  #closed = 0;
  #turning = false;
  #retired = false;

  constructor(origin: URL, socket: Socket, keeper: Keeper, clock: Clock) {
    this.origin = origin.origin;
    this.clock = clock;
    this.#pseudo = [":scheme", origin.protocol.slice(0, -1), ":authority", origin.host];
    this.#keeper = keeper;
    this.#socket = socket;
    const session = connect(origin, {
      createConnection: () => socket,
      maxSessionMemory: limits.sessionMemory,
      settings: {
        enablePush: false,
        initialWindowSize: limits.streamWindow,
        maxHeaderListSize: limits.headerBytes,
      },
    });
    this.#session = session;
    // A session that does not answer gets no new calls; those on it wait for their own deadlines.
    this.pulse = new Pulse(session, clock, () => (this.#used === 0 ? this.destroy() : this.retire()));
    session.once("connect", () => session.setLocalWindowSize(limits.sessionWindow));
    session.on("remoteSettings", (settings) => this.#settle(settings.maxConcurrentStreams));
    session.on("goaway", (_code, lastId) => {
      this.lastId = lastId;
      this.retire();
    });
    // What broke reaches each stream by itself.
    session.on("error", () => {});
    session.on("close", () => this.retire());
    // After an alert of TLS Node's session waits for a close of the socket that nobody asks for.
    socket.on("error", () => socket.destroy());
    // Its session over, the socket would wait for the server's end, which may never come.
    socket.once("finish", () => socket.destroy());
  }

  /** Resolves when the server's settings came, so that calls may start; rejects when the session ends before. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#session.once("remoteSettings", () => {
        this.#session.unref();
        resolve();
      });
      this.#socket.once("error", reject);
      this.#session.once("error", reject);
      this.#socket.once("close", () =>
        reject(new Error("it closed before the server's HTTP/2 settings came")),
      );
    });
  }

  get retired(): boolean {
    return this.#retired;
  }

  get room(): number {
    return this.#retired || this.#session.closed || this.#session.destroyed
      ? 0
      : Math.max(0, this.#most - this.#used);
  }

  get used(): number {
    return this.#used;
  }

  get ending(): number {
    return this.#ending;
  }

  /** Streams the server lets us have open at once, at most our own limit. */
  get most(): number {
    return this.#most;
  }

  start(flight: Flight): void {
    const { method, path, body } = flight.exchange;
    const head = [":method", method, ":path", path, ...this.#pseudo, ...flight.headers];
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const empty = bytes === undefined || bytes.length === 0;
    if (!empty) head.push("content-length", String(bytes.length));
    const stream = this.#session.request(head, { endStream: empty });
    if (this.#used++ === 0) this.#session.ref();
    flight.board(new H2Ride(this, stream, flight));
    if (!empty) stream.end(bytes);
    flight.sent();
  }

  retire(): void {
    if (!this.#retired) {
      this.#retired = true;
      this.#keeper.retired(this);
    }
    if (this.#used === 0 && !this.#session.closed) this.#session.close();
  }

  destroy(): void {
    this.retire();
    this.#session.destroy();
    this.#socket.destroy();
  }

  streamEnding(): void {
    this.#ending++;
  }

  streamClosed(): void {
    this.#closed++;
    if (!this.#turning) this.#turn();
  }

  /** Frees the streams that had closed when this turn was asked for; those closed since wait for one of their own. */
  #turn(): void {
    const places = this.#closed;
    this.#closed = 0;
    this.#turning = true;
    this.clock.turn(() => {
      this.#turning = false;
      if (this.#closed > 0) this.#turn();
      this.#free(places);
    });
  }

  #free(places: number): void {
    this.#used -= places;
    this.#ending -= places;
    if (this.#used === 0) this.#session.unref();
    if (!this.#retired) this.#keeper.freed(this);
    else if (this.#used === 0) this.destroy();
  }

  #settle(allowed = Number.POSITIVE_INFINITY): void {
    const most = Math.min(allowed, limits.streamsPerSession);
    if (most === this.#most) return;
    this.#most = most;
    this.#keeper.freed(this);
  }
}
