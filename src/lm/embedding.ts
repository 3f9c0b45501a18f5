import type { Completion, Cost, Usage } from "../core/answer.ts";
import type { Check } from "../core/check.ts";
import { type CompletionDetails, usageOf } from "../core/completion.ts";
import { type EmbedOptions, embedChecks } from "../core/request.ts";
import { type Behaviour, behaviourChecks, type CallInit, callChecks } from "./options.ts";

/** What `lm.embed` may say. */
export interface EmbedInit
  extends EmbedOptions,
    Behaviour,
    Pick<CallInit, "signal" | "headers" | "rolloutId"> {}

/** What `lm.embed` brings. */
export interface Embedding {
  /** One vector for each text, in order. */
  readonly vectors: readonly (readonly number[])[];
  readonly usage: Usage;
  /** Undefined where no price is known. */
  readonly cost?: Cost;
  readonly model: string;
  readonly cacheHit: boolean;
}

const { signal, headers, rolloutId } = callChecks;
export const embedInitChecks = {
  ...embedChecks,
  ...behaviourChecks,
  signal,
  headers,
  rolloutId,
} satisfies Record<keyof EmbedInit, Check>;

/** The texts in lists of at most `most`; one list where they fit, and where there is nothing to slice. */
export function slices(texts: readonly string[], most: number): readonly (readonly string[])[] {
  if (!Array.isArray(texts) || texts.length <= most) return [texts];
  return Array.from({ length: Math.ceil(texts.length / most) }, (_, i) =>
    texts.slice(i * most, (i + 1) * most),
  );
}

/** The answers to several requests as one. */
export function joinEmbeddings(answers: readonly Completion[]): Embedding {
  const [first] = answers;
  const costs = answers.map(({ cost }) => cost).filter((cost) => cost !== undefined);
  return {
    vectors: answers.flatMap(({ vectors = [] }) => vectors),
    usage: answers.length === 1 ? first!.usage : usageOf(sumOf(answers)),
    ...(costs.length === answers.length && {
      cost: { usd: total(costs.map(({ usd }) => usd)), saved: total(costs.map(({ saved }) => saved)) },
    }),
    model: first!.model,
    cacheHit: answers.every(({ cacheHit }) => cacheHit),
  };
}

function sumOf(answers: readonly Completion[]): CompletionDetails {
  return {
    inputTokens: total(answers.map(({ usage }) => usage.inputTokens)),
    outputTokens: total(answers.map(({ usage }) => usage.outputTokens)),
    cachedInputTokens: total(answers.map(({ usage }) => usage.cachedInputTokens)),
  };
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);
