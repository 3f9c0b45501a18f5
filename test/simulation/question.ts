import type { CallOptions } from "../../src/core/call.ts";
import type { ChatRequest } from "../../src/core/request.ts";
import type { CallPlan, LinePlan, Scenario } from "./scenario.ts";

/** A prompt of roughly as many tokens as planned. Calls of one group share their system text and no more. */
export function requestOf(plan: CallPlan, model: string): ChatRequest {
  const system =
    plan.prefix === undefined ? [] : [{ role: "system" as const, content: prefixes[plan.prefix]! }];
  const content = `${plan.question} ${"word ".repeat(Math.max(1, Math.round(plan.promptTokens * 0.8)))}`;
  return {
    model,
    messages: [...system, { role: "user", content }],
    ...(plan.maxTokens !== undefined && { maxTokens: plan.maxTokens }),
    extra: { question: plan.question },
  };
}

/** Names the caller to every layer and to the provider, and says nothing about what is asked. */
export const callHeader = "x-request-id";

export function callerOf({ headers }: { readonly headers?: Readonly<Record<string, string>> }): number {
  return Number(headers![callHeader]);
}

/** All that is asked, as a text. */
export function requestKey(request: ChatRequest, { cache, rolloutId }: CallOptions): string {
  return JSON.stringify([request, cache?.scope, rolloutId]);
}

/** The line to a lane that a caller of `line` takes, be it for another model. */
export function lineOf({ lines }: Scenario, line: LinePlan, lane: number): LinePlan {
  return chainOf(lines, line).find((each) => each.lane === lane)!;
}

/** A line and those that are asked when it fails. */
export function chainOf(lines: readonly LinePlan[], line: LinePlan): readonly LinePlan[] {
  return [line, ...(line.fallbacks ?? []).map((id) => lines[id]!)];
}

const prefixes = ["apple ", "bread ", "cider "].map((word) => word.repeat(5_000));
