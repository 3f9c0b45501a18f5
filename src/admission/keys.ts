import { type Call, type CallOptions, changed, type Layer } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import { type ErrorCode, isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { ChatRequest } from "../core/request.ts";
import type { Admission, LineFacts } from "./admission.ts";
import { type Delivery, watched } from "./delivery.ts";
import { estimateInput } from "./estimate.ts";
import { Homes } from "./homes.ts";
import type { KeyState } from "./key-state.ts";
import type { Lane } from "./lane.ts";

/** Refusals that are the key's own, so that another may do. A rate limit is one too, but it passes. */
const ofTheKey: ReadonlySet<ErrorCode> = new Set(["auth", "permission", "quota"]);

/**
 * A key that would have to be sent a prefix anew counts as so much further away: about what the provider takes to
 * read it. Calls that share a prefix stay with one key as long as the wait there is no longer than that.
 */
const coldMs = 2_000;
/** A pause shorter than this moves nobody. */
const worthMovingMs = 1_000;

export interface KeysParts {
  readonly clock: Clock;
  readonly logger: () => Logger;
  readonly admission: Admission;
  /** For messages. */
  readonly provider: string;
  /** The way through admission of each key, in the order of the Client's keys. */
  readonly lines: readonly LineFacts[];
}

/**
 * Chooses the key of each attempt: the one whose lane can start it soonest, ties in turn. It stands between retry
 * and admission. An attempt that a key refuses goes to the next key at once, each key once, before anybody above
 * hears of it; what a lane holds back that others would take moves there.
 */
export function keys(parts: KeysParts): Layer {
  return (next) => {
    const ring = new Ring(parts, next);
    return (request, options) => new Attempt(ring, request, options).go();
  };
}

interface Place {
  readonly facts: LineFacts;
  readonly call: Call;
  readonly state: KeyState;
}

/** The keys of one Client. */
class Ring {
  readonly places: readonly Place[];
  readonly clock: Clock;
  readonly #parts: KeysParts;
  readonly #homes = new Homes();
  /** What calls leave their queue with that are to choose anew. */
  readonly #recalls = new WeakSet<object>();
  #turn = 0;

  constructor(parts: KeysParts, next: Call) {
    const { admission, lines, clock } = parts;
    this.#parts = parts;
    this.clock = clock;
    this.places = lines.map((facts, place) => {
      const call = admission.layer(facts)(next);
      admission.watch(facts, (model) => this.#relieve(place, model));
      return { facts, call, state: admission.keyState(facts) };
    });
  }

  /**
   * The place of the key that can start the call soonest, and within `most`; none of `tried`, and none that is left
   * alone. Undefined when there is none.
   */
  choose(
    request: ChatRequest,
    options: CallOptions,
    tried: readonly number[],
    most: number,
  ): number | undefined {
    const now = this.clock.now();
    const { model } = request;
    const prefixes = this.#lane(0, model)?.prefixesOf(request, options);
    const input = prefixes?.total ?? estimateInput(request);
    const known = prefixes && this.places.map((_, place) => this.#homes.known(prefixes, place, now));
    const warmest = known === undefined ? 0 : Math.max(...known);
    const { length } = this.places;
    this.#turn = (this.#turn + 1) % length;
    let best: number | undefined;
    let bestMs = Number.POSITIVE_INFINITY;
    let bestLoad = Number.POSITIVE_INFINITY;
    for (let step = 0; step < length; step++) {
      const place = (this.#turn + step) % length;
      if (tried.includes(place) || this.places[place]!.state.asideFor(model, now) !== undefined) continue;
      const lane = this.#lane(place, model);
      const wait = lane?.outlookMs(request, input, options) ?? 0;
      if (wait > most) continue;
      const ms = known !== undefined && known[place]! < warmest ? wait + coldMs : wait;
      const load = lane?.load ?? 0;
      if (ms > bestMs || (ms === bestMs && load >= bestLoad)) continue;
      best = place;
      bestMs = ms;
      bestLoad = load;
    }
    if (best === undefined) return undefined;
    this.places[best]!.state.started(model);
    if (prefixes !== undefined) this.#homes.note(prefixes, best, now);
    return best;
  }

  /** How long a rate limit holds the lane of `place`. */
  pauseMs(place: number, model: string): number {
    return this.#lane(place, model)?.shutMs ?? 0;
  }

  /** The key at `place` was refused to a call that went at `startedAt`: it is left alone for a while. */
  putAside(place: number, error: TrunklineError, model: string, startedAt: number): void {
    const aside = this.places[place]!.state.refused(error, model, startedAt, this.clock.now());
    if (aside === undefined) return;
    if (aside.first) {
      this.#parts
        .logger()
        .warn(
          `trunkline: ${this.#parts.provider}: keys[${place}] was refused (${error.code}) and is left alone for ` +
            `${Math.ceil(aside.ms / 1_000)} s, longer each time; the other keys go on`,
        );
    }
    this.#recall(place, model);
  }

  /** A refusal has shut the lane of `place`: whoever waits there looks for another. */
  #relieve(place: number, model: string): void {
    if (this.pauseMs(place, model) >= worthMovingMs) this.#recall(place, model);
  }

  #recall(place: number, model: string): void {
    const error = new TrunklineError("rate_limit", "the call goes by another key", { model, sent: false });
    this.#recalls.add(error);
    this.#parts.admission.recall(this.places[place]!.facts, model, error);
  }

  isRecall(error: object): boolean {
    return this.#recalls.has(error);
  }

  /** What a call hears for which no key is left; `last` is what the last one said, if it was asked. */
  noneLeft(
    model: string,
    reasons: readonly (ErrorCode | undefined)[],
    last?: TrunklineError,
  ): TrunklineError {
    const now = this.clock.now();
    const asides = this.places.map(({ state }) => state.asideFor(model, now));
    const waits = asides.flatMap((aside) => aside?.ms ?? []);
    const each = asides.map((aside, i) => `keys[${i}] ${aside?.code ?? reasons[i] ?? "in use"}`).join(", ");
    const again =
      waits.length === 0 ? "" : `; one is tried again in ${Math.ceil(Math.min(...waits) / 1_000)} s`;
    const all = `all ${asides.length} keys of ${this.#parts.provider} are refused: ${each}${again}`;
    if (last !== undefined) {
      return new TrunklineError(last.code, `${last.message} (${all})`, { ...last, cause: last });
    }
    const code = asides.find((aside) => aside !== undefined)?.code ?? "auth";
    return new TrunklineError(code, all, { provider: this.#parts.provider, model, sent: false });
  }

  #lane(place: number, model: string): Lane | undefined {
    return this.#parts.admission.laneOf(this.places[place]!.facts, model);
  }
}

/** One attempt of a call, until a key has done it or none is left that may. */
class Attempt implements Delivery {
  delivered = false;
  readonly #ring: Ring;
  readonly #request: ChatRequest;
  readonly #options: CallOptions;
  /** Places whose key refused, and what each said. */
  readonly #tried: number[] = [];
  readonly #refusals: TrunklineError[] = [];
  /** Keys that may not use the model, as it seems; sure is it when another may. */
  readonly #forbidden: (() => void)[] = [];
  /** The longest wait for which another key is worth more than coming back to the one that paused. */
  #most = Number.POSITIVE_INFINITY;

  constructor(ring: Ring, request: ChatRequest, options: CallOptions) {
    this.#ring = ring;
    this.#request = request;
    this.#options = watched(options, this);
  }

  go(): Promise<Completion> {
    const place = this.#ring.choose(this.#request, this.#options, this.#tried, this.#most);
    if (place === undefined) return Promise.reject(this.#verdict());
    const { call, state } = this.#ring.places[place]!;
    const startedAt = this.#ring.clock.now();
    return call(this.#request, changed(this.#options, { key: place })).then(
      (answer) => {
        state.worked(this.#request.model, startedAt);
        for (const putAside of this.#forbidden) putAside();
        return answer;
      },
      (error) => {
        state.undecided(this.#request.model);
        return this.#failed(error, place, startedAt);
      },
    );
  }

  #failed(error: unknown, place: number, startedAt: number): Promise<Completion> {
    const { model } = this.#request;
    if (!isTrunklineError(error)) throw error;
    if (this.#ring.isRecall(error)) return this.go();
    const refused = ofTheKey.has(error.code) && !error.retryable;
    const forbidden = refused && error.code === "permission";
    const putAside = (): void => this.#ring.putAside(place, error, model, startedAt);
    if (forbidden) this.#forbidden.push(putAside);
    else if (refused) putAside();
    if (error.code === "rate_limit") {
      this.#most = Math.min(this.#most, this.#ring.pauseMs(place, model));
    } else if (!ofTheKey.has(error.code)) throw error;
    if (this.delivered || this.#options.deadlineAt <= this.#ring.clock.now()) throw error;
    this.#tried.push(place);
    this.#refusals.push(error);
    return this.go();
  }

  /** The refusal that leaves most hope, or that there is none. */
  #verdict(): TrunklineError {
    const { model } = this.#request;
    const hopeful = this.#refusals
      .filter(({ retryable }) => retryable)
      .sort((a, b) => (a.retryAfterMs ?? 0) - (b.retryAfterMs ?? 0));
    if (hopeful[0] !== undefined) return hopeful[0];
    const reasons: (ErrorCode | undefined)[] = [];
    for (const [i, place] of this.#tried.entries()) reasons[place] = this.#refusals[i]!.code;
    return this.#ring.noneLeft(model, reasons, this.#refusals.at(-1));
  }
}
