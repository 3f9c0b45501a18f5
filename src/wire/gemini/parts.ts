import type { Usage } from "../../core/completion.ts";
import { brokenAnswer } from "../answer-facts.ts";
import type { GrowingAnswer } from "../growing-answer.ts";
import { isObject, memberOf, textIn } from "../json-value.ts";
import { count, noUsage, usageFrom } from "../token-count.ts";

/** The name under which a turn keeps this wire's signatures. */
export const wireName = "gemini";

/** Signatures of thoughts, which belong back on the parts they came on. */
export interface Signatures {
  text?: string;
  /** By the call's place; null where a call came without one. */
  calls: (string | null)[];
}

/** The highest index a candidate may have. */
const maxCandidates = 64;

/** Puts responses into an answer: a whole one, or the pieces of a stream, which have the same shape. */
export class Parts {
  readonly #answer: GrowingAnswer;
  readonly #signatures = new Map<number, Signatures>();

  constructor(answer: GrowingAnswer) {
    this.#answer = answer;
  }

  /** Reads one response; says whether it held anything of an answer. */
  read(response: Record<string, unknown>): boolean {
    const answer = this.#answer;
    const { candidates, usageMetadata, promptFeedback } = response;
    answer.id ??= textIn(response.responseId);
    answer.model ??= textIn(response.modelVersion);
    if (isObject(usageMetadata)) answer.usage = decodeUsage(usageMetadata);
    if (Array.isArray(candidates)) for (const candidate of candidates) this.#candidate(candidate);
    const blocked = textIn(memberOf(promptFeedback, "blockReason"));
    if (blocked !== undefined && !answer.begun) {
      const why = blocked.slice(0, 64);
      throw brokenAnswer(
        "content_filter",
        `the prompt was blocked (${why})`,
        answer.facts,
        answer.progress(),
      );
    }
    return Array.isArray(candidates);
  }

  /** The answer has ended. */
  end(): void {
    for (const [index, signatures] of this.#signatures) {
      if (signatures.text !== undefined || signatures.calls.some((each) => each !== null)) {
        this.#answer.keep({ [wireName]: signatures }, index);
      }
    }
  }

  #candidate(candidate: unknown): void {
    const answer = this.#answer;
    if (!isObject(candidate)) throw answer.broken("a candidate that is not a JSON object");
    const index = candidate.index ?? 0;
    if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index >= maxCandidates) {
      throw answer.broken(`a candidate whose index is not a whole number from 0 to ${maxCandidates - 1}`);
    }
    answer.begin(index);
    const parts = memberOf(candidate.content, "parts");
    if (Array.isArray(parts)) for (const part of parts) this.#part(part, index);
    const finish = textIn(candidate.finishReason);
    if (finish !== undefined) answer.finish(finish, index);
  }

  /** Text, thoughts and calls; other kinds (code that Google ran, images) are not for this answer. */
  #part(part: unknown, index: number): void {
    if (!isObject(part)) throw this.#answer.broken("a part that is not a JSON object");
    const { text, functionCall } = part;
    const signature = textIn(part.thoughtSignature);
    if (isObject(functionCall)) this.#call(functionCall, signature, index);
    else if (typeof text === "string") {
      if (signature !== undefined) this.#of(index).text = signature;
      if (part.thought === true) this.#answer.reasoning(text, index);
      else this.#answer.text(text, index);
    }
  }

  #call(call: Record<string, unknown>, signature: string | undefined, index: number): void {
    const { calls } = this.#of(index);
    const { id, name, args } = call;
    this.#answer.piece({ index: calls.length, id, function: { name, arguments: args ?? {} } }, index);
    calls.push(signature ?? null);
  }

  #of(index: number): Signatures {
    let signatures = this.#signatures.get(index);
    if (signatures === undefined) {
      signatures = { calls: [] };
      this.#signatures.set(index, signatures);
    }
    return signatures;
  }
}

/** Thoughts are counted beside the candidates' tokens, and so is what tools of Google's put into the prompt. */
export function decodeUsage(raw: unknown): Usage {
  if (!isObject(raw)) return noUsage;
  const thoughts = raw.thoughtsTokenCount;
  return usageFrom({
    input: count(raw.promptTokenCount) + count(raw.toolUsePromptTokenCount),
    output: count(raw.candidatesTokenCount) + count(thoughts),
    cached: count(raw.cachedContentTokenCount),
    reasoning: thoughts === undefined ? undefined : count(thoughts),
    raw,
  });
}
