/** What a contestant is to do. It answers each question with a Block. */
export interface Job {
  /** The provider's base URL. */
  readonly url: string;
  readonly model: string;
  readonly side: Side;
}

export const sides = ["trunkline", "@ax-llm/ax", "dspy"] as const;
export type Side = (typeof sides)[number];

/** Make so many calls, `concurrency` of them at once. */
export interface Question {
  readonly kind: Kind;
  readonly calls: number;
  readonly concurrency: number;
}

/** One message through the contestant's own LM, or the program on top of it. */
export type Kind = "lm" | "program";

/** What a block of calls took. */
export interface Block {
  readonly calls: number;
  readonly ms: number;
  /** Processor time of all threads, in microseconds. */
  readonly cpuUs: number;
}
