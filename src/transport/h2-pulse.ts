import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import type { Clock } from "../core/clock.ts";
import { limits } from "./limits.ts";

/**
 * Asks a session for signs of life, and resets its streams in the answer.
 *
 * Why there: outside of what the session reads, Node writes each reset at once, and a second write in the turn in which
 * a first one failed is never finished; reading waits for it, so the session hears nothing any more, not even that its
 * connection is gone (measured with Node 24.21: 25 of 1,166 lost connections with aborts around them). Within the
 * answer to a PING the resets of any number of aborted calls are one write, in the turn of a read that went well.
 */
export class Pulse {
  readonly #session: ClientHttp2Session;
  readonly #clock: Clock;
  readonly #lost: () => void;
  #asking = false;
  #silent = false;
  #doomed: ClientHttp2Stream[] = [];

  /** `lost` is called when a PING was not answered in time. */
  constructor(session: ClientHttp2Session, clock: Clock, lost: () => void) {
    this.#session = session;
    this.#clock = clock;
    this.#lost = lost;
  }

  ask(): void {
    if (this.#asking || this.#silent || this.#session.destroyed) return;
    this.#asking = true;
    const timer = this.#clock.after(limits.pingAnswer, () => this.#unanswered(), "idle");
    this.#session.ping(() => {
      timer.cancel();
      this.#asking = false;
      this.#reset();
    });
  }

  cancel(stream: ClientHttp2Stream): void {
    this.#doomed.push(stream);
    if (this.#silent) this.#reset();
    else this.ask();
  }

  #unanswered(): void {
    this.#silent = true;
    this.#reset();
    this.#lost();
  }

  #reset(): void {
    for (const stream of this.#doomed.splice(0)) stream.close(constants.NGHTTP2_CANCEL);
  }
}
