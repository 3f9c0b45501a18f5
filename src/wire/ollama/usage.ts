import type { Usage } from "../../core/completion.ts";
import { count, usageFrom } from "../token-count.ts";

/** What an answer's last object counts, beside its text: tokens, and nanoseconds. */
const members = [
  "prompt_eval_count",
  "eval_count",
  "total_duration",
  "load_duration",
  "prompt_eval_duration",
  "eval_duration",
] as const;

/** The tokens of an answer; its durations stay in `raw`, in nanoseconds as they came. */
export function decodeUsage(answer: Record<string, unknown>): Usage {
  const told = members.filter((name) => typeof answer[name] === "number");
  return usageFrom({
    input: count(answer.prompt_eval_count),
    output: count(answer.eval_count),
    raw: Object.fromEntries(told.map((name) => [name, answer[name]])),
  });
}
