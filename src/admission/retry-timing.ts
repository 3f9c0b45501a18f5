import { longestPauseMs, spreadHint, usableHint } from "./gate.ts";

/** The first back-off is a draw up to this; each further one up to twice as much as the one before. */
export const firstBackoffMs = 500;
export const longestBackoffMs = 30_000;

/**
 * How long to wait before retry number `retry` (1 is the first). With a hint: never earlier than told, spread
 * upward, so that calls told the same instant do not come back together. Without: full jitter, any moment up to
 * a bound that doubles, because after a common failure everything but chance would keep the callers in step.
 */
export function retryDelay(retry: number, hintMs: number | undefined, chance: number): number {
  const told = usableHint(hintMs);
  if (told !== undefined) return spreadHint(told, chance);
  return chance * Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(retry - 1, 16));
}

/** Whether the hint leads beyond what the call, or anybody, would wait for. */
export function outlasts(hintMs: number | undefined, deadlineAt: number, now: number): boolean {
  const told = usableHint(hintMs);
  return told !== undefined && (told > longestPauseMs || now + told >= deadlineAt);
}
