import type { Choice, Completion } from "../core/completion.ts";

/** An answer that cannot change any more, and its JSON text where it may be stored. */
export interface Settled {
  readonly answer: Completion;
  /** Undefined for what must not be seen again. */
  readonly text?: string;
}

/** Whether an answer is worth keeping: whole, unfiltered, and not empty. */
export function isComplete({ choices, vectors }: Completion): boolean {
  if (vectors !== undefined) return vectors.length > 0;
  return choices.length > 0 && choices.every(isWhole);
}

/** "other" is a provider's word that is not known: it may stand for a pause, an abort or a filter. */
const halves: ReadonlySet<string> = new Set(["length", "content_filter", "error", "other"]);

function isWhole({ finishReason, message }: Choice): boolean {
  return !halves.has(finishReason) && (message.content.trim() !== "" || (message.toolCalls?.length ?? 0) > 0);
}

/**
 * The answer as everybody gets it who waited for it: frozen, and a copy as plain as its text, so that what the
 * driver may still hold, a caller's edit or a class instance never reaches a later reader. Throws where it has no
 * text (a BigInt, a cycle).
 */
export function settle(came: Completion): Settled {
  if (!isComplete(came)) return { answer: freeze(came) };
  const text = JSON.stringify(came);
  return { answer: freeze(JSON.parse(text)), text };
}

/** The same answer as a hit. */
export function asHit(answer: Completion): Completion {
  return Object.freeze({ ...answer, cacheHit: true });
}

/**
 * Freezes plain data at every depth. Vectors are left out, since a frozen list of numbers takes several times its
 * memory; `handOut` copies them.
 */
export function freeze(answer: Completion): Completion {
  for (const [name, member] of Object.entries(answer)) if (name !== "vectors") freezeDeep(member);
  return Object.freeze(answer);
}

/** What a caller gets of a shared answer: itself, or a copy of the part that is not frozen. */
export function handOut(answer: Completion): Completion {
  if (answer.vectors === undefined) return answer;
  return { ...answer, vectors: answer.vectors.map((vector) => vector.slice()) };
}

function freezeDeep(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value))
    return;
  Object.freeze(value);
  for (const member of Object.values(value)) freezeDeep(member);
}
