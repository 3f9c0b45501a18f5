import type { Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { Tally } from "../tally.ts";
import { FrameEditor, goawayFrame, rstStreamFrame } from "./frames.ts";
import type { Goaway } from "./reply.ts";
import type { SeenConnection } from "./seen.ts";

/**
 * One client's connection, held between the wire and the protocol's own server, so that it can be frozen, cut or
 * lied on whatever that server thinks: `outer` is the socket (under TLS, the decrypted side of it), `inner` is the
 * end that node:http or node:http2 takes for a socket.
 */
export class Connection implements SeenConnection {
  readonly number: number;
  readonly requests = new Tally();
  protocol?: "h1" | "h2" | "raw";
  open = true;
  resumed = false;
  pings = 0;
  /** The newest stream and, after a GOAWAY, the last one that will be answered. */
  newestStream = 0;
  lastStream = Number.POSITIVE_INFINITY;
  readonly #socket: Socket;
  readonly #onClose: () => void;
  #outer: Duplex | undefined;
  #near: Duplex | undefined;
  #inner: Duplex | undefined;
  #frames: FrameEditor | undefined;
  #frozen = false;
  /** Bytes that went out to the client. */
  #passed = 0;

  constructor(number: number, socket: Socket, onClose: () => void) {
    this.number = number;
    this.#socket = socket;
    this.#onClose = onClose;
    socket.on("error", ignore);
    socket.once("close", () => this.#closed());
  }

  /** Joins the wire to a new inner end, which it returns. */
  serve(protocol: "h1" | "h2" | "raw", outer: Duplex): Duplex {
    const [near, inner] = duplexPair();
    this.protocol = protocol;
    this.#outer = outer;
    this.#near = near;
    this.#inner = inner;
    if (protocol === "h2") this.#frames = new FrameEditor();
    for (const stream of [outer, near, inner]) stream.on("error", ignore);
    near.on("data", (chunk: Buffer) => {
      this.#passed += chunk.length;
      outer.cork();
      let room = true;
      for (const part of this.#frames?.pass(chunk) ?? [chunk]) room = outer.write(part);
      outer.uncork();
      if (!room) near.pause();
    });
    outer.on("drain", () => {
      if (!this.#frozen) near.resume();
    });
    near.on("end", () => outer.end());
    outer.on("close", () => this.#socket.destroy());
    if (this.#frozen) near.pause();
    else outer.pipe(near);
    return inner;
  }

  /** Reads and writes nothing any more; the socket stays open. */
  freeze(): void {
    this.#frozen = true;
    this.#near?.pause();
    if (this.#near === undefined) this.#socket.pause();
    else this.#outer?.unpipe(this.#near).pause();
  }

  /** Writes past the protocol's own server; on HTTP/2 between two of its frames. */
  write(bytes: Uint8Array): void {
    for (const part of this.#frames?.inject(bytes) ?? [bytes]) this.#outer?.write(part);
  }

  goaway({ lastStreamId = this.newestStream, code = 0 }: Goaway): void {
    if (this.protocol !== "h2") throw new Error("faultyServer: GOAWAY exists on HTTP/2 only");
    this.lastStream = lastStreamId;
    this.write(goawayFrame(lastStreamId, code));
  }

  /** Resets one stream of HTTP/2 after what has been written. */
  async rstStream(streamId: number, code: number): Promise<void> {
    await this.#drained();
    this.write(rstStreamFrame(streamId, code));
  }

  /** Closes after what has been written: FIN. */
  async fin(): Promise<void> {
    await this.#drained();
    this.#outer?.end();
  }

  /** Tears the socket down after what has been written: RST. */
  async reset(): Promise<void> {
    await this.#drained();
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * Waits until what the inner side has written is in the kernel's hands. node:http2 hands its frames on over
   * several turns of the loop, so a few quiet ones must pass; a client that does not read is not waited for.
   */
  async #drained(): Promise<void> {
    const outer = this.#outer;
    if (outer === undefined || this.#frozen) return turn();
    let passed = this.#passed;
    for (let quiet = 0, turns = 0; quiet < quietTurns && turns < mostTurns; turns++) {
      await turn();
      const still =
        this.#passed === passed && this.#inner?.writableLength === 0 && outer.writableLength === 0;
      quiet = still ? quiet + 1 : 0;
      passed = this.#passed;
    }
  }

  #closed(): void {
    this.open = false;
    this.#near?.destroy();
    this.#inner?.destroy();
    this.#onClose();
  }
}

const quietTurns = 4;
const mostTurns = 1_000;

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Broken connections are what this is for; whoever waits for one learns of it by its close. */
export function ignore(): void {}
