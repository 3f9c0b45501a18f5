import type { CallOptions, RateSignal } from "../../src/core/call.ts";
import { type Completion, completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { Exchange, Receiver } from "../../src/transport/exchange.ts";
import { Chance } from "./chance.ts";
import { type Fate, idOf, pieceOf, pieceTimes, textOf } from "./fate.ts";
import { httpAnswer } from "./http-answer.ts";
import { Play } from "./play.ts";
import type { Grant, HintStyle, LanePlan, LinePlan, WeatherKind } from "./scenario.ts";
import type { Attempt } from "./sight.ts";
import type { World } from "./world.ts";

const never = Number.POSITIVE_INFINITY;

/** A leaky account of what one dimension of a limit has left. */
class Bucket {
  #level: number;
  #at = 0;
  #perMinute: number;

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
    this.#level = perMinute;
  }

  get level(): number {
    return this.#level;
  }

  get perMinute(): number {
    return this.#perMinute;
  }

  set perMinute(rate: number) {
    this.#perMinute = rate;
    this.#level = Number.isFinite(this.#level) ? Math.min(this.#level, rate) : rate;
  }

  refill(now: number): void {
    if (this.#perMinute === never) return;
    this.#level = Math.min(this.#perMinute, this.#level + ((now - this.#at) * this.#perMinute) / 60_000);
    this.#at = now;
  }

  take(amount: number): void {
    this.#level -= amount;
  }

  msUntil(amount: number): number {
    return Math.max(0, Math.ceil(((amount - this.#level) * 60_000) / this.#perMinute));
  }
}

/** A model of what answers behind one lane: its limits, its weather and its manners. */
export class Provider {
  readonly #plan: LanePlan;
  readonly #world: World;
  readonly #seed: number;
  readonly #requests: Bucket;
  readonly #tokens: Bucket;
  #grant: Grant;
  #stale: readonly RateSignal[] = [];

  constructor(plan: LanePlan, world: World, seed: number) {
    this.#plan = plan;
    this.#world = world;
    this.#seed = seed;
    this.#grant = plan.grants[0]!;
    this.#requests = new Bucket(this.#grant.requestsPerMinute);
    this.#tokens = new Bucket(this.#grant.tokensPerMinute);
  }

  /** The driver's side of one attempt. Throws at once where the line's driver is of that kind. */
  chat(line: LinePlan, attempt: Attempt, options: CallOptions): Promise<Completion> {
    const chance = new Chance(this.#seed, 4, attempt.call.plan.id, attempt.number);
    const fate = this.#draw(chance, line, attempt);
    attempt.fate = fate.name;
    if (fate.name === "throws at once") throw new TypeError("a driver's own mistake");
    const play = new Play<Completion>(this.#world, attempt, line.deaf ? undefined : options, line.own);
    const { watch, onDelta } = options;
    const said = pieceTimes(fate).map((ms, i) => ({
      ms,
      what: "piece",
      fn: () => onDelta?.({ text: pieceOf(attempt, i) }),
    }));
    play.begin([
      { ms: fate.sentMs, what: "accepted", fn: () => watch.onSent?.() },
      {
        ms: fate.firstMs,
        what: "first byte",
        fn: () => {
          attempt.firstByteAt = this.#world.now();
          watch.onFirstByte?.();
          const signals = this.#signals(chance);
          if (signals.length > 0) watch.onRate?.(signals);
        },
      },
      ...said,
      { ms: fate.endMs, what: "end", fn: () => this.#end(fate, attempt, play) },
      ...range(fate.afterwards ?? 0).map((i) => ({
        ms: fate.endMs + i * 10,
        what: "piece after the end",
        fn: () => onDelta?.({ text: "late" }),
      })),
    ]);
    return play.done;
  }

  #end(fate: Fate, attempt: Attempt, play: Play<Completion>): void {
    const end = fate.end();
    if (typeof end === "object" && "error" in end) {
      if (fate.hintMs !== undefined) attempt.hintMs = fate.hintMs;
      play.fail(end.error);
    } else play.succeed(end);
  }

  /** The same attempt over HTTP. */
  send(
    line: LinePlan,
    attempt: Attempt,
    exchange: Exchange,
    receiver: Receiver,
    streamed: boolean,
  ): Play<undefined> {
    const chance = new Chance(this.#seed, 4, attempt.call.plan.id, attempt.number);
    const fate = this.#draw(chance, line, attempt);
    attempt.fate = fate.name;
    const play = new Play<undefined>(this.#world, attempt, exchange, true);
    const answer = httpAnswer(fate, attempt, {
      streamed,
      chance,
      signals: this.#signals(chance),
      wall: this.#world.wall(),
    });
    const head = (): void => {
      attempt.firstByteAt = this.#world.now();
      receiver.onHead(answer.status, answer.headers);
    };
    const hear = (text: string): void => {
      if (text !== "" && receiver.onData(Buffer.from(text)) === "done") play.succeed(undefined);
    };
    play.begin([
      { ms: fate.sentMs, what: "accepted", fn: () => receiver.onSent?.() },
      { ms: fate.firstMs, what: "head", fn: head },
      ...pieceTimes(fate).map((ms, i) => ({ ms, what: "piece", fn: () => hear(answer.pieces[i] ?? "") })),
      {
        ms: fate.endMs,
        what: "end",
        fn: () => {
          if (answer.hintMs !== undefined) attempt.hintMs = answer.hintMs;
          if (answer.error !== undefined) return play.fail(answer.error);
          if (attempt.firstByteAt === undefined) head();
          hear(answer.rest);
          play.succeed(undefined);
        },
      },
    ]);
    return play;
  }

  #draw(chance: Chance, line: LinePlan, attempt: Attempt): Fate {
    if (chance.yes(line.bad)) return this.#badFate(chance, attempt);
    const now = this.#world.now();
    let slow = 1;
    for (const { from, to, kind, p } of this.#plan.weather) {
      if (now < from || now >= to || !chance.yes(p)) continue;
      if (kind === "slow") slow = chance.size(5, 100);
      else return this.#troubleFate(chance, kind, attempt, slow);
    }
    const wait = this.#charge(attempt);
    if (wait > 0) return this.#limitedFate(chance, wait);
    return this.#answerFate(chance, attempt, slow);
  }

  /** Takes the attempt's requests and tokens from the buckets; how long to wait where they have none. */
  #charge(attempt: Attempt): number {
    const now = this.#world.now();
    const grant = this.#plan.grants.findLast((each) => each.at <= now)!;
    this.#requests.refill(now);
    this.#tokens.refill(now);
    if (grant !== this.#grant) {
      this.#grant = grant;
      this.#requests.perMinute = grant.requestsPerMinute;
      this.#tokens.perMinute = grant.tokensPerMinute;
    }
    const { promptTokens, outputTokens } = attempt.call.plan;
    const wait = Math.max(
      this.#requests.msUntil(1),
      this.#tokens.msUntil(Math.min(promptTokens, grant.tokensPerMinute)),
    );
    if (wait > 0) return wait;
    this.#requests.take(1);
    this.#tokens.take(promptTokens + outputTokens);
    return 0;
  }

  #answerFate(chance: Chance, attempt: Attempt, slow: number): Fate {
    const { plan } = attempt.call;
    const firstMs = Math.round(this.#plan.firstByteMs * (0.3 + 1.7 * chance.next()) * slow);
    const pieces = chance.int(1, 5);
    return {
      name: "answer",
      sentMs: chance.int(0, Math.min(3, firstMs)),
      firstMs,
      endMs: firstMs + Math.round(this.#plan.bodyMs * (0.3 + 1.7 * chance.next()) * slow),
      pieces,
      end: () =>
        completion(textOf(attempt, pieces), {
          id: idOf(attempt),
          model: this.#plan.model,
          inputTokens: plan.promptTokens,
          outputTokens: plan.outputTokens,
          finishReason: "stop",
        }),
    };
  }

  #limitedFate(chance: Chance, trueWait: number): Fate {
    const hint = drawHint(chance, this.#plan.hints, trueWait);
    const said = hint === undefined ? {} : { retryAfterMs: hint };
    const limited = new TrunklineError("rate_limit", "slow down", { status: 429, ...said });
    return { ...failing("rate_limit", chance.int(1, 50), limited), ...inEarnest(hint) };
  }

  #troubleFate(chance: Chance, kind: Exclude<WeatherKind, "slow">, attempt: Attempt, slow: number): Fate {
    switch (kind) {
      case "storm":
        return this.#limitedFate(chance, chance.size(1, 30_000));
      case "quota":
        return failing("quota", chance.int(1, 50), new TrunklineError("quota", "no credit", { status: 429 }));
      case "refused":
        return {
          ...failing("refused", chance.int(0, 20), new TrunklineError("network", "refused", { sent: false })),
          sentMs: never,
          firstMs: never,
        };
      case "hang":
        return { ...this.#answerFate(chance, attempt, slow), name: "hang", firstMs: never, endMs: never };
      case "outage": {
        const error = outage(chance);
        return { ...failing(kind, chance.size(1, 5_000), error), ...inEarnest(error.retryAfterMs) };
      }
      case "cut": {
        const whole = this.#answerFate(chance, attempt, slow);
        const pieces = chance.int(0, whole.pieces - 1);
        const early = chance.yes(0.3);
        const partial = completion(textOf(attempt, pieces), { finishReason: "error" });
        const error = new TrunklineError(chance.pick(["network", "incomplete"] as const), "cut", {
          sent: true,
          partial,
        });
        return {
          ...whole,
          name: "cut",
          pieces,
          firstMs: early ? never : whole.firstMs,
          end: () => ({ error }),
        };
      }
    }
  }

  #badFate(chance: Chance, attempt: Attempt): Fate {
    const fate = this.#answerFate(chance, attempt, 1);
    if (chance.yes(0.2)) return { ...fate, name: "late words", afterwards: 2 };
    const ends: readonly (readonly [string, () => unknown])[] = [
      ["throws at once", () => undefined],
      ["rejects with null", () => ({ error: null })],
      ["rejects with a foreign error", () => ({ error: new RangeError("a driver's own mistake") })],
      ["rejects with text", () => ({ error: "no" })],
      ["answers undefined", () => undefined],
      ["answers text", () => "hi"],
      ["answers without choices", () => ({ text: "x" })],
      ["answers with negative usage", () => ({ ...completion("x"), usage: { inputTokens: -1 } })],
    ];
    const [name, end] = chance.pick(ends);
    return { ...fate, name, pieces: 0, end: end as Fate["end"] };
  }

  #signals(chance: Chance): readonly RateSignal[] {
    const style = this.#plan.headers;
    if (style === "none") return [];
    const truth = [signalOf("requests", this.#requests), signalOf("tokens", this.#tokens)].filter(
      (signal) => signal !== undefined,
    );
    if (style === "true") return truth;
    if (style === "stale") {
      const earlier = this.#stale;
      if (chance.yes(0.3)) this.#stale = truth;
      return earlier;
    }
    const odd = () =>
      style === "lying"
        ? chance.size(1, 100_000)
        : chance.pick([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e308, 0.001, 1]);
    return range(chance.int(0, 3)).map(() => ({
      of: chance.pick(["requests", "tokens", "input_tokens", "output_tokens"] as const),
      windowMs:
        style === "lying" ? chance.pick([1_000, 60_000]) : chance.pick([60_000, 60_000, 0, -1, Number.NaN]),
      ...(chance.yes(0.8) && { limit: odd() }),
      ...(chance.yes(0.8) && { remaining: odd() }),
      ...(chance.yes(0.8) && { resetMs: odd() }),
    }));
  }
}

function failing(name: string, ms: number, error: TrunklineError): Fate {
  return { name, sentMs: 0, firstMs: ms, endMs: ms, pieces: 0, end: () => ({ error }) };
}

function inEarnest(hintMs: number | undefined): { readonly hintMs?: number } {
  return hintMs !== undefined && Number.isFinite(hintMs) && hintMs > 0 ? { hintMs } : {};
}

function outage(chance: Chance): TrunklineError {
  const hint = chance.yes(0.3) ? { retryAfterMs: chance.size(1, 20_000) } : {};
  return chance.weighted([
    [2, new TrunklineError("server_error", "broken", { status: 500, ...hint })],
    [2, new TrunklineError("overloaded", "busy", { status: 529, ...hint })],
    [1, new TrunklineError("network", "reset", { sent: true })],
    [1, new TrunklineError("timeout", "no first byte", { phase: "first_byte", sent: true })],
    [0.5, new TrunklineError("bad_request", "no", { status: 400 })],
    [0.5, new TrunklineError("auth", "who?", { status: 401 })],
    [0.3, new TrunklineError("bad_response", "what?", { sent: true })],
    [0.3, new TrunklineError("incomplete", "half", { sent: true })],
  ]);
}

function drawHint(chance: Chance, style: HintStyle, trueWait: number): number | undefined {
  const kind =
    style === "mixed" ? chance.pick<HintStyle>(["none", "ms", "seconds", "zero", "huge", "junk"]) : style;
  switch (kind) {
    case "ms":
      return trueWait;
    case "seconds":
      return Math.ceil(trueWait / 1_000) * 1_000;
    case "zero":
      return 0;
    case "huge":
      return chance.pick([277_403_000, 2 ** 31, 2 ** 31 + 5, 1e13]);
    case "junk":
      return chance.pick([Number.NaN, -1, Number.POSITIVE_INFINITY, -1e9]);
    default:
      return undefined;
  }
}

function signalOf(of: "requests" | "tokens", bucket: Bucket): RateSignal | undefined {
  if (bucket.perMinute === never) return undefined;
  return {
    of,
    windowMs: 60_000,
    limit: bucket.perMinute,
    remaining: Math.max(0, Math.floor(bucket.level)),
    resetMs: bucket.msUntil(bucket.perMinute),
  };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
