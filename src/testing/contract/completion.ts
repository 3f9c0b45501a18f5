import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Completion, finishReasons } from "../../core/completion.ts";

/** Fails unless `value` is a completion as design and types promise it. */
export function checkCompletion(value: Completion): void {
  checkPlain(value, "completion");
  deepStrictEqual(JSON.parse(JSON.stringify(value)), value, "a completion survives JSON unchanged");
  strictEqual(typeof value.text, "string", "text is a string");
  strictEqual(typeof value.model, "string", "model is a string");
  strictEqual(value.cacheHit, false, "cacheHit is false: it is the cache's own word");
  ok(Array.isArray(value.choices) && value.choices.length > 0, "there is at least one choice");
  strictEqual(value.choices[0]!.message.content, value.text, "text is the first choice's content");
  for (const [i, { index, message }] of value.choices.entries()) {
    strictEqual(index, i, `choices[${i}].index is its place`);
    strictEqual(message.role, "assistant", `choices[${i}].message.role`);
    strictEqual(typeof message.content, "string", `choices[${i}].message.content is a string`);
  }
}

/** Every choice says why it ended, in our words and in the provider's. */
export function checkFinish({ choices }: Completion): void {
  for (const { finishReason, rawFinishReason } of choices) {
    ok(finishReasons.includes(finishReason), `finishReason is one of ${finishReasons.join(", ")}`);
    strictEqual(typeof rawFinishReason, "string", "rawFinishReason is the provider's own word");
  }
}

export function checkUsage({ usage }: Completion): void {
  const { inputTokens, outputTokens, totalTokens, cachedInputTokens, cacheWriteTokens } = usage;
  const counts = { inputTokens, outputTokens, totalTokens, cachedInputTokens, cacheWriteTokens };
  for (const [name, count] of Object.entries(counts)) {
    ok(
      Number.isSafeInteger(count) && count >= 0,
      `usage.${name} is a whole number of 0 or more, got ${count}`,
    );
  }
  strictEqual(totalTokens, inputTokens + outputTokens, "usage.totalTokens is input and output together");
  ok(cachedInputTokens + cacheWriteTokens <= inputTokens, "what was cached is part of inputTokens");
}

/** Nothing but objects, lists, texts, numbers, booleans and null: no class, function or undefined member. */
function checkPlain(value: unknown, place: string): void {
  ok(!["function", "symbol", "bigint", "undefined"].includes(typeof value), `${place} is a ${typeof value}`);
  if (typeof value !== "object" || value === null) return;
  const prototype = Object.getPrototypeOf(value);
  ok([Object.prototype, Array.prototype, null].includes(prototype), `${place} is an instance of a class`);
  for (const [name, member] of Object.entries(value)) checkPlain(member, `${place}.${name}`);
}
