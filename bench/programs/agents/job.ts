/** What a worker is to do. */
export interface Job {
  readonly agents: number;
  readonly kind: Kind;
}

/** What each agent is made with. */
export const kinds = {
  lm: "{ lm }",
  system: "{ lm, system, temperature }",
  tools: "{ lm, system, tools }",
} as const;
export type Kind = keyof typeof kinds;

/** What a worker measured, after garbage collections. */
export interface Outcome {
  /** By how much the heap grew with all of them alive. */
  readonly aliveBytes: number;
  /** What of that was still there after they were let go. */
  readonly releasedBytes: number;
  readonly descriptorsBefore: number;
  readonly descriptorsAlive: number;
  /** Messages in all their histories. */
  readonly messages: number;
}
