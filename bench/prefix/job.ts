/** What a worker is to do. */
export interface Job {
  readonly url: string;
  readonly ca: string;
  readonly agents: number;
  /** Tokens of the prefix that all of them share. */
  readonly prefixTokens: number;
  readonly prefixSharing: "auto" | false;
  readonly streamed: boolean;
}

/** What a worker measured. */
export interface Outcome {
  readonly ms: number;
  readonly answered: number;
  readonly failed: number;
  /** As the answers' usage told. */
  readonly cachedInputTokens: number;
  readonly cacheWriteTokens: number;
}
