import type { Cost, Usage } from "../core/answer.ts";
import type { Check } from "../core/check.ts";
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
