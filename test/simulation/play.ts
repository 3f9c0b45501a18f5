import { TrunklineError } from "../../src/core/errors.ts";
import type { Signal } from "../../src/core/signals.ts";
import { idOf } from "./fate.ts";
import type { Attempt } from "./sight.ts";
import type { World } from "./world.ts";

export interface Step {
  /** After the start; Infinity: never. */
  readonly ms: number;
  readonly what: string;
  readonly fn: () => void;
}

/** What a well-behaved backend keeps. */
export interface Manners {
  readonly signal?: Signal;
  readonly timeout: number;
  readonly firstByteTimeout: number;
}

/** One attempt on its way: steps in their order, unless an abort or a timeout comes between. */
export class Play<T> {
  readonly done: Promise<T>;
  readonly #world: World;
  readonly #attempt: Attempt;
  readonly #manners: Manners | undefined;
  readonly #careful: boolean;
  readonly #timers: { cancel(): void }[] = [];
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #settled = false;

  /**
   * Without manners it hears no abort and keeps no timeout; unless it is careful, it speaks from callbacks in which
   * an exception is nobody's.
   */
  constructor(world: World, attempt: Attempt, manners: Manners | undefined, careful: boolean) {
    this.#careful = careful;
    this.#world = world;
    this.#attempt = attempt;
    this.#manners = manners;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  begin(steps: readonly Step[]): void {
    this.#next(steps.filter(({ ms }) => ms !== Number.POSITIVE_INFINITY));
    if (this.#manners === undefined) return;
    const { signal, timeout, firstByteTimeout } = this.#manners;
    signal?.addEventListener("abort", this);
    this.#in(timeout, "timeout", () => this.fail(late("total")));
    this.#in(firstByteTimeout, "timeout", () => {
      if (this.#attempt.firstByteAt === undefined) this.fail(late("first_byte"));
    });
  }

  handleEvent(): void {
    this.fail(this.#manners!.signal!.reason);
  }

  succeed(value: T): void {
    this.#over();
    this.#resolve(value);
  }

  fail(error: unknown): void {
    this.#over();
    this.#reject(error);
  }

  #next([step, ...rest]: readonly Step[], playedMs = 0): void {
    if (step === undefined) return;
    this.#in(step.ms - playedMs, step.what, () => {
      try {
        step.fn();
      } catch (error) {
        if (!this.#careful) throw error;
        return this.fail(error);
      }
      // What comes after the end belongs to backends that do not know when to stop.
      if (!this.#settled || rest.some(({ what }) => what === "piece after the end"))
        this.#next(rest, step.ms);
    });
  }

  #in(ms: number, what: string, fn: () => void): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    this.#timers.push(this.#world.script(ms, `${what} ${idOf(this.#attempt)}`, fn));
  }

  #over(): void {
    this.#settled = true;
    for (const timer of this.#timers) timer.cancel();
    this.#manners?.signal?.removeEventListener("abort", this);
  }
}

function late(phase: "total" | "first_byte"): TrunklineError {
  return new TrunklineError("timeout", "the attempt's deadline passed", { phase, sent: true });
}
