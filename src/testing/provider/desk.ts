import type { Clock, Timer } from "../../core/clock.ts";
import { isTrunklineError } from "../../core/errors.ts";
import {
  completionOf,
  deltasAt,
  isRefusal,
  type SimulatedAnswer,
  type SimulatedModel,
  stepsOf,
} from "../../drivers/simulated.ts";
import { ChunkWriter, type DecodedRequest, decodeRequest, encodeAnswer } from "../../wire/openai-chat.ts";
import { Tally } from "../tally.ts";

/** Where an answer goes: a stream of HTTP/2 or a response of HTTP/1.1. */
export interface Out {
  head(status: number, headers: Readonly<Record<string, string>>): void;
  write(text: string): void;
  end(text?: string): void;
  /** Head and whole body in one go. */
  whole(status: number, headers: Readonly<Record<string, string>>, body: string): void;
  /** What to do when the client leaves; replaced by each call. */
  onLeave: (() => void) | undefined;
}

/** What a desk counts besides what its model does. */
export interface DeskStats {
  readonly inFlight: Tally;
  /** Answers whose client left before their end. */
  left: number;
}

const json = { "content-type": "application/json" };
const events = { "content-type": "text/event-stream", "cache-control": "no-cache" };

/** Answers requests of OpenAI's chat endpoint from a simulated model, in the time that its answers take. */
export class Desk {
  readonly stats: DeskStats = { inFlight: new Tally(), left: 0 };
  readonly #model: SimulatedModel;
  readonly #clock: Clock;
  readonly #models: string;

  constructor(model: SimulatedModel, clock: Clock, models: readonly string[]) {
    this.#model = model;
    this.#clock = clock;
    const data = models.map((id) => ({ id, object: "model", created: 0, owned_by: "trunkline" }));
    this.#models = JSON.stringify({ object: "list", data });
  }

  answer(method: string, path: string, body: string, out: Out): void {
    if (method === "POST" && path === "/v1/chat/completions") this.#chat(body, out);
    else if (method === "GET" && path === "/v1/models") out.whole(200, json, this.#models);
    else
      fail(out, 404, {
        message: `no such endpoint: ${method} ${path.slice(0, 100)}`,
        type: "invalid_request_error",
      });
  }

  #chat(body: string, out: Out): void {
    let decoded: DecodedRequest;
    try {
      decoded = decodeRequest(body);
    } catch (error) {
      if (!isTrunklineError(error)) throw error;
      fail(out, 400, { message: error.message, type: "invalid_request_error" });
      return;
    }
    const answer = this.#model.ask(decoded.request);
    if (isRefusal(answer)) {
      fail(out, answer.status, answer.error, answer.headers);
      return;
    }
    this.stats.inFlight.enter();
    const ended = (): void => this.stats.inFlight.leave();
    if (decoded.stream)
      new Streaming(answer, this.#clock, out, decoded.streamUsage, this.stats, ended).next();
    else this.#plain(answer, out, ended);
  }

  /** The prefix is readable from the first token on, though the client sees nothing until the last. */
  #plain(answer: SimulatedAnswer, out: Out, ended: () => void): void {
    const { firstTokenMs, totalMs } = answer;
    const finish = (): void => {
      out.onLeave = undefined;
      ended();
      const head = { id: answer.id, created: this.#seconds() };
      out.whole(200, { ...json, ...answer.headers }, encodeAnswer(completionOf(answer), head));
    };
    let timer = this.#after(firstTokenMs, () => {
      answer.begin();
      if (totalMs <= firstTokenMs) finish();
      else timer = this.#after(totalMs - firstTokenMs, finish);
    });
    if (timer === undefined) return;
    out.onLeave = () => {
      timer?.cancel();
      this.stats.left++;
      ended();
    };
  }

  /** At once where there is nothing to wait for. */
  #after(ms: number, fn: () => void): Timer | undefined {
    if (ms > 0) return this.#clock.after(ms, fn);
    fn();
  }

  #seconds(): number {
    return Math.floor(this.#clock.wall() / 1_000);
  }
}

/** One streamed answer on its way. */
class Streaming {
  readonly #answer: SimulatedAnswer;
  readonly #clock: Clock;
  readonly #out: Out;
  readonly #writer: ChunkWriter;
  readonly #startedAt: number;
  readonly #steps: number;
  readonly #perTokenMs: number;
  readonly #ended: () => void;
  #sent = -1;
  #timer: Timer | undefined;

  constructor(
    answer: SimulatedAnswer,
    clock: Clock,
    out: Out,
    usage: boolean,
    stats: DeskStats,
    ended: () => void,
  ) {
    this.#answer = answer;
    this.#clock = clock;
    this.#out = out;
    this.#ended = ended;
    this.#startedAt = clock.now();
    this.#steps = stepsOf(answer);
    this.#perTokenMs = this.#steps < 2 ? 0 : (answer.totalMs - answer.firstTokenMs) / (this.#steps - 1);
    const created = Math.floor(clock.wall() / 1_000);
    this.#writer = new ChunkWriter({ id: answer.id, created, model: answer.model, usage });
    out.onLeave = () => {
      this.#timer?.cancel();
      stats.left++;
      ended();
    };
  }

  next(): void {
    const due = this.#answer.firstTokenMs + Math.max(0, this.#sent) * this.#perTokenMs;
    const wait = this.#startedAt + due - this.#clock.now();
    if (wait > 0) this.#timer = this.#clock.after(wait, () => this.#step());
    else this.#step();
  }

  /** Writes every token that is due, in one piece. */
  #step(): void {
    const out = this.#out;
    if (this.#sent < 0) {
      this.#sent = 0;
      this.#answer.begin();
      out.head(200, { ...events, ...this.#answer.headers });
    }
    const elapsed = this.#clock.now() - this.#startedAt - this.#answer.firstTokenMs;
    const due = this.#perTokenMs === 0 ? this.#steps : Math.floor(elapsed / this.#perTokenMs + 1e-6) + 1;
    let text = "";
    for (; this.#sent < Math.min(due, this.#steps); this.#sent++) {
      for (const delta of deltasAt(this.#answer, this.#sent)) text += this.#writer.delta(delta);
    }
    if (this.#sent < this.#steps) {
      if (text !== "") out.write(text);
      this.#timer = this.#clock.after(this.#perTokenMs, () => this.#step());
      return;
    }
    out.onLeave = undefined;
    this.#ended();
    out.end(text + this.#writer.finish(completionOf(this.#answer)));
  }
}

function fail(out: Out, status: number, error: object, headers: Readonly<Record<string, string>> = {}): void {
  out.whole(status, { ...json, ...headers }, JSON.stringify({ error }));
}
