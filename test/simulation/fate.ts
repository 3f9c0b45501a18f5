import type { Completion } from "../../src/core/completion.ts";
import type { Attempt } from "./sight.ts";

/** What one attempt will meet: instants after its start, and how it ends. */
export interface Fate {
  readonly name: string;
  /** What it asks to wait, where it says so in earnest. */
  readonly hintMs?: number;
  readonly sentMs: number;
  /** The first byte of the answer; Infinity: never one. */
  readonly firstMs: number;
  /** Infinity: it never ends. */
  readonly endMs: number;
  readonly pieces: number;
  /** Deltas that come when the answer is over. */
  readonly afterwards?: number;
  /** The answer, or the error to reject with. */
  readonly end: () => Completion | { readonly error: unknown };
}

/** When the pieces of the answer come. */
export function pieceTimes({ firstMs, endMs, pieces }: Fate): number[] {
  if (firstMs === Number.POSITIVE_INFINITY) return [];
  const gap = endMs === Number.POSITIVE_INFINITY ? 10 : (endMs - firstMs) / Math.max(1, pieces);
  return range(pieces).map((i) => Math.floor(firstMs + i * gap));
}

export function idOf(attempt: Attempt): string {
  return `${attempt.call.plan.id}.${attempt.number}`;
}

export function pieceOf(attempt: Attempt, i: number): string {
  return `${idOf(attempt)}:${i} `;
}

export function textOf(attempt: Attempt, pieces: number): string {
  return range(pieces)
    .map((i) => pieceOf(attempt, i))
    .join("");
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
