import type { Invariant } from "./invariant.ts";
import { invariants } from "./invariants.ts";
import type { Attempt, CallSight, Sight, Work } from "./sight.ts";

export interface Violation {
  readonly invariant: string;
  readonly message: string;
  readonly at: number;
}

type Hook = Exclude<keyof Invariant, "name" | "says">;
const hooks: readonly Hook[] = [
  "onWork",
  "onEnter",
  "onDispatch",
  "onSend",
  "onSettle",
  "always",
  "atRest",
  "atEnd",
];
type Judges = Readonly<Record<Hook, readonly Invariant[]>>;

function judgesOf(only: readonly string[] | undefined): Judges {
  const chosen = only === undefined ? invariants : invariants.filter(({ name }) => only.includes(name));
  const having = (hook: Hook) => chosen.filter((invariant) => invariant[hook] !== undefined);
  return Object.fromEntries(hooks.map((hook) => [hook, having(hook)])) as unknown as Judges;
}

/** Asks the invariants at each turn, and keeps the first that does not hold, with what happened before it. */
export class Judge {
  violation: Violation | undefined;
  readonly tally: Record<string, number> = {};
  readonly trace: string[] = [];
  readonly #sight: Sight;
  readonly #judges: Judges;
  readonly #keepAll: boolean;

  constructor(sight: Sight, { trace, only }: { trace: boolean; only: readonly string[] | undefined }) {
    this.#sight = sight;
    this.#judges = judgesOf(only);
    this.#keepAll = trace;
  }

  fire(hook: "onWork", subject: Work): void;
  fire(hook: "onEnter" | "onDispatch" | "onSend", subject: Attempt): void;
  fire(hook: "onSettle", subject: CallSight): void;
  fire(hook: Exclude<Hook, "always" | "atRest" | "atEnd">, subject: Attempt | CallSight | Work): void {
    for (const invariant of this.#judges[hook]) {
      const ask = invariant[hook] as (
        subject: Attempt | CallSight | Work,
        sight: Sight,
      ) => string | undefined;
      const message = ask(subject, this.#sight);
      if (message !== undefined) this.report(invariant.name, message);
    }
  }

  check(hook: "always" | "atRest" | "atEnd"): void {
    for (const invariant of this.#judges[hook]) {
      const message = invariant[hook]!(this.#sight);
      if (message !== undefined) this.report(invariant.name, message);
    }
  }

  /** Only noted: thrown inside a layer, it would be taken for a driver's fault. The run stops at the first. */
  report(invariant: string, message: string): void {
    const at = this.#sight.world.now();
    this.violation ??= { invariant, message, at };
    this.note(`VIOLATED ${invariant}: ${message}`);
  }

  note(what: string): void {
    this.trace.push(`${this.#sight.world.now()} ${what}`);
    if (!this.#keepAll && this.trace.length > 200) this.trace.splice(0, 160);
  }

  count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }
}
