import type { Adapter, Demo, Plan } from "../adapter/adapter.ts";
import { show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import type { Signature } from "../signature/signature.ts";

/** What a key that lives holds; a key that is gone takes it along. */
class Kept<Key extends object, Value> {
  readonly #values = new WeakMap<Key, Value>();

  get(key: Key, make: () => Value): Value {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#values.set(key, made);
    return made;
  }
}

type ByDemos = Kept<readonly Demo[], Plan>;
type BySignature = Kept<Signature<unknown, unknown>, ByDemos>;

const plans = new Kept<Adapter, BySignature>();
const newKept = <Key extends object, Value>(): Kept<Key, Value> => new Kept();

/** The list of those that have none. */
export const noDemos: readonly Demo[] = Object.freeze([]);

const parts = ["ask", "askAgain", "read", "reader"] as const satisfies readonly (keyof Plan)[];

/** An adapter may be anybody's. */
function isPlan(value: unknown): value is Plan {
  if (typeof value !== "object" || value === null) return false;
  return parts.every((part) => typeof (value as Partial<Plan>)[part] === "function");
}

/**
 * The plan of an adapter for a signature and a list of demos, made once: all three never change, and predictors
 * made one a row name the same ones.
 */
export function planOf(
  adapter: Adapter,
  signature: Signature<unknown, unknown>,
  demos: readonly Demo[],
): Plan {
  return plans
    .get(adapter, newKept)
    .get(signature, newKept)
    .get(demos, () => {
      const plan: unknown = adapter.plan(signature, demos);
      if (isPlan(plan)) return plan;
      throw new TrunklineError(
        "config",
        `adapter ${show(adapter.name)}: plan(signature, demos): expected { ${parts.join(", ")} }, got ${show(plan)}`,
      );
    });
}
