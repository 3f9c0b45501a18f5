import { env } from "../core/env.ts";
import { LM } from "./lm.ts";

const defaultModel = "gemini/gemini-2.5-flash";
let shared: LM | undefined;

/**
 * The process-wide LM: made at the first call from `MODEL_NAME` (default "gemini/gemini-2.5-flash") and the
 * provider's key in the environment, then always the same one. After `clients.close()` the next call makes a new
 * one, read from the environment as it is then.
 *
 * ```ts
 * const lm = getSharedLM();
 * ```
 */
export function getSharedLM(): LM {
  if (shared === undefined || shared.closed) shared = new LM(env("MODEL_NAME") ?? defaultModel);
  return shared;
}
