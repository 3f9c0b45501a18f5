import { type Counter, Tally } from "../tally.ts";
import { Waits } from "../waits.ts";

/** One request as it arrived. The record is live: its state moves on. */
export interface SeenRequest {
  /** 1 for the first request of the server. */
  readonly number: number;
  /** Empty with the protocol "raw". */
  readonly method: string;
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** What has arrived of the body, as text, at most `keepBodyBytes`. */
  readonly body: string;
  /** How much of it has arrived in all. */
  readonly bodyBytes: number;
  readonly connection: SeenConnection;
  /** HTTP/2 only. */
  readonly streamId?: number;
  /**
   * - `"arriving"`: the body is not complete yet.
   * - `"answering"`: the script has it.
   * - `"answered"`: the reply ended as its script says.
   * - `"left"`: the client closed or reset its socket or stream before that.
   * - `"ignored"`: it came after a GOAWAY that excludes it.
   */
  readonly state: "arriving" | "answering" | "answered" | "left" | "ignored";
  /** The code of the client's RST_STREAM, when it sent one. */
  readonly resetCode?: number;
  /** The body, parsed. */
  json(): unknown;
}

/** One TCP connection as it was seen. */
export interface SeenConnection {
  /** 1 for the first connection of the server. */
  readonly number: number;
  readonly open: boolean;
  /** What the connection speaks; undefined until the handshake is over. */
  readonly protocol?: "h1" | "h2" | "raw";
  /** Whether TLS resumed an earlier session. */
  readonly resumed: boolean;
  /** Requests so far, now, and at the same time at most. */
  readonly requests: Counter;
  /** HTTP/2 PINGs received. */
  readonly pings: number;
}

/** Everything a faulty server has seen. */
export interface Seen {
  /** TCP connections, from accept to close. */
  readonly sockets: Counter;
  /** HTTP/2 sessions. */
  readonly sessions: Counter;
  /** Requests in progress, over all connections. */
  readonly inProgress: Counter;
  readonly connections: readonly SeenConnection[];
  /** The first `keepRequests` of them. */
  readonly requests: readonly SeenRequest[];
  /** TLS handshakes that failed. */
  readonly failedHandshakes: number;
}

/** A request under way; what {@link SeenRequest} shows. */
export class RequestRecord implements SeenRequest {
  readonly number: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connection: SeenConnection;
  readonly streamId?: number;
  state: SeenRequest["state"] = "arriving";
  resetCode?: number;
  bodyBytes = 0;
  #chunks: Uint8Array[] = [];
  #room: number;

  constructor(
    facts: Pick<SeenRequest, "number" | "method" | "path" | "headers" | "connection" | "streamId">,
    keepBodyBytes: number,
  ) {
    this.number = facts.number;
    this.method = facts.method;
    this.path = facts.path;
    this.headers = facts.headers;
    this.connection = facts.connection;
    if (facts.streamId !== undefined) this.streamId = facts.streamId;
    this.#room = keepBodyBytes;
  }

  get body(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  json(): unknown {
    return JSON.parse(this.body);
  }

  add(chunk: Uint8Array): void {
    this.bodyBytes += chunk.length;
    if (this.#room <= 0) return;
    const kept = chunk.subarray(0, this.#room);
    this.#room -= kept.length;
    this.#chunks.push(kept);
  }
}

/** The server's memory, and the place where tests wait for something to be in it. */
export class Memory implements Seen {
  readonly sockets = new Tally();
  readonly sessions = new Tally();
  readonly inProgress = new Tally();
  readonly connections: SeenConnection[] = [];
  readonly requests: RequestRecord[] = [];
  failedHandshakes = 0;
  readonly #waits = new Waits();

  /** Tells those who wait that something has changed. */
  changed(): void {
    this.#waits.changed();
  }

  /** Settles when the predicate holds, at once if it holds already. */
  async saw(predicate: (seen: Seen) => boolean): Promise<Seen> {
    await this.#waits.until(() => predicate(this));
    return this;
  }

  /** Ends all waits. */
  close(): void {
    const { sockets, sessions, inProgress } = this;
    this.#waits.end(
      `faultyServer: closed while a test waited for something it never saw; it saw ${sockets.ever} sockets, ` +
        `${sessions.ever} sessions and ${inProgress.ever} requests`,
    );
  }
}
