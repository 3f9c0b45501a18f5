import type { Adapter, Demo, Plan } from "../adapter/adapter.ts";
import type { Signature } from "../signature/signature.ts";

type BySignature = WeakMap<Signature<unknown, unknown>, WeakMap<readonly Demo[], Plan>>;

const plans = new WeakMap<Adapter, BySignature>();

/** The list of those that have none. */
export const noDemos: readonly Demo[] = Object.freeze([]);

/**
 * The plan of an adapter for a signature and a list of demos, made once: all three never change, and predictors
 * made one a row name the same ones.
 */
export function planOf(
  adapter: Adapter,
  signature: Signature<unknown, unknown>,
  demos: readonly Demo[],
): Plan {
  let bySignature = plans.get(adapter);
  if (bySignature === undefined) plans.set(adapter, (bySignature = new WeakMap()));
  let byDemos = bySignature.get(signature);
  if (byDemos === undefined) bySignature.set(signature, (byDemos = new WeakMap()));
  let plan = byDemos.get(demos);
  if (plan === undefined) byDemos.set(demos, (plan = adapter.plan(signature, demos)));
  return plan;
}
