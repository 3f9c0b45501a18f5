import type { ChatRequest } from "../../src/core/request.ts";
import type { CallPlan } from "./scenario.ts";

/** A prompt of roughly as many tokens as planned. Calls of one group share their system text and no more. */
export function requestOf(plan: CallPlan, model: string): ChatRequest {
  const system =
    plan.prefix === undefined ? [] : [{ role: "system" as const, content: prefixes[plan.prefix]! }];
  const content = `${plan.id} ${"word ".repeat(Math.max(1, Math.round(plan.promptTokens * 0.8)))}`;
  return {
    model,
    messages: [...system, { role: "user", content }],
    ...(plan.maxTokens !== undefined && { maxTokens: plan.maxTokens }),
    extra: { call: plan.id },
  };
}

const prefixes = ["apple ", "bread ", "cider "].map((word) => word.repeat(5_000));
