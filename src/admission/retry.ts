import type { Layer } from "../core/call.ts";
import type { Clock } from "../core/clock.ts";
import type { RetryBudget } from "./retry-budget.ts";

export function retry(_parts: { clock: Clock; budget: RetryBudget }): Layer {
  return (next) => next;
}
